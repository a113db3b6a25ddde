"""How people name places: a zone or an airport by its name, or a point of the map."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import InvalidTrip, UnknownZone
from taxi_predictor.domain.place import Place, Point, ZoneId, ZoneTable

__all__ = ["Gazetteer"]

MOST_DIGITS = 9
"""Of a zone's id; Python refuses to read a number of thousands."""
SHOWN_CHARS = 40


@dataclass(frozen=True)
class Gazetteer:
    """The names of one city."""

    city: City
    zones: ZoneTable | None

    @cached_property
    def names(self) -> Mapping[ZoneId, str]:
        """Each zone's name, with its id where several share one."""
        zones = list(self.zones or ())
        times = Counter(zone.name for zone in zones)
        return {zone.id: zone.name if times[zone.name] == 1 else f"{zone.name} ({zone.id})" for zone in zones}

    @cached_property
    def choices(self) -> Sequence[str]:
        """All names that :meth:`find` knows, in the order of the alphabet."""
        return sorted({*self.names.values(), *(airport.name for airport in self.city.airports)})

    def find(self, text: str) -> Place:
        """The place of a name, of a part of one, of a zone's id, or of ``latitude,longitude``.

        Raises:
            InvalidTrip: two numbers that are no point on Earth.
            UnknownZone: nothing is called so.
        """
        text = text.strip()
        if (point := _point(text)) is not None:
            return Place(point)
        if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS:
            return (self.zones or ZoneTable()).place(ZoneId(int(text)))
        wanted = text.casefold()
        named = {name.casefold(): zone for zone, name in self.names.items()}
        airports = {airport.name.casefold(): airport.point for airport in self.city.airports}
        for is_meant in (str.__eq__, str.startswith, str.__contains__):
            for name, zone in named.items():
                if is_meant(name, wanted):
                    return (self.zones or ZoneTable()).place(zone)
            for name, where in airports.items():
                if is_meant(name, wanted):
                    return Place(where)
        raise UnknownZone(f"no place is called {text[:SHOWN_CHARS]!r}")

    def name(self, place: Place) -> str:
        """What people call it, as :meth:`find` takes it."""
        if place.zone is not None and place.zone in self.names:
            return self.names[place.zone]
        airport = next((one.name for one in self.city.airports if one.point == place.point), None)
        return airport or f"{place.point.lat_deg:.5f},{place.point.lon_deg:.5f}"

    def example(self) -> tuple[Place, Place]:
        """A trip to begin with: from the middle of the city to its first airport, or across it."""
        centre, bounds = self.city.bounds.centre, self.city.bounds
        airport = next(iter(self.city.airports), None)
        there = airport.point if airport else Point(centre.lat_deg, (centre.lon_deg + bounds.east_deg) / 2)
        if not self.zones:
            return Place(centre), Place(there)
        return self._nearest(centre), self._nearest(there)

    def _nearest(self, point: Point) -> Place:
        def apart(zone_id: ZoneId) -> float:
            centroid = (self.zones or ZoneTable()).place(zone_id).point
            return (centroid.lat_deg - point.lat_deg) ** 2 + (centroid.lon_deg - point.lon_deg) ** 2

        return (self.zones or ZoneTable()).place(min(self.names, key=apart))


def _point(text: str) -> Point | None:
    try:
        lat_deg, lon_deg = (float(part) for part in text.split(","))
    except ValueError:
        return None
    try:
        return Point(lat_deg, lon_deg)
    except InvalidTrip:
        raise InvalidTrip(
            f"{text[:SHOWN_CHARS]} is not a point on Earth: latitude first, then longitude"
        ) from None
