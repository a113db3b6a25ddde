"""What the city's numbers are made of: what came in when, what was refused and why, and what is missing."""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import msgspec
from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.bars import Bar, plain_bars
from taxi_predictor.adapters.panel.charts.data import days_picture
from taxi_predictor.adapters.panel.hexagon import Hexagon
from taxi_predictor.adapters.panel.markup import filled, link
from taxi_predictor.adapters.panel.pages.page import Page, Parts, Visit, guarded
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.traffic import DayCount, Window

__all__ = ["DataPage", "Gap", "gaps"]

INGESTS = 12
SAMPLES = 5
STALE_DAYS = 45
"""Publishers are two months behind; a month more, and somebody forgot."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Days without any trip, the last one included, between days that have some."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def gaps(days: Sequence[date]) -> Sequence[Gap]:
    """The holes between *days*, oldest first."""
    ordered = sorted(set(days))
    one = timedelta(days=1)
    return [Gap(before + one, after - one) for before, after in pairwise(ordered) if after - before > one]


class DataPage(Page):
    name = "data"
    every_s = 30.0

    def __init__(self, hexagon: Hexagon) -> None:
        self._hexagon = hexagon

    async def parts(self, visit: Visit) -> AsyncGenerator[Parts, None]:
        words = visit.words
        yield {
            "days": await guarded(words, lambda: self._days(words)),
            "ingests": await guarded(words, lambda: self._ingests(words)),
        }
        yield {
            "figures": await guarded(words, lambda: self._figures(words)),
            "rejects": await guarded(words, lambda: self._rejects(visit)),
            "samples": await guarded(words, lambda: self._samples(visit)),
        }

    async def _days(self, words: Words) -> Markup:
        counts = await self._hexagon.traffic.days(Window())
        if not counts:
            raise NotEnoughTrips("no trip was ever stored")
        by_day = _by_day(counts)
        holes = gaps(list(by_day))
        return filled(
            "data_days",
            words=words,
            picture=days_picture(by_day, holes_days=[(hole.first, hole.last) for hole in holes], words=words),
            gaps=[(words.day(hole.first), words.day(hole.last), hole) for hole in holes],
            missing=sum(hole.days for hole in holes),
        )

    async def _figures(self, words: Words) -> Markup:
        count = await self._hexagon.stock.count()
        stored = count.stored
        trips = sum(month.trips for month in stored.trips)
        rejects = sum(one.rows for one in stored.rejects)
        today = self._hexagon.predictor.now().astimezone(self._hexagon.city.tz).date()
        age = None if count.newest_day is None else (today - count.newest_day).days
        return filled(
            "data_figures",
            words=words,
            trips=trips,
            trips_text=words.number(trips),
            rejects=rejects,
            rejects_text=words.number(rejects),
            share=words.percent(rejects / (trips + rejects), 1) if rejects else "",
            newest=count.newest_day and words.day(count.newest_day),
            age=age,
            is_stale=age is not None and age > STALE_DAYS,
            zones=words.number(count.zones),
            predictions=words.number(count.log.predictions),
            outcomes=count.log.outcomes,
        )

    async def _ingests(self, words: Words) -> Markup:
        tz = self._hexagon.city.tz
        rows = [
            (
                words.instant(one.stored_at.astimezone(tz)),
                one.part.family,
                one.part.name.rpartition("/")[2],
                [words.number(number) for number in (one.added, one.known, one.rejected)],
                one,
            )
            for one in await self._hexagon.stock.ingests(INGESTS)
        ]
        return filled("data_ingests", words=words, rows=rows)

    async def _rejects(self, visit: Visit) -> Markup:
        words = visit.words
        count = await self._hexagon.stock.count()
        by_reason: Counter[str] = Counter()
        for one in count.stored.rejects:
            by_reason[one.reason.value] += one.rows
        chosen = visit.query.get("reason")
        bars = [
            Bar(
                name=Markup('<a data-live href="{}"{}>{}</a>').format(
                    link(visit.query, reason=reason),
                    Markup(' aria-current="true"') if reason == chosen else "",
                    words.of("reason", reason),
                ),
                value=rows,
                text=words.number(rows),
            )
            for reason, rows in by_reason.most_common()
        ]
        return filled(
            "data_rejects",
            words=words,
            picture=plain_bars(bars, label=words("data.rejects")) if bars else None,
        )

    async def _samples(self, visit: Visit) -> Markup:
        words, name = visit.words, visit.query.get("reason")
        if not name:
            return filled("data_samples", words=words, reason=None)
        try:
            reason = Rejection(name)
        except ValueError:
            raise Invalid(f"no row is ever refused for {name!r}") from None
        rows = [
            (part.name.rpartition("/")[2], number, msgspec.json.format(record, indent=1))
            for part, batch in await self._hexagon.stock.samples(reason, SAMPLES)
            for number, record in zip(
                batch.table.get_column("row_number"), batch.table.get_column("record"), strict=True
            )
        ]
        return filled("data_samples", words=words, reason=words.of("reason", name), rows=rows)


def _by_day(counts: Sequence[DayCount]) -> dict[date, int]:
    by_day: Counter[date] = Counter()
    for count in counts:
        by_day[count.day] += count.trips
    return dict(by_day)
