"""A spool that is a list."""

from collections.abc import Iterator, Sequence

from taxi_predictor.adapters.memory.predictions import GROUP_RECORDS
from taxi_predictor.domain.errors import StorageFull
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.outbound.spool import PredictionSpool, SpoolPart, SpoolState

__all__ = ["MemoryPredictionSpool"]

RECORD_BYTES = 250
"""About what one takes elsewhere: so that a bound in bytes means something here."""


class MemoryPredictionSpool(PredictionSpool):
    """Of one process, so that nobody ever finds what another left behind."""

    def __init__(self, max_bytes: int = 1 << 30) -> None:
        self._max_records = max_bytes // RECORD_BYTES
        self._damaged = 0
        self._waiting: list[PredictionRecord] = []
        self._held: list[PredictionRecord] = []

    def append(self, records: Sequence[PredictionRecord], /) -> None:
        if len(self._waiting) + len(self._held) + len(records) > self._max_records:
            raise StorageFull("the spool is full")
        self._waiting += records

    def take(self) -> SpoolPart | None:
        if self._held or not self._waiting:
            return None
        self._held, self._waiting = self._waiting, []
        return _Part(self)

    def state(self) -> SpoolState:
        waiting = [*self._held, *self._waiting]
        return SpoolState(
            size_bytes=RECORD_BYTES * len(waiting),
            oldest_at=min((record.answered_at for record in waiting), default=None),
            damaged=self._damaged,
        )

    def hand_over(self) -> None:
        pass  # nothing here outlives the process, nor is there another

    def close(self) -> None:
        self._waiting, self._held = [*self._held, *self._waiting], []


class _Part(SpoolPart):
    def __init__(self, spool: MemoryPredictionSpool) -> None:
        self._spool = spool
        self._records = spool._held  # noqa: SLF001 # a part of it

    def records(self) -> Iterator[Sequence[PredictionRecord]]:
        for first in range(0, len(self._records), GROUP_RECORDS):
            yield self._records[first : first + GROUP_RECORDS]

    def remove(self) -> None:
        if self._is_held:
            self._spool._held = []  # noqa: SLF001

    def set_aside(self) -> None:
        if self._is_held:
            self._spool._damaged += 1  # noqa: SLF001
            self._spool._held = []  # noqa: SLF001

    @property
    def is_latest(self) -> bool:
        return True

    def put_back(self) -> None:
        if self._is_held:
            self._spool._waiting[:0] = self._records  # noqa: SLF001
            self._spool._held = []  # noqa: SLF001

    @property
    def _is_held(self) -> bool:
        return self._spool._held is self._records  # noqa: SLF001
