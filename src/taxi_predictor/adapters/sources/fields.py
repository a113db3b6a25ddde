"""The fields of trips as typed columns, from the columns of a file whatever their types are there."""

from collections.abc import Mapping

import polars as pl

from taxi_predictor.adapters.sources.schemas import COORDINATES, ZONES
from taxi_predictor.domain.trip import MOST_PASSENGERS

__all__ = ["INT32_MAX", "TIMES", "as_text", "read_fields"]

TIMES = ("pickup_at", "dropoff_at")
FACTS = ("distance_km", "distance_mi", "total_amount")

LOCAL_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y%m%dT%H%M%S",
    "%Y%m%dT%H%M",
)
AWARE_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
    "%Y%m%dT%H%M%S%#z",
    "%Y%m%dT%H%M%#z",
)

LEAP_SECOND = r"(?::|T[0-9]{4})60"
"""The engine takes it for the next one; nobody else here knows of it."""

# Of the years 1900 to 2199; far beyond them the engine cannot even print a time.
FIRST_S, LAST_S = -2_208_988_800, 7_258_118_399
UNITS_PER_S: Mapping[str | None, int] = {"ms": 10**3, "us": 10**6, "ns": 10**9}

INT16_MAX, INT32_MAX = 2**15 - 1, 2**31 - 1


def read_fields(raw: pl.DataFrame, columns: Mapping[str, str], *, are_finished: bool) -> pl.DataFrame:
    """One column for each field, null where the file has nothing; *columns* names those it has.

    A time stands in ``..._local`` or in ``..._instant``. ``is_malformed`` marks the rows with a time,
    place or duration that is there and cannot be read; facts that cannot be read are null. How many people
    ride is such a fact of a finished trip; one that is not is asked about, and read as strictly as by others
    who answer.
    """
    given = {
        field: _plain(raw[columns[field]])
        if field in columns
        else pl.repeat(None, len(raw), dtype=pl.Null, eager=True)
        for field in (*TIMES, "duration_s", *COORDINATES, *ZONES, "passenger_count", *FACTS)
    }
    fields: dict[str, pl.Series] = {}
    is_malformed = pl.repeat(False, len(raw), dtype=pl.Boolean, eager=True)
    for field in TIMES:
        local, instant = _times(given[field])
        fields |= {f"{field}_local": local, f"{field}_instant": instant}
        is_malformed = is_malformed | (local.is_null() & instant.is_null() & given[field].is_not_null())
    least_zone, most_passengers = (-INT32_MAX, INT16_MAX) if are_finished else (0, MOST_PASSENGERS)
    for field in ("duration_s", *COORDINATES, *ZONES):
        numbers = _numbers(given[field])
        fields[field] = _whole(numbers, least_zone, INT32_MAX, pl.Int32) if field in ZONES else numbers
        is_malformed = is_malformed | (fields[field].is_null() & given[field].is_not_null())
    passengers = _whole(_numbers(given["passenger_count"]), 0, most_passengers, pl.Int16)
    fields["passenger_count"] = passengers
    if not are_finished:
        is_malformed = is_malformed | (passengers.is_null() & given["passenger_count"].is_not_null())
    for field in FACTS:
        fields[field] = _numbers(given[field])
    return pl.DataFrame({**fields, "is_malformed": is_malformed})


def as_text(series: pl.Series) -> pl.Series:
    """A column of text or bytes as text; bytes that are not UTF-8 are shown in hexadecimal."""
    if series.dtype == pl.Binary:
        return pl.Series(series.name, [_decoded(value) for value in series], dtype=pl.String)
    return series.cast(pl.String, strict=False)


def _decoded(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"\\x{value.hex()}"


def _plain(series: pl.Series) -> pl.Series:
    """Text without blanks around it; blank text, and NaN (for data frames write it), is nothing."""
    if series.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Binary):
        stripped = as_text(series).str.strip_chars()
        return stripped.set(stripped == "", None)
    return series.fill_nan(None) if series.dtype.is_float() else series


def _numbers(plain: pl.Series) -> pl.Series:
    """Finite numbers; what is not one is null."""
    if not (plain.dtype.is_numeric() or plain.dtype in (pl.String, pl.Null)):
        return pl.repeat(None, len(plain), dtype=pl.Float64, eager=True)
    numbers = plain.cast(pl.Float64, strict=False)
    return numbers if numbers.is_finite().all() else numbers.set(~numbers.is_finite(), None)


def _whole(numbers: pl.Series, least: int, most: int, dtype: type[pl.DataType]) -> pl.Series:
    """Whole numbers from *least* to *most*; what is not one is null."""
    fits = numbers.is_between(least, most) & (numbers == numbers.floor())
    return (numbers if fits.all() else numbers.set(~fits, None)).cast(dtype)


def _times(plain: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The local times and the instants in a column; each row is one, the other, or neither."""
    no_local = pl.repeat(None, len(plain), dtype=pl.Datetime("us"), eager=True)
    no_instant = pl.repeat(None, len(plain), dtype=pl.Datetime("us", "UTC"), eager=True)
    if isinstance(plain.dtype, pl.Datetime):
        times = _within_range(plain)
        return (
            (times, no_instant) if plain.dtype.time_zone is None else (no_local, times.cast(no_instant.dtype))
        )
    if plain.dtype != pl.String:
        return no_local, no_instant
    # RFC 3339 has a small t and z as well.
    text = plain.str.to_uppercase()
    text = text.set(text.str.contains(LEAP_SECOND), None)
    local = _parsed(text, LOCAL_FORMATS, no_local)
    unread = text.set(local.is_not_null(), None)
    return _within_range(local), _within_range(_parsed(unread, AWARE_FORMATS, no_instant)).cast(
        no_instant.dtype
    )


def _parsed(text: pl.Series, formats: tuple[str, ...], times: pl.Series) -> pl.Series:
    """*times*, filled in by the first of *formats* that fits each text."""
    zone = times.dtype.time_zone if isinstance(times.dtype, pl.Datetime) else None
    for pattern in formats:
        rows = (times.is_null() & text.is_not_null()).arg_true()
        if rows.is_empty():
            break
        found = text.gather(rows).str.to_datetime(pattern, time_unit="us", time_zone=zone, strict=False)
        times = found if len(rows) == len(times) else times.scatter(rows, found)
    return times


def _within_range(times: pl.Series) -> pl.Series:
    """*times* without their zone and in microseconds; null far from the present."""
    assert isinstance(times.dtype, pl.Datetime)
    per_s = UNITS_PER_S[times.dtype.time_unit]
    ticks = times.to_physical()
    is_near = ticks.is_between(FIRST_S * per_s, LAST_S * per_s)
    ticks = ticks if is_near.all() else ticks.set(~is_near, None)
    return ticks.cast(pl.Datetime(times.dtype.time_unit)).cast(pl.Datetime("us"))
