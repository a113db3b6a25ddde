"""The contract of PredictionSpool: what was appended is taken, by one at a time."""

from abc import abstractmethod
from contextlib import AbstractContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.errors import StorageFull
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.outbound.spool import PredictionSpool, SpoolPart
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.records import a_record, records
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.tables import CONTRACT

__all__ = ["PredictionSpoolContract", "all_of", "drained"]

ROOM = 1 << 20
MANY = 1_200  # more than anybody yields at once


def all_of(part: SpoolPart) -> list[PredictionRecord]:
    return [record for group in part.records() for record in group]


def drained(spool: PredictionSpool) -> list[PredictionRecord]:
    """All that can be taken, which is removed."""
    found = []
    while part := spool.take():
        found += all_of(part)
        part.remove()
    return found


class PredictionSpoolContract(Contract, of=PredictionSpool):
    @abstractmethod
    def open(self, max_bytes: int = ROOM) -> AbstractContextManager[PredictionSpool]:
        """A spool in which nothing waits, and which may take so many bytes."""

    @CONTRACT
    @given(appends=st.lists(st.lists(records(), max_size=3), max_size=5))
    def test_what_was_appended_is_taken_as_it_was(self, appends: list[list[PredictionRecord]]) -> None:
        """Every field, and in the order in which it came."""
        with self.open() as spool:
            for append in appends:
                spool.append(append)
            assert drained(spool) == [record for append in appends for record in append]
            assert spool.take() is None

    def test_a_part_is_held_until_it_is_put_back_or_removed(self) -> None:
        """Nobody else gets it meanwhile; put back, it is whole; removed, it is gone."""
        with self.open() as spool:
            spool.append([a_record(1), a_record(2)])
            part = spool.take()
            assert part is not None
            assert spool.take() is None
            part.put_back()
            part = spool.take()
            assert part is not None
            assert all_of(part) == [a_record(1), a_record(2)]
            part.remove()
            part.put_back()
            assert spool.take() is None

    def test_a_part_that_was_set_aside_is_not_taken_again(self) -> None:
        """It is counted as damaged, waits for nobody, and is in nobody's way."""
        with self.open() as spool:
            spool.append([a_record(1)])
            part = spool.take()
            assert part is not None
            part.set_aside()
            part.put_back()
            assert spool.take() is None
            assert (spool.state().size_bytes, spool.state().damaged) == (0, 1)
            spool.append([a_record(2)])
            assert drained(spool) == [a_record(2)]

    def test_the_part_that_was_appended_to_last_says_so(self) -> None:
        """So that whoever empties a spool which is filled meanwhile comes to an end."""
        with self.open() as spool:
            for number in range(2):
                spool.append([a_record(number)])
                part = spool.take()
                assert part is not None
                assert part.is_latest
                part.remove()

    def test_records_of_a_part_can_be_read_again(self) -> None:
        """Each time from the first, in groups of which none is empty."""
        with self.open() as spool:
            kept = [a_record(number) for number in range(MANY)]
            spool.append(kept)
            part = spool.take()
            assert part is not None
            next(iter(part.records()))
            is_the_same = all_of(part) == all_of(part) == kept
            assert is_the_same, "not all of them each time"
            sizes = [len(group) for group in part.records()]
            assert len(sizes) > 1
            assert 0 not in sizes

    def test_appending_goes_on_while_a_part_is_held(self) -> None:
        """What comes then is for the next part."""
        with self.open() as spool:
            spool.append([a_record(1)])
            part = spool.take()
            assert part is not None
            spool.append([a_record(2)])
            assert all_of(part) == [a_record(1)]
            part.remove()
            assert drained(spool) == [a_record(2)]

    def test_it_tells_how_much_waits_and_how_long(self) -> None:
        """What is held counts, for it is nowhere else."""
        with self.open() as spool:
            assert (spool.state().size_bytes, spool.state().oldest_at, spool.state().damaged) == (0, None, 0)
            spool.append([a_record(1)])
            one = spool.state()
            assert one.size_bytes > 0
            assert one.oldest_at is not None
            spool.append([a_record(2)])
            assert spool.state().size_bytes > one.size_bytes
            assert spool.state().oldest_at == one.oldest_at
            part = spool.take()
            assert part is not None
            assert spool.state().size_bytes > one.size_bytes
            part.remove()
            assert (spool.state().size_bytes, spool.state().oldest_at) == (0, None)

    def test_beyond_its_bound_it_takes_nothing(self) -> None:
        """Nor half an append; and takes again once there is room."""
        batch = [a_record(number) for number in range(7)]
        with self.open(20_000) as spool:
            appended = 0
            with pytest.raises(StorageFull):
                while appended < MANY:
                    spool.append(batch)
                    appended += 1
            assert appended, "the bound is beyond a few records"
            assert spool.state().size_bytes <= 20_000
            assert len(drained(spool)) == appended * len(batch)
            spool.append(batch)
            assert drained(spool) == batch

    def test_after_it_was_closed_nothing_is_held(self) -> None:
        """What was appended can be taken; closing twice and handing over are harmless."""
        with self.open() as spool:
            spool.append([a_record(1, at=NOON)])
            spool.hand_over()
            spool.close()
            spool.close()
            spool.hand_over()
            assert drained(spool) == [a_record(1, at=NOON)]
