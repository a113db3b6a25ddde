"""Recent answers and outcomes, kept as sums over time so that every row is read about once."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.city import City
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.evaluation import Answers, Evaluation
from taxi_predictor.domain.features import FEATURE_NAMES, FeatureEncoder, PlanValues, plan_values
from taxi_predictor.domain.live import ALL, LiveSums
from taxi_predictor.domain.model import Manifest
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.domain.reference import PREDICTION
from taxi_predictor.domain.slices import slices
from taxi_predictor.ports.outbound.outcomes import EndedPrediction, OutcomeLog
from taxi_predictor.ports.outbound.predictions import PredictionLog

__all__ = ["LONGEST", "LiveWindows"]

LONGEST = timedelta(days=28)
"""Nothing older is kept."""
DELAYS_KEPT = timedelta(days=1)
"""Delays cannot be summed up: the number of every outcome is kept for this long."""
PART = timedelta(days=1)
"""How much is read at a time: to sort weeks of outcomes would take a store too long."""
LATE = timedelta(hours=2)
"""A prediction may come into the log this much later than it was made, or an outcome to its prediction, and
still be counted at the next look; what comes later is counted at the next reading of everything."""

T = TypeVar("T")

Manifests = Mapping[str, Manifest]
"""Of models, by their label."""
Steps = dict[datetime, dict[str, LiveSums]]
"""By when they began, and by label."""
Waiting = dict[tuple[datetime, str], list[T]]
"""What is still to be summed up, by step and label."""


def label_of(record: PredictionRecord) -> str:
    """Who answered: the number of a version, or the step of the ladder that stood in for one."""
    return str(record.source if record.whole_model is None else record.whole_model)


class LiveWindows:
    """Sums of steps in time, by label. What was answered belongs to the step of its answer, what ended to
    that of its report."""

    def __init__(
        self,
        *,
        predictions: PredictionLog,
        outcomes: OutcomeLog,
        m: ColumnArithmetic,
        city: City,
        step: timedelta = timedelta(hours=1),
        read_all_every: timedelta = timedelta(days=1),
    ) -> None:
        self._predictions = predictions
        self._outcomes = outcomes
        self._m = m
        self._city = city
        self._step = step
        self._read_all_every = read_all_every
        self._encoder: FeatureEncoder[Column] = FeatureEncoder(city, m)
        self._steps: Steps = {}
        self._delays_s: dict[datetime, list[float]] = {}
        self._read_until: datetime | None = None
        self._read_all_at: datetime | None = None

    async def read(self, now: datetime, manifests: Manifests, zones: ZoneTable | None) -> None:
        """Take in what came up to, not including, *now*.

        Raises:
            Unavailable: a log does not answer; the next time begins where this one did.
        """
        is_all = self._read_all_at is None or now - self._read_all_at >= self._read_all_every
        since = now - LONGEST if is_all or self._read_until is None else self._read_until - LATE
        since = self._start_of(since)
        steps: Steps = {}
        delays_s: dict[datetime, list[float]] = {}
        oldest, oldest_delay = self._start_of(now - LONGEST), self._start_of(now - DELAYS_KEPT)

        def answered(label: str, records: Sequence[PredictionRecord]) -> LiveSums:
            return self._answered(records, manifests.get(label), zones)

        def ended(label: str, those: Sequence[EndedPrediction]) -> LiveSums:
            return self._ended(those, zones)

        records: Waiting[PredictionRecord] = {}
        async with aclosing(_in_parts(self._predictions.between, since, now)) as groups:
            async for group in groups:
                for record in group:
                    key = (self._start_of(record.answered_at), label_of(record))
                    records.setdefault(key, []).append(record)
                await _sum_up(records, steps, answered, but_the_last=True)
        await _sum_up(records, steps, answered)
        reports: Waiting[EndedPrediction] = {}
        async with aclosing(_in_parts(self._outcomes.ended, since, now)) as endings:
            async for those in endings:
                for one in those:
                    start = self._start_of(one.outcome.reported_at)
                    reports.setdefault((start, label_of(one.record)), []).append(one)
                    if start >= oldest_delay:
                        delays_s.setdefault(start, []).append(_delay_s(one))
                await _sum_up(reports, steps, ended, but_the_last=True)
        await _sum_up(reports, steps, ended)
        self._steps = {at: sums for at, sums in self._steps.items() if oldest <= at < since} | steps
        self._delays_s = {
            at: of for at, of in self._delays_s.items() if oldest_delay <= at < since
        } | delays_s
        self._read_until = now
        if is_all:
            self._read_all_at = now

    def sums(self, window: timedelta, now: datetime) -> Mapping[str, LiveSums]:
        """What *window* before *now* holds, by label: whole steps, the first of which may begin earlier."""
        first = self._start_of(now - window)
        total: dict[str, LiveSums] = {}
        for at, labels in self._steps.items():
            if at >= first:
                for label, sums in labels.items():
                    total.setdefault(label, LiveSums()).add(sums)
        return total

    def delays_s(self, now: datetime) -> Sequence[float]:
        """How long after their ends trips were reported in the last day, in ascending order."""
        first = self._start_of(now - DELAYS_KEPT)
        return sorted(delay for at, delays in self._delays_s.items() if at >= first for delay in delays)

    def _answered(
        self, records: Sequence[PredictionRecord], manifest: Manifest | None, zones: ZoneTable | None
    ) -> LiveSums:
        m, features = self._m, self._features(records)
        members = {ALL: m.column([1.0] * len(records)), **dict(slices(m, features, self._city, zones))}
        answered = {name: m.total(member) for name, member in members.items()}
        sums = LiveSums(answered={name: trips for name, trips in answered.items() if trips})
        if manifest is None:
            return sums
        mu, sigma = (m.column([getattr(r, name) for r in records]) for name in ("mu", "sigma"))
        error_s = DurationDistribution(m, mu, sigma, manifest.residuals).expected_error_s()
        sums.expected = dict(sums.answered)
        sums.expected_error_s = {name: m.total(error_s * members[name]) for name in sums.answered}
        if manifest.reference is not None:
            values = {**features, PREDICTION: m.column([record.duration_s for record in records])}
            sums.values = {
                name: bins.count(m, values[name]) for name, bins in manifest.reference.features.items()
            }
        return sums

    def _ended(self, ended: Sequence[EndedPrediction], zones: ZoneTable | None) -> LiveSums:
        m, records = self._m, [one.record for one in ended]
        evaluation = Evaluation(self._city, zones)
        lower_s, median_s, upper_s = (
            m.column([getattr(record, name) for record in records])
            for name in ("lower_s", "duration_s", "upper_s")
        )
        evaluation.add_answers(
            m.column([one.outcome.duration_s for one in ended]),
            Answers(m=m, lower_s=lower_s, median_s=median_s, upper_s=upper_s),
            self._features(records),
        )
        return LiveSums(
            ended={ALL: evaluation.overall, **evaluation.slices},
            days=dict[date, float](Counter(one.pickup_at.astimezone(self._city.tz).date() for one in ended)),
        )

    def _features(self, records: Sequence[PredictionRecord]) -> Mapping[str, Column]:
        rows = (plan_values(record.plan, self._city) for record in records)
        columns = map(self._m.column, zip(*rows, strict=True))
        return dict(zip(FEATURE_NAMES, self._encoder.encode(PlanValues(*columns)), strict=True))

    def _start_of(self, at: datetime) -> datetime:
        since = datetime(2000, 1, 1, tzinfo=UTC)
        return since + (at - since) // self._step * self._step


async def _in_parts(
    reading: Callable[[datetime, datetime], AsyncGenerator[Sequence[T], None]],
    since: datetime,
    until: datetime,
) -> AsyncGenerator[Sequence[T], None]:
    while since < until:
        end = min(since + PART, until)
        async with aclosing(reading(since, end)) as groups:
            async for group in groups:
                yield group
        since = end


async def _sum_up(
    waiting: Waiting[T],
    steps: Steps,
    sums_of: Callable[[str, Sequence[T]], LiveSums],
    *,
    but_the_last: bool = False,
) -> None:
    """Add what waits to its steps; *but_the_last* one may not be complete, for rows come in order of time."""
    last = max((at for at, _ in waiting), default=None)
    for at, label in [key for key in waiting if not but_the_last or key[0] != last]:
        sums = await asyncio.to_thread(sums_of, label, waiting.pop((at, label)))
        steps.setdefault(at, {}).setdefault(label, LiveSums()).add(sums)


def _delay_s(one: EndedPrediction) -> float:
    ended_at = one.pickup_at + timedelta(seconds=one.outcome.duration_s)
    return max((one.outcome.reported_at - ended_at).total_seconds(), 0.0)
