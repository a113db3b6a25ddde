"""A trip before it starts, a trip that ended, and many of either as columns.

What is known only afterwards (duration, metered distance, fares) cannot reach a model: a model is
asked with a :class:`TripPlan` or a :class:`PlanBatch`, and neither can hold it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from typing import Any, NewType, Protocol, Self

from taxi_predictor.domain.errors import InvalidTrip, LeakedColumns
from taxi_predictor.domain.place import Place, Point

__all__ = [
    "FACT_COLUMNS",
    "MOST_PASSENGERS",
    "PLAN_COLUMNS",
    "TRIP_COLUMNS",
    "FinishedTrip",
    "PlanBatch",
    "Table",
    "TripBatch",
    "TripId",
    "TripPlan",
    "named_trip_id",
]

TripId = NewType("TripId", str)

MOST_PASSENGERS = 9
"""Nobody asks for a taxi for more. Meters have counted more, so a trip that was taken may have had them."""


def named_trip_id(family: str, name: str) -> TripId:
    """The id of the trip that sources of a *family* call *name*: the same for ever."""
    return TripId(blake2s(f"{family}\0{name}".encode(), digest_size=16).hexdigest())


PLAN_COLUMNS = (
    "pickup_at",  # instant, microseconds, UTC
    "pickup_lat_deg",
    "pickup_lon_deg",
    "pickup_zone",  # whole number or null
    "dropoff_lat_deg",
    "dropoff_lon_deg",
    "dropoff_zone",  # whole number or null
    "passenger_count",  # whole number or null
)
FACT_COLUMNS = (
    "trip_id",  # 32 hexadecimal digits
    "duration_s",
    "metered_distance_km",  # may be null
    "total_amount",  # what was paid, in the city's currency; may be null
)
TRIP_COLUMNS = (*PLAN_COLUMNS, *FACT_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TripPlan:
    """A trip as it is known before it starts: all that a model may see."""

    pickup: Place
    dropoff: Place
    pickup_at: datetime
    passenger_count: int | None = None

    def __post_init__(self) -> None:
        if self.pickup_at.tzinfo is None or self.pickup_at.utcoffset() is None:
            raise InvalidTrip(
                "pickup_at needs a time zone: without one it names no instant", part="pickup_at"
            )
        if self.passenger_count is not None and self.passenger_count < 0:
            raise InvalidTrip(
                f"passenger_count must not be negative, got {self.passenger_count}", part="passenger_count"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedTrip:
    """A trip that ended, with what only then is known."""

    trip_id: TripId
    plan: TripPlan
    duration_s: float
    metered_distance_km: float | None = None
    total_amount: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.duration_s < float("inf"):
            raise InvalidTrip(f"duration_s must be positive and finite, got {self.duration_s}")

    @property
    def ended_at(self) -> datetime:
        return self.plan.pickup_at.astimezone(UTC) + timedelta(seconds=self.duration_s)


class Table(Protocol):
    """Named columns that cross a port without an object per row (a polars frame is one).

    Engines exchange them through the Arrow C stream interface.
    """

    @property
    def columns(self) -> list[str]: ...
    def __len__(self) -> int: ...
    def select(self, columns: Sequence[str], /) -> Self: ...
    def filter(self, keep: list[bool], /) -> Self: ...
    def slice(self, offset: int, length: int, /) -> Self: ...
    def get_column(self, name: str, /) -> Iterable[Any]: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@dataclass(frozen=True, slots=True)
class PlanBatch:
    """Trips before they start: exactly the columns :data:`PLAN_COLUMNS`.

    Raises:
        LeakedColumns: the table holds anything else, such as a metered distance.
    """

    table: Table

    def __post_init__(self) -> None:
        if tuple(self.table.columns) != PLAN_COLUMNS:
            found = sorted(set(self.table.columns) ^ set(PLAN_COLUMNS)) or self.table.columns
            raise LeakedColumns(f"a plan has the columns {PLAN_COLUMNS} and no others; differs in {found}")

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[TripPlan]:
        """The plans one by one: for some, not for millions."""
        for (
            pickup_at,
            from_lat_deg,
            from_lon_deg,
            from_zone,
            to_lat_deg,
            to_lon_deg,
            to_zone,
            passenger_count,
        ) in zip(*map(self.table.get_column, PLAN_COLUMNS), strict=True):
            yield TripPlan(
                pickup=Place(Point(from_lat_deg, from_lon_deg), from_zone),
                dropoff=Place(Point(to_lat_deg, to_lon_deg), to_zone),
                pickup_at=pickup_at,
                passenger_count=passenger_count,
            )


@dataclass(frozen=True, slots=True)
class TripBatch:
    """Trips that ended: exactly the columns :data:`TRIP_COLUMNS`."""

    table: Table

    def __post_init__(self) -> None:
        if tuple(self.table.columns) != TRIP_COLUMNS:
            raise InvalidTrip(f"finished trips have the columns {TRIP_COLUMNS}, got {self.table.columns}")

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[FinishedTrip]:
        """The trips one by one: for some, not for millions."""
        facts = zip(*map(self.table.get_column, FACT_COLUMNS), strict=True)
        for plan, (trip_id, duration_s, metered_distance_km, total_amount) in zip(
            self.plans, facts, strict=True
        ):
            yield FinishedTrip(
                trip_id=trip_id,
                plan=plan,
                duration_s=duration_s,
                metered_distance_km=metered_distance_km,
                total_amount=total_amount,
            )

    @property
    def plans(self) -> PlanBatch:
        """The same trips as they were known before they started."""
        return PlanBatch(self.table.select(PLAN_COLUMNS))
