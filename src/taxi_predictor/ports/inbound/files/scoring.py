"""How long will every trip of a file take? For files of any length, and across interruptions."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from taxi_predictor.domain.arithmetic import Column
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.evaluation import COVERAGE
from taxi_predictor.domain.trip import PlanBatch
from taxi_predictor.ports.inbound.answers.predicting import SLICE_TRIPS, DurationPredictor, Standing
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.scoring import Reached, RowForm, ScoringFiles, Terms

__all__ = ["Scored", "Scoring", "Told", "quantiles_s", "told_nobody"]

DECIMALS = 3
"""Of seconds, as in every face."""

Told = Callable[[Reached, int | None], Awaitable[None]]
"""Is told how far scoring has come, and of how many rows, where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A file that is answered."""

    rows: int
    refused: int
    resumed_at: int
    """How many of the rows an earlier run had answered, by the same terms."""


async def told_nobody(reached: Reached, total: int | None) -> None:
    """Nobody waits for it."""


class Scoring:
    """Answers file for file; one model and one live level answer all rows of one."""

    def __init__(self, *, files: ScoringFiles, predictor: DurationPredictor, clock: Clock) -> None:
        self._files = files
        self._predictor = predictor
        self._clock = clock

    async def score(
        self,
        source: str,
        target: str,
        *,
        form: RowForm,
        answer_form: RowForm | None = None,
        coverage: float = COVERAGE,
        tell: Told = told_nobody,
    ) -> Scored:
        """Let *target* hold an answer or a problem for each row of *source*, in their order.

        *form* is that of *source*, and of *target* unless *answer_form* is another. Where this was
        interrupted, the same again goes on from there; by another file, coverage or model all is begun anew.

        Raises:
            MissingSource, UnknownSchema, NoZones, UnreadableSource: of *source*, as its port says.
            TargetInUse: somebody else is at it.
            NoChampion: nobody can answer.
            StorageFull, Unavailable: what was answered is kept, and can be gone on from.
        """
        async with self._files.answers(target, answer_form or form) as answers:
            rows = await self._files.rows(source, form, zones=await self._predictor.zones_if_known())
            standing = self._predictor.standing()
            terms = Terms(
                source=rows.identity,
                coverage=coverage,
                version=standing.served.version,
                answered_by=standing.served.source,
                now=self._clock.now(),
                level=standing.level,
            )
            former = await answers.terms()
            if former is not None and former.are_for(terms):
                terms = former
            else:
                await answers.begin(terms)
            standing = Standing(standing.served, terms.level)
            reached = await answers.reached()
            resumed_at = reached.rows
            await tell(reached, rows.total)
            async with aclosing(rows.pieces(reached, now=terms.now)) as pieces:
                async for piece in pieces:
                    found = await asyncio.to_thread(self._answers, piece.plans, standing, coverage)
                    reached = await answers.add(piece, found)
                    await tell(reached, rows.total)
            await answers.finish()
        return Scored(rows=reached.rows, refused=reached.refused, resumed_at=resumed_at)

    def _answers(self, plans: PlanBatch, standing: Standing, coverage: float) -> Sequence[Sequence[float]]:
        """The median and both ends of the interval in seconds, of each of *plans*."""
        found: tuple[list[float], list[float], list[float]] = ([], [], [])
        for offset in range(0, len(plans), SLICE_TRIPS):  # so that memory is bounded
            piece = PlanBatch(plans.table.slice(offset, SLICE_TRIPS))
            estimate, _ = self._predictor.predict_batch(piece, by=standing)
            for values, more in zip(found, quantiles_s(estimate.distribution, coverage), strict=True):
                values += more
        return found


def quantiles_s(
    distribution: DurationDistribution[Column], coverage: float
) -> tuple[list[float], list[float], list[float]]:
    """The medians and both ends of the intervals, to the millisecond, as Python rounds."""
    tail = (1 - coverage) / 2
    median_s, lower_s, upper_s = (
        [round(value, DECIMALS) for value in distribution.quantile_s(p).tolist()]
        for p in (0.5, tail, 1 - tail)
    )
    return median_s, lower_s, upper_s
