"""Raw rows of any known schema become believable trips or named rejects; the rules are the domain's.

Local times follow one rule. A time in the hour that is skipped is a reject. A time in the hour that
happens twice is ambiguous: a trip that seems to end before it began ran over the change (first
reading for its pickup, second for its drop-off); a pickup in that hour whose drop-off is after it is
taken for the second reading; everything else for the first. Ambiguous rows are counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from taxi_predictor.adapters.columns.expressions import EXPRESSIONS, as_column, as_expression
from taxi_predictor.adapters.sources.identity import content_ids, named_ids
from taxi_predictor.adapters.sources.schemas import KM_PER_MILE, Schema
from taxi_predictor.domain.city import City
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.plausibility import ReadTrip, doubts
from taxi_predictor.domain.trip import TRIP_COLUMNS, TripBatch
from taxi_predictor.ports.outbound.trips import CleanBatch, RejectBatch

__all__ = ["Cleaning"]

NUMBERS = ("duration_s", "pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon")
WHOLE_NUMBERS = ("pickup_zone", "dropoff_zone")
DATE_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%m/%d/%Y %I:%M:%S %p")
AWARE_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")

TRIP_TYPES: Mapping[str, pl.DataType] = {
    "pickup_at": pl.Datetime("us", "UTC"),
    "pickup_lat_deg": pl.Float64(),
    "pickup_lon_deg": pl.Float64(),
    "pickup_zone": pl.Int32(),
    "dropoff_lat_deg": pl.Float64(),
    "dropoff_lon_deg": pl.Float64(),
    "dropoff_zone": pl.Int32(),
    "passenger_count": pl.Int16(),
    "trip_id": pl.String(),
    "duration_s": pl.Float64(),
    "metered_distance_km": pl.Float64(),
    "total_amount": pl.Float64(),
}


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
        read = self._resolve(self._parse(raw))
        read = read.with_columns(
            reason=self._reason(),
            row_number=pl.int_range(
                first_row_number, first_row_number + len(raw), dtype=pl.Int64, eager=True
            ),
        )
        accepted = read["reason"].is_null()
        trips = read.filter(accepted)
        rejects = read.filter(~accepted).select("row_number", "reason")
        records = raw.filter(~accepted).select(record=pl.struct(pl.all()).struct.json_encode())
        return CleanBatch(
            trips=TripBatch(trips.select(TRIP_COLUMNS)),
            row_numbers=trips["row_number"],
            rejects=RejectBatch(rejects.hstack(records)),
            read=len(raw),
            ambiguous_times=int(read["is_ambiguous"].sum()),
        )

    def _parse(self, raw: pl.DataFrame) -> pl.DataFrame:
        """Give every field its type; what cannot be read is null and marks the row malformed."""
        columns = self.schema.columns
        source = {field: _blank_is_null(raw[name]) for field, name in columns.items()}
        fields: dict[str, pl.Series | pl.Expr] = {}
        malformed = pl.repeat(False, len(raw), eager=True)
        for field in NUMBERS + WHOLE_NUMBERS:
            if field in source:
                number = _number(source[field])
                fields[field] = number
                malformed = malformed | (number.is_null() & source[field].is_not_null())
        for field in ("pickup_at", "dropoff_at"):
            if field in source:
                local, instant = _times(source[field])
                fields[f"{field}_local"], fields[f"{field}_instant"] = local, instant
                malformed = malformed | (local.is_null() & instant.is_null() & source[field].is_not_null())
        absent = [f for f in (*NUMBERS, *WHOLE_NUMBERS) if f not in source]
        distance_km = (
            _number(source["distance_km"])
            if "distance_km" in source
            else _number(source["distance_mi"]) * KM_PER_MILE
            if "distance_mi" in source
            else pl.lit(None)
        )
        frame = pl.DataFrame({"is_malformed": malformed, **fields}).with_columns(
            *(pl.lit(None, dtype=pl.Float64).alias(field) for field in absent),
            metered_distance_km=distance_km,
            passenger_count=_number(source["passenger_count"]).cast(pl.Int16, strict=False)
            if "passenger_count" in source
            else pl.lit(None),
            total_amount=_number(source["total_amount"]) if "total_amount" in source else pl.lit(None),
        )
        if "dropoff_at_local" not in frame.columns:
            frame = frame.with_columns(
                dropoff_at_local=pl.lit(None, dtype=pl.Datetime("us")),
                dropoff_at_instant=pl.lit(None, dtype=pl.Datetime("us", "UTC")),
            )
        return frame.with_columns(trip_id=self._ids(frame, source.get("trip_id")))

    def _ids(self, frame: pl.DataFrame, given: pl.Series | None) -> pl.Series:
        facts = (
            "duration_s",
            *NUMBERS[1:],
            *WHOLE_NUMBERS,
            "passenger_count",
            "metered_distance_km",
            "total_amount",
        )
        times = ("pickup_at_local", "pickup_at_instant", "dropoff_at_local", "dropoff_at_instant")
        # A single-precision column and its text have to give the same id.
        values = [frame[name] for name in times] + [
            frame[name].cast(pl.Float32).cast(pl.Float64) if frame[name].dtype != pl.Int16 else frame[name]
            for name in facts
        ]
        by_content = content_ids(self.schema.family, values)
        if given is None:
            return by_content
        return named_ids(self.schema.family, given).fill_null(by_content)

    def _resolve(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Local times become instants and zones become points."""
        if self.zones is not None and len(self.zones):
            frame = self._locate(frame)
        else:
            frame = frame.with_columns(is_unknown_zone=pl.lit(False))
        frame = frame.with_columns(
            _instant(end, reading, self.city.time_zone).alias(f"{end}_{reading}")
            for end in ("pickup_at", "dropoff_at")
            for reading in ("earliest", "latest")
        )
        seems_backwards = pl.col("dropoff_at_local") < pl.col("pickup_at_local")
        pickup_twice = (pl.col("pickup_at_earliest") != pl.col("pickup_at_latest")).fill_null(False)
        dropoff_twice = (pl.col("dropoff_at_earliest") != pl.col("dropoff_at_latest")).fill_null(False)
        dropoff_after = pl.col("dropoff_at_local").is_not_null() & ~dropoff_twice & ~seems_backwards
        frame = frame.with_columns(
            is_ambiguous=pickup_twice | dropoff_twice,
            pickup_at=pl.when(pickup_twice & dropoff_after)
            .then("pickup_at_latest")
            .otherwise("pickup_at_earliest"),
            dropoff_at=pl.when(dropoff_twice & seems_backwards)
            .then("dropoff_at_latest")
            .otherwise("dropoff_at_earliest"),
        )
        elapsed_s = (pl.col("dropoff_at") - pl.col("pickup_at")).dt.total_microseconds() / 1e6
        return (
            frame.with_columns(
                duration_s=pl.coalesce(elapsed_s, "duration_s"),
            )
            .rename(
                {
                    f"{end}_{axis}": f"{end}_{axis}_deg"
                    for end in ("pickup", "dropoff")
                    for axis in ("lat", "lon")
                }
            )
            .with_columns(
                pl.col("pickup_zone", "dropoff_zone").cast(pl.Int32, strict=False),
            )
        )

    def _locate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Put zone centroids where coordinates are absent."""
        assert self.zones is not None
        zones = pl.DataFrame(
            {
                "zone": [float(zone.id) for zone in self.zones],
                "lat": [zone.centroid.lat_deg for zone in self.zones],
                "lon": [zone.centroid.lon_deg for zone in self.zones],
            },
            schema={"zone": pl.Float64, "lat": pl.Float64, "lon": pl.Float64},
        )
        unknown = pl.lit(False)
        for end in ("pickup", "dropoff"):
            ids = pl.col(f"{end}_zone")
            lacks_point = pl.col(f"{end}_lat").is_null() | pl.col(f"{end}_lon").is_null()
            unknown = unknown | (lacks_point & ids.is_not_null() & ~ids.is_in(zones["zone"].implode()))
            frame = frame.with_columns(
                pl.coalesce(
                    f"{end}_{axis}",
                    ids.replace_strict(zones["zone"], zones[axis], default=None, return_dtype=pl.Float64),
                ).alias(f"{end}_{axis}_found")
                for axis in ("lat", "lon")
            )
        return frame.with_columns(is_unknown_zone=unknown).with_columns(
            pl.col(f"{end}_{axis}_found").alias(f"{end}_{axis}")
            for end in ("pickup", "dropoff")
            for axis in ("lat", "lon")
        )

    def _reason(self) -> pl.Expr:
        """The domain's first doubt about each row, or null."""
        points = [f"{end}_{axis}_deg" for end in ("pickup", "dropoff") for axis in ("lat", "lon")]
        nonexistent = pl.any_horizontal(
            pl.col(f"{end}_local").is_not_null() & pl.col(f"{end}_earliest").is_null()
            for end in ("pickup_at", "dropoff_at")
        )
        lacks_time = pl.col("pickup_at_local").is_null() & pl.col("pickup_at_instant").is_null()
        if self.schema.are_finished:
            lacks_time = lacks_time | (pl.col("duration_s").is_null() & ~nonexistent)
        lacks_place = pl.any_horizontal(pl.col(name).is_null() for name in points) & ~pl.col(
            "is_unknown_zone"
        )
        local = pl.col("pickup_at").dt.convert_time_zone(self.city.time_zone)
        wrong_month = (
            (local.dt.year() != self.month.year) | (local.dt.month() != self.month.month)
            if self.month
            else pl.lit(False)
        )
        trip = ReadTrip(
            is_missing=as_column(lacks_time | lacks_place),
            is_malformed=as_column(pl.col("is_malformed")),
            is_nonexistent_time=as_column(nonexistent),
            is_wrong_month=as_column(wrong_month),
            is_unknown_zone=as_column(pl.col("is_unknown_zone")),
            duration_s=as_column(pl.col("duration_s")),
            **{name: as_column(pl.col(name)) for name in points},
        )
        found = [
            pl.when(as_expression(condition)).then(pl.lit(str(reason)))
            for reason, condition in doubts(EXPRESSIONS, trip, self.city)
        ]
        return pl.coalesce(found)


def _blank_is_null(series: pl.Series) -> pl.Series:
    if series.dtype != pl.String:
        return series
    stripped = series.str.strip_chars()
    return stripped.set(stripped == "", None)


def _number(series: pl.Series) -> pl.Series:
    """Finite numbers; what is not one is null."""
    number = series.cast(pl.Float64, strict=False)
    return number.set(~number.is_finite(), None)


def _times(series: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The local times and the instants that a column holds; each row is one, the other, or neither."""
    no_local = pl.repeat(None, len(series), dtype=pl.Datetime("us"), eager=True)
    no_instant = pl.repeat(None, len(series), dtype=pl.Datetime("us", "UTC"), eager=True)
    if isinstance(series.dtype, pl.Datetime):
        if series.dtype.time_zone is None:
            return series.cast(pl.Datetime("us")), no_instant
        return no_local, series.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))
    if series.dtype != pl.String:
        return no_local, no_instant
    text = pl.DataFrame({"at": series})
    local = no_local
    for pattern in DATE_FORMATS:
        if local.null_count() > series.null_count():
            parsed = text.select(pl.col("at").str.to_datetime(pattern, time_unit="us", strict=False))["at"]
            local = local.zip_with(local.is_not_null(), parsed)
    instant = no_instant
    if local.null_count() > series.null_count():
        for pattern in AWARE_FORMATS:
            parsed = text.select(
                pl.col("at").str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False)
            )["at"]
            instant = instant.zip_with(instant.is_not_null(), parsed)
    return local, instant


def _instant(end: str, reading: str, time_zone: str) -> pl.Expr:
    local = pl.col(f"{end}_local").dt.replace_time_zone(time_zone, ambiguous=reading, non_existent="null")  # type: ignore[arg-type] # one of polars' words
    return pl.coalesce(f"{end}_instant", local.dt.convert_time_zone("UTC"))
