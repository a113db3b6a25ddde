"""The city: when trips are made, how long they take, how fast they are, and how far one gets."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.city import durations_picture, hours_picture, spots_picture
from taxi_predictor.adapters.panel.lands import Land, pin
from taxi_predictor.adapters.panel.markup import filled
from taxi_predictor.adapters.panel.pages.mapped import MapPage
from taxi_predictor.adapters.panel.pages.page import Parts, Visit, guarded, trouble
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips, TaxiPredictorError
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.traffic import PairCount, Window
from taxi_predictor.ports.inbound.answers.reach import ReachMap
from taxi_predictor.ports.inbound.trips.traffic import MIN_PAIR_TRIPS

__all__ = ["CityPage", "Filter"]

WITHIN_MIN = 20
EVENS = 0.5
"""A place is reached when half of the trips to it are in time."""
WITHIN_BOUNDS_MIN = (5, 60)
CELL_KM = 1.0
KINDS = {"": None, "weekday": False, "weekend": True}
RUSH_HOUR = 8
MOST_DIGITS = 9
"""Python refuses to read a number of thousands."""
SHOWN_CHARS = 40
NO_BREAK = "\N{NO-BREAK SPACE}"
"""A line ends between two durations, not within one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What the address asks for."""

    window: Window
    hour: int
    """Of the map alone."""


class CityPage(MapPage):
    name = "city"
    every_s = 60.0

    async def parts(self, visit: Visit) -> AsyncGenerator[Parts, None]:
        words = visit.words
        land, maps = await self.opened(visit)
        try:
            days = await self._hexagon.traffic.days(Window())
            if not days:
                raise NotEnoughTrips("no trip was ever stored")
            chosen = filter_of(visit)
        except TaxiPredictorError as error:
            nothing = ("figures", "hours", "durations", "pairs", "map-legend")
            yield maps | {"controls": trouble(error, words)} | dict.fromkeys(nothing, Markup())
            yield await self._reached(visit, land)
            return
        families = sorted({count.family for count in days})
        maps["controls"] = self._controls(visit, chosen, families, days[0].day, days[-1].day)
        window = chosen.window
        counts, speeds = await asyncio.gather(self._counts(window, words), self._speeds(chosen, land, words))
        yield maps | counts | speeds
        yield {"pairs": await guarded(words, self._pairs(window, land, words))}
        yield await self._reached(visit, land)

    def _controls(self, visit: Visit, chosen: Filter, families: list[str], first: date, last: date) -> Markup:
        window = chosen.window
        return filled(
            "city_controls",
            words=visit.words,
            language=visit.words.language,
            first=window.first or first,
            last=window.last or last,
            earliest=first,
            latest=last,
            family=window.family or "",
            families=families,
            kind=next(name for name, kind in KINDS.items() if kind is window.is_weekend),
            kinds=list(KINDS),
        )

    async def _counts(self, window: Window, words: Words) -> Parts:
        async def figures() -> Markup:
            found = await self._hexagon.traffic.durations(window)
            return filled(
                "city_figures",
                words=words,
                found=found,
                trips=words.number(found.trips),
                median=None if found.median_s is None else words.duration(found.median_s),
                spread=None
                if found.p10_s is None or found.p90_s is None
                else " – ".join(
                    words.duration(end_s).replace(" ", NO_BREAK) for end_s in (found.p10_s, found.p90_s)
                ),
                speed=None if found.speed_km_h is None else words.number(found.speed_km_h, 1),
            )

        async def hours() -> Markup:
            return hours_picture(await self._hexagon.traffic.hours(window), words)

        async def durations() -> Markup:
            return durations_picture(await self._hexagon.traffic.durations(window), words)

        pieces: dict[str, Callable[[], Awaitable[Markup]]] = {
            "figures": figures,
            "hours": hours,
            "durations": durations,
        }
        found = await asyncio.gather(*(guarded(words, piece) for piece in pieces.values()))
        return dict(zip(pieces, found, strict=True))

    async def _speeds(self, chosen: Filter, land: Land, words: Words) -> Parts:
        window = chosen.window
        of_hour = Window(
            first=window.first,
            last=window.last,
            family=window.family,
            hour=chosen.hour,
            is_weekend=window.is_weekend,
        )
        try:
            found = await self._hexagon.traffic.spots(of_hour)
        except TaxiPredictorError as error:
            return {"map-legend": trouble(error, words)}
        colours, cells, legend = spots_picture(found, land.atlas, words, names=land.spot_name)
        return {
            "map-colours": colours,
            "under": cells,
            "map-legend": filled(
                "city_legend", words=words, hour=chosen.hour, legend=legend, count=words.number(len(found))
            ),
        }

    def _pairs(self, window: Window, land: Land, words: Words) -> Callable[[], Awaitable[Markup]]:
        async def pairs() -> Markup:
            def rows(found: list[PairCount]) -> list[tuple[str, str, str, str, PairCount]]:
                return [
                    (
                        f"{land.spot_name(pair.pickup)} → {land.spot_name(pair.dropoff)}",
                        words.number(pair.trips),
                        words.duration(pair.median_s),
                        "–" if pair.speed_km_h is None else words.number(pair.speed_km_h, 1),
                        pair,
                    )
                    for pair in found
                ]

            return filled(
                "city_pairs",
                words=words,
                at_least=MIN_PAIR_TRIPS,
                tables={
                    "busiest": rows(list(await self._hexagon.traffic.busiest(window))),
                    "slowest": rows(list(await self._hexagon.traffic.slowest(window))),
                },
            )

        return pairs

    async def _reached(self, visit: Visit, land: Land) -> Parts:
        """How far one gets, asked of the model that serves: the one part of this page that is no history."""
        words, query = visit.words, visit.query
        drawn = land.atlas.svg(words("city.reach-label"), prefix="reach-")
        try:
            start = self.place(query.get("start"), land, else_=land.gazetteer.example()[0])
            within_min = _whole(query.get("within"), WITHIN_MIN, *WITHIN_BOUNDS_MIN)
            at = self.time(query.get("at"))
            found = await self._reach(start, at, within_min, land)
        except TaxiPredictorError as error:
            return {
                "reach-map": drawn,
                "reach-overlay": Markup(),
                "reach-under": Markup(),
                "reach-controls": self._reach_controls(visit, land, query.get("start", ""), WITHIN_MIN, None),
                "reach-said": trouble(error, words),
            }
        [area] = found.areas
        # Cells come as rows: an outline around each would draw stripes across what is one area.
        style = "reach" if area.cells is None else "reach of-cells"
        path = Markup('<path class="{}" d="{}"/>').format(style, land.atlas.path(area.polygons))
        return {
            "reach-map": drawn,
            "reach-under": path,
            "reach-overlay": pin(land.atlas, start.point, "A"),
            "reach-controls": self._reach_controls(visit, land, land.gazetteer.name(start), within_min, at),
            "reach-said": filled(
                "city_reach",
                words=words,
                area=area,
                km2=words.number(area.area_km2),
                zones=None if area.zones is None else len(area.zones),
                minutes=within_min,
                at=words.instant(at),
            ),
        }

    def _reach_controls(
        self, visit: Visit, land: Land, start: str, within_min: int, at: datetime | None
    ) -> Markup:
        return filled(
            "city_reach_controls",
            words=visit.words,
            language=visit.words.language,
            start=start,
            within=within_min,
            at=visit.query.get("at") or (f"{at:%Y-%m-%dT%H:%M}" if at else ""),
            is_now=not visit.query.get("at"),
            choices=land.choices,
        )

    async def _reach(self, start: Place, at: datetime, within_min: int, land: Land) -> ReachMap:
        reach = self._hexagon.reach
        by = reach.by_zone if land.atlas.has_outlines else partial(reach.by_cell, cell_km=CELL_KM)
        within_s = [timedelta(minutes=within_min).total_seconds()]
        return await by(start, pickup_at=at, within_s=within_s, probability=EVENS)


def filter_of(visit: Visit) -> Filter:
    """What the state of *visit* means.

    Raises:
        Invalid: a day, an hour or a kind of days that is none.
    """
    query = visit.query
    if (kind := query.get("days", "")) not in KINDS:
        raise Invalid(f"days are weekday or weekend, not {kind!r}")
    return Filter(
        window=Window(
            first=_day(query.get("first")),
            last=_day(query.get("last")),
            family=query.get("source") or None,
            is_weekend=KINDS[kind],
        ),
        hour=_whole(query.get("hour"), RUSH_HOUR, 0, 23),
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        shown = (text or "")[:SHOWN_CHARS]
        raise Invalid(f"{shown!r} is not a day such as 2024-03-01") from None


def _whole(text: str | None, default: int, low: int, high: int) -> int:
    if not text:
        return default
    if len(text) > MOST_DIGITS or not text.isdecimal() or not low <= int(text) <= high:
        raise Invalid(f"{text[:SHOWN_CHARS]!r} is not a whole number from {low} to {high}")
    return int(text)
