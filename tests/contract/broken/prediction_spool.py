"""Adapters that break what PredictionSpool promises."""

from collections.abc import Iterator, Sequence

from contract.breaking import breaks
from taxi_predictor.adapters.memory.spool import MemoryPredictionSpool
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.outbound.spool import SpoolPart, SpoolState
from taxi_predictor.ports.testing.prediction_spool import PredictionSpoolContract


@breaks(PredictionSpoolContract, "test_what_was_appended_is_taken_as_it_was")
class TheLastComesFirst(MemoryPredictionSpool):
    def append(self, records: Sequence[PredictionRecord], /) -> None:
        super().append(records)
        self._waiting.reverse()


@breaks(PredictionSpoolContract, "test_a_part_is_held_until_it_is_put_back_or_removed")
class TwoMayTake(MemoryPredictionSpool):
    def take(self) -> SpoolPart | None:
        self.close()
        return super().take()


class ReadOnce(SpoolPart):
    def __init__(self, part: SpoolPart) -> None:
        self._part, self._groups = part, part.records()

    def records(self) -> Iterator[Sequence[PredictionRecord]]:
        return self._groups

    def remove(self) -> None:
        self._part.remove()

    def set_aside(self) -> None:
        self._part.set_aside()

    @property
    def is_latest(self) -> bool:
        return self._part.is_latest

    def put_back(self) -> None:
        self._part.put_back()


class Forgetful(ReadOnce):
    def records(self) -> Iterator[Sequence[PredictionRecord]]:
        return self._part.records()

    def set_aside(self) -> None:
        self._part.put_back()

    @property
    def is_latest(self) -> bool:
        return False


@breaks(PredictionSpoolContract, "test_a_part_that_was_set_aside_is_not_taken_again")
@breaks(PredictionSpoolContract, "test_the_part_that_was_appended_to_last_says_so")
class PartsAreForgetful(MemoryPredictionSpool):
    def take(self) -> SpoolPart | None:
        part = super().take()
        return part and Forgetful(part)


@breaks(PredictionSpoolContract, "test_records_of_a_part_can_be_read_again")
class PartsAreReadOnce(MemoryPredictionSpool):
    def take(self) -> SpoolPart | None:
        part = super().take()
        return part and ReadOnce(part)


@breaks(PredictionSpoolContract, "test_appending_goes_on_while_a_part_is_held")
class AppendsToWhatIsHeld(MemoryPredictionSpool):
    def append(self, records: Sequence[PredictionRecord], /) -> None:
        if self._held:
            self._held += records
        else:
            super().append(records)


@breaks(PredictionSpoolContract, "test_it_tells_how_much_waits_and_how_long")
class WhatIsHeldIsForgotten(MemoryPredictionSpool):
    def state(self) -> SpoolState:
        held, self._held = self._held, []
        state = super().state()
        self._held = held
        return state


@breaks(PredictionSpoolContract, "test_beyond_its_bound_it_takes_nothing")
class TakesWhatFits(MemoryPredictionSpool):
    def append(self, records: Sequence[PredictionRecord], /) -> None:
        room = self._max_records - len(self._waiting) - len(self._held)
        super().append(records[:room])
        super().append(records[room:])


@breaks(PredictionSpoolContract, "test_after_it_was_closed_nothing_is_held")
class HoldsOnToTheEnd(MemoryPredictionSpool):
    def close(self) -> None:
        self._held, self._waiting = self._waiting, []
