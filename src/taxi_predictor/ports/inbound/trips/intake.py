"""Trips come in: read, clean, store, and account for every row."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from taxi_predictor.domain.errors import TooManyRejects
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.record import OUTCOMES
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.runs import Became, RunKind
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName, SourceCatalog, SourcePart
from taxi_predictor.ports.outbound.trips import TripStore
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["IngestReport", "TripIntake"]

MIN_ROWS_TO_JUDGE_REJECTS = 100
"""The share of rejects in fewer rows than this says little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """Where every row went: ``read == added + known + sum(rejected.values())``."""

    read: int = 0
    added: int = 0
    known: int = 0
    rejected: Mapping[Rejection, int] = field(default_factory=dict)
    ambiguous_times: int = 0
    parts: Sequence[PartName] = ()
    ignored_columns: Sequence[str] = ()
    missing_columns: Sequence[str] = ()

    def __add__(self, other: "IngestReport") -> "IngestReport":
        return IngestReport(
            read=self.read + other.read,
            added=self.added + other.added,
            known=self.known + other.known,
            rejected=dict(sorted((Counter(self.rejected) + Counter(other.rejected)).items())),
            ambiguous_times=self.ambiguous_times + other.ambiguous_times,
            parts=(*self.parts, *other.parts),
            ignored_columns=tuple(sorted({*self.ignored_columns, *other.ignored_columns})),
            missing_columns=tuple(sorted({*self.missing_columns, *other.missing_columns})),
        )


class TripIntake:
    def __init__(
        self,
        *,
        catalog: SourceCatalog,
        trips: TripStore,
        zones: ZoneStore,
        progress: Progress,
        max_reject_share: float,
        runs: RunBook,
    ) -> None:
        self._catalog = catalog
        self._trips = trips
        self._zones = zones
        self._progress = progress
        self._max_reject_share = max_reject_share
        self._runs = runs

    async def learn_zones(self, spec: str) -> ZoneTable:
        """Read a zone table and remember it for everything that follows."""
        zones = await self._catalog.zones(spec)
        await self._zones.remember(zones)
        return zones

    async def parts(self, spec: str, *, are_finished: bool = True) -> Sequence[SourcePart]:
        """The parts of a source, places resolved by the remembered zones."""
        zones = await self._zones.zones()
        return await self._catalog.open(spec, zones=zones, are_finished=are_finished).parts()

    async def knows_zones(self) -> bool:
        return await self._zones.zones() is not None

    async def ingest(self, spec: str, *, max_reject_share: float | None = None) -> IngestReport:
        """Store every believable trip of a source, part by part.

        A part is stored whole or not at all; parts before one that fails stay. *max_reject_share*
        overrides the one of the settings.

        Raises:
            TooManyRejects: more than the allowed share of a part's rows was refused.
        """
        allowed = self._max_reject_share if max_reject_share is None else max_reject_share
        kind = RunKind.OUTCOMES if spec.partition(":")[0] == OUTCOMES else RunKind.INGEST
        with self._runs.noted(kind) as run:
            report = await self._ingest(self._trips, spec, allowed)
            run.trips = {
                Became.ADDED: report.added,
                Became.KNOWN: report.known,
                Became.REJECTED: sum(report.rejected.values()),
            }
        return report

    async def ingest_into(
        self, trips: TripStore, spec: str, *, max_reject_share: float | None = None
    ) -> IngestReport:
        """As :meth:`ingest`, into *trips* instead of the store; it is not noted as a run."""
        allowed = self._max_reject_share if max_reject_share is None else max_reject_share
        return await self._ingest(trips, spec, allowed)

    async def _ingest(self, trips: TripStore, spec: str, allowed: float) -> IngestReport:
        total = IngestReport()
        parts = await self.parts(spec)
        rows = [part.rows for part in parts]
        known_rows = float(sum(n for n in rows if n is not None)) if None not in rows else None
        with self._progress.step(f"ingest {spec.rpartition('/')[2]}", total=known_rows) as step:
            for number, part in enumerate(parts, 1):
                step.say(f"part {number} of {len(parts)}")
                total += await self._ingest_part(trips, part, step.advance, allowed)
        return total

    async def _ingest_part(
        self, trips: TripStore, part: SourcePart, advance: Callable[[float], None], max_reject_share: float
    ) -> IngestReport:
        read = ambiguous_times = 0
        rejected: Counter[Rejection] = Counter()

        async def counted() -> AsyncIterator[CleanBatch]:
            nonlocal read, ambiguous_times
            async for batch in part.batches():
                read += batch.read
                ambiguous_times += batch.ambiguous_times
                rejected.update(Rejection(reason) for reason in batch.rejects.table.get_column("reason"))
                yield batch
                advance(batch.read)
            # Raised inside the store's transaction, so that nothing of the part stays.
            _refuse_too_many_rejects(part.name, read, rejected, max_reject_share)

        stored = await trips.add(part.name, counted())
        if stored.duplicates:
            rejected[Rejection.DUPLICATE] += stored.duplicates
        return IngestReport(
            read=read,
            added=stored.added,
            known=stored.known,
            rejected=dict(sorted(rejected.items())),
            ambiguous_times=ambiguous_times,
            parts=(part.name,),
            ignored_columns=part.ignored_columns,
            missing_columns=part.missing_columns,
        )


def _refuse_too_many_rejects(
    part: PartName, read: int, rejected: Counter[Rejection], max_share: float
) -> None:
    share = rejected.total() / read if read else 0.0
    if read >= MIN_ROWS_TO_JUDGE_REJECTS and share > max_share:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in rejected.most_common())
        raise TooManyRejects(
            f"{part.name}: {rejected.total():,} of {read:,} rows ({share:.0%}) were refused, more than"
            f" the {max_share:.0%} allowed, so nothing of it was stored: {reasons}."
            " Mend the source, or raise the limit with --max-rejects"
        )
