"""Raw rows of any known schema become believable trips or named rejects; the rules are the domain's.

Local times are read by the rule of :mod:`local_time`. Coordinates that are given are used; where one
of them is absent, the centroid of the zone stands for the place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from taxi_predictor.adapters.columns.expressions import EXPRESSIONS, as_column, as_expression
from taxi_predictor.adapters.sources.fields import TIMES, as_text, read_fields
from taxi_predictor.adapters.sources.identity import content_ids, named_ids
from taxi_predictor.adapters.sources.local_time import resolve_times
from taxi_predictor.adapters.sources.records import as_records
from taxi_predictor.adapters.sources.schemas import COORDINATES, ZONES, Schema, file_month
from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import NoZones, RepeatedHour
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.plausibility import EARLIEST, LATEST, ReadTrip, doubts
from taxi_predictor.domain.trip import TRIP_COLUMNS, TripBatch
from taxi_predictor.ports.outbound.sources import CleanBatch, RejectBatch

__all__ = ["Cleaning", "cleaning_of", "refuse_without"]

KM_PER_MILE = 1.609344

POINTS = tuple(f"{name}_deg" for name in COORDINATES)

OURS = r"^[0-9A-Fa-f]{32}$"

# What makes an id, in this order for ever.
ID_FIELDS = (
    *(f"{end}_{kind}" for end in TIMES for kind in ("local", "instant")),
    "duration_s",
    *COORDINATES,
    *ZONES,
    "passenger_count",
    "distance_km",
    "distance_mi",
    "total_amount",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """How the rows of one part are read and judged."""

    city: City
    schema: Schema
    zones: ZoneTable | None
    month: date | None
    """The month its rows must be of, if its name says one."""

    def clean(self, raw: pl.DataFrame, first_row_number: int) -> CleanBatch:
        """Judge the rows of *raw*, whose first is number *first_row_number* of its part."""
        are_finished = self.schema.are_finished
        fields = read_fields(raw, self.schema.columns, are_finished=are_finished)
        times = resolve_times(fields, self.city.time_zone)
        read = fields.with_columns(
            *times,
            *self._located(fields),
            trip_id=self._ids(raw, fields),
            row_number=pl.int_range(
                first_row_number, first_row_number + len(raw), dtype=pl.Int64, eager=True
            ),
            metered_distance_km=pl.coalesce("distance_km", pl.col("distance_mi") * KM_PER_MILE),
            duration_s=pl.coalesce(
                (times["dropoff_at"] - times["pickup_at"]).dt.total_microseconds() / 1e6, "duration_s"
            ),
        )
        reason = read.select(reason=self._reason())["reason"]
        # Where nobody knows the end, nothing tells which of two times is meant.
        if not are_finished and times["is_ambiguous"].any():
            reason = reason.set(reason.is_null() & times["is_ambiguous"], RepeatedHour.slug)
        accepted = reason.is_null()
        trips = read.filter(accepted)
        rejects = read.select("row_number", reason=reason).filter(~accepted)
        return CleanBatch(
            trips=TripBatch(trips.select(TRIP_COLUMNS)),
            row_numbers=trips["row_number"],
            rejects=RejectBatch(rejects.with_columns(record=as_records(raw.filter(~accepted)))),
            read=len(raw),
            ambiguous_times=int(times["is_ambiguous"].sum()),
        )

    def _ids(self, raw: pl.DataFrame, fields: pl.DataFrame) -> pl.Series:
        by_content = content_ids(self.schema.family, [fields[name] for name in ID_FIELDS])
        if "trip_id" not in self.schema.columns:
            return by_content
        given = raw[self.schema.columns["trip_id"]]
        names = as_text(given).str.strip_chars()
        if self.schema.keeps_ids:
            return (
                names.str.to_lowercase()
                .set(~names.str.contains(OURS).fill_null(False), None)
                .fill_null(by_content)
            )
        named = named_ids(self.schema.family, names.set(names == "", None))
        return named.fill_null(by_content)

    def _located(self, fields: pl.DataFrame) -> list[pl.Series]:
        """Both points, and which rows name a zone that is needed for one and not known."""
        zones = self.zones or ZoneTable()
        ids = pl.Series(list(zones.zones), dtype=pl.Int64)
        centroids = [zone.centroid for zone in zones]
        columns = {
            "lat": pl.Series([point.lat_deg for point in centroids], dtype=pl.Float64),
            "lon": pl.Series([point.lon_deg for point in centroids], dtype=pl.Float64),
        }
        is_unknown = pl.repeat(False, len(fields), dtype=pl.Boolean, eager=True)
        located = []
        for end in ("pickup", "dropoff"):
            zone = fields[f"{end}_zone"].cast(pl.Int64)
            is_given = fields[f"{end}_lat"].is_not_null() & fields[f"{end}_lon"].is_not_null()
            position = zone.replace_strict(
                ids, pl.int_range(len(ids), dtype=pl.UInt32, eager=True), default=None
            )
            # Trips that ended may name zones beside their points, and nobody needs a table for that.
            if len(zones) or not self.schema.are_finished:
                is_unknown = is_unknown | (~is_given & zone.is_not_null() & position.is_null())
            for axis, of_zones in columns.items():
                value = fields[f"{end}_{axis}"].zip_with(is_given, of_zones.gather(position))
                located.append(value.alias(f"{end}_{axis}_deg"))
        return [*located, is_unknown.alias("is_unknown_zone")]

    def _reason(self) -> pl.Expr:
        """The domain's first doubt about each row, or null."""
        lacks_time = pl.col("pickup_at_local").is_null() & pl.col("pickup_at_instant").is_null()
        if self.schema.are_finished:
            lacks_time = lacks_time | (pl.col("duration_s").is_null() & ~pl.col("is_nonexistent"))
        lacks_place = pl.any_horizontal(pl.col(POINTS).is_null()) & ~pl.col("is_unknown_zone")
        trip = ReadTrip(
            is_missing=as_column(lacks_time | lacks_place),
            is_malformed=as_column(pl.col("is_malformed")),
            is_nonexistent_time=as_column(pl.col("is_nonexistent")),
            is_outside_calendar=as_column(
                (pl.col("pickup_at") < pl.lit(EARLIEST)) | (pl.col("pickup_at") >= pl.lit(LATEST))
            ),
            is_wrong_month=as_column(self._is_wrong_month()),
            is_unknown_zone=as_column(pl.col("is_unknown_zone")),
            duration_s=as_column(pl.col("duration_s")),
            **{name: as_column(pl.col(name)) for name in POINTS},
        )
        found = [
            pl.when(as_expression(condition)).then(pl.lit(str(reason)))
            for reason, condition in doubts(EXPRESSIONS, trip, self.city)
        ]
        return pl.coalesce(found)

    def _is_wrong_month(self) -> pl.Expr:
        if self.month is None:
            return pl.lit(False)
        local = pl.col("pickup_at").dt.convert_time_zone(self.city.time_zone)
        return (local.dt.year() != self.month.year) | (local.dt.month() != self.month.month)


def cleaning_of(
    names: Sequence[str],
    path: str,
    *,
    city: City,
    zones: ZoneTable | None,
    are_finished: bool,
    family: str | None = None,
) -> Cleaning:
    """How the rows of the file at *path* are judged, whose columns have these *names*.

    With *family* it says that it holds trips of that family which were cleaned before.

    Raises:
        UnknownSchema: they are of no known kind.
        NoZones: places are given as zone ids and no zone table is known.
    """
    if family is None:
        schema = Schema.of(names, path=path, are_finished=are_finished)
    else:
        schema = Schema.kept(names, family, path=path, are_finished=are_finished)
    refuse_without(zones, schema, path)
    month = file_month(schema.family, path.rpartition("/")[2].split(".")[0])
    return Cleaning(city=city, schema=schema, zones=zones, month=month)


def refuse_without(zones: ZoneTable | None, schema: Schema, source: str) -> None:
    """See that the places of a file can be known.

    Raises:
        NoZones: they are zone ids, and no zone table is known.
    """
    if schema.needs_zones and not zones:
        raise NoZones(
            f"{source} gives places as zone ids and no zone table is known: name one once with --zones"
            " (a CSV with centroids, the TLC's shapefile, or tlc:)"
        )
