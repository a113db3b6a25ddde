"""What pages with a map of the city have in common: the map, and places and times as people name them."""

from abc import ABC
from datetime import datetime

from taxi_predictor.adapters.panel.hexagon import Hexagon
from taxi_predictor.adapters.panel.lands import Land, Lands
from taxi_predictor.adapters.panel.pages.page import Page, Parts, Visit
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.plausibility import CALENDAR, EARLIEST, LATEST
from taxi_predictor.domain.wall_clock import instant_of

__all__ = ["MapPage"]

SHOWN_CHARS = 40


class MapPage(Page, ABC):
    def __init__(self, hexagon: Hexagon, lands: Lands) -> None:
        self._hexagon = hexagon
        self._lands = lands

    async def opened(self, visit: Visit) -> tuple[Land, Parts]:
        """The city as it is now, and its map, with which every answer begins."""
        land = await self._lands.here()
        return land, {"map": land.atlas.svg(visit.words(f"{self.name}.map-label"))}

    def place(self, named: str | None, land: Land, *, else_: Place) -> Place:
        """The place that is *named* so, or another where none is.

        Raises:
            InvalidTrip: two numbers that are no point on Earth.
            UnknownZone: nothing is called so.
        """
        return land.gazetteer.find(named) if named else else_

    def time(self, text: str | None) -> datetime:
        """The local time that *text* names; now, by the minute, where there is none.

        Raises:
            Invalid: that is no time, one that clocks show twice or never, or beyond the calendar.
        """
        tz = self._hexagon.city.tz
        if not text:
            return self._hexagon.predictor.now().astimezone(tz).replace(second=0, microsecond=0)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise Invalid(f"{text[:SHOWN_CHARS]!r} is not a time such as 2024-03-01T08:30") from None
        if not EARLIEST.year <= at.year < LATEST.year:  # and so its instant can be told
            raise Invalid(f"{at.isoformat()} is not {CALENDAR}")
        return instant_of(at, tz).astimezone(tz)
