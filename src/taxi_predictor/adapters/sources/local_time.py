"""From what a city's clocks showed to instants, also in the nights when the clocks change.

A time in the hour that is skipped does not exist. A time in the hour that happens twice is
ambiguous: a trip that seems to end before it began ran over the change (first reading for its
pickup, second for its drop-off); a pickup in that hour whose drop-off is after the hour is taken
for the second reading; everything else for the first.
"""

from typing import Literal

import polars as pl

from taxi_predictor.adapters.sources.fields import TIMES

__all__ = ["resolve_times"]


def resolve_times(times: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """The columns ``pickup_at`` and ``dropoff_at`` in UTC, ``is_ambiguous``, ``is_nonexistent``.

    Args:
        times: the columns ``..._local`` (no zone) and ``..._instant`` (UTC) of both ends.
    """
    usual = times.select(
        *(_instant(end, "null", time_zone).alias(end) for end in TIMES),
        is_ambiguous=pl.repeat(False, pl.len()),
        is_nonexistent=pl.repeat(False, pl.len()),
    )
    unread = [times[f"{end}_local"].is_not_null() & usual[end].is_null() for end in TIMES]
    rows = (unread[0] | unread[1]).arg_true()
    if rows.is_empty():
        return usual
    # Few rows lie in such an hour, so only they are read by the whole rule.
    unusual = _around_changes(times[rows], time_zone)
    return usual.with_columns(usual[name].scatter(rows, unusual[name]) for name in usual.columns)


def _around_changes(times: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    pickup_local, dropoff_local = (pl.col(f"{end}_local") for end in TIMES)
    first, second = ({end: pl.col(f"{end}_{reading}") for end in TIMES} for reading in ("earliest", "latest"))
    twice = {end: (first[end] != second[end]).fill_null(False) for end in TIMES}
    seems_backwards = (dropoff_local < pickup_local).fill_null(False)
    ends_after = dropoff_local.is_not_null() & ~twice["dropoff_at"] & ~seems_backwards
    return times.with_columns(
        _instant(end, reading, time_zone).alias(f"{end}_{reading}")
        for end in TIMES
        for reading in ("earliest", "latest")
    ).select(
        pickup_at=pl.when(twice["pickup_at"] & ends_after)
        .then(second["pickup_at"])
        .otherwise(first["pickup_at"]),
        dropoff_at=pl.when(twice["dropoff_at"] & seems_backwards)
        .then(second["dropoff_at"])
        .otherwise(first["dropoff_at"]),
        is_ambiguous=twice["pickup_at"] | twice["dropoff_at"],
        is_nonexistent=pl.any_horizontal(
            pl.col(f"{end}_local").is_not_null() & first[end].is_null() for end in TIMES
        ),
    )


def _instant(end: str, reading: Literal["earliest", "latest", "null"], time_zone: str) -> pl.Expr:
    local = pl.col(f"{end}_local").dt.replace_time_zone(time_zone, ambiguous=reading, non_existent="null")
    return pl.coalesce(f"{end}_instant", local.dt.convert_time_zone("UTC"))
