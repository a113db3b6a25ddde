"""Commands about trips: ingest, trips, migrate."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.table import Table

from taxi_predictor.apps.commands.arguments import refuse_share
from taxi_predictor.apps.commands.output import ERR, OUT, refuse_unwritable, result_to, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.commands.sources import ensure_zones, refuse_sources, refuse_zones
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.tables import ingest_table, plain_table
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.inbound.trips.intake import IngestReport
from taxi_predictor.ports.inbound.trips.stock import StoredTrips
from taxi_predictor.ports.outbound.sources import REJECT_COLUMNS, PartName

__all__ = ["ingest", "migrate", "trips"]


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """A refused row, as it is handed to a person or a program."""

    source: PartName
    row_number: int
    reason: Rejection
    record: msgspec.Raw


async def ingest(
    *sources: str,
    zones: str | None = None,
    max_rejects: float | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Read trips, clean them and store the believable ones; what is refused is kept with its reason.

    A file is stored whole or not at all, and ingesting it again adds nothing.

    Parameters
    ----------
    sources
        Files (.parquet, .csv, .csv.gz), folders of them, s3://bucket/folder or gs://bucket/folder (parquet),
        tlc:green:2024-01..2024-03 (or yellow) to
        download from the TLC, simulation: for a made-up city (simulation:trips=1000000,seed=2),
        outcomes: for predicted trips that ended (outcomes:2026-11-25T08 for those of an hour, UTC).
    zones
        Where the taxi zones are: a CSV with centroids, a shapefile, a .zip or folder of it, or tlc:.
        Remembered for everything that follows.
    max_rejects
        Refuse a file of which more than this share is unbelievable [default: TAXI_MAX_REJECT_SHARE].
    json
        Print {read, added, known, rejected: {reason: rows}, ...} instead of a table.
    """
    if not sources and not zones:
        raise Invalid("name at least one source of trips, or a zone table to learn; see ingest --help")
    if not all(sources):
        raise Invalid("the name of a source is empty")
    refuse_share(max_rejects)
    settings, total = load_settings(), IngestReport()
    refuse_sources(settings, *sources)
    refuse_zones(zones)
    async with opened(settings) as container:
        await ensure_zones(container, settings, zones)
        for source in sources:
            total += await container.intake.ingest(source, max_reject_share=max_rejects)
    if json:
        write_json(msgspec.json.encode(total), Path("-"))
        return
    if not sources:
        return  # a table of no rows would look as if trips had been expected
    OUT.print(ingest_table(total))
    if total.missing_columns:
        OUT.print(f"[dim]not in the source: {', '.join(total.missing_columns)}[/dim]")
    if total.ignored_columns:
        OUT.print(f"[dim]not used: {', '.join(total.ignored_columns)}[/dim]")


async def trips(
    *,
    rejects: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    reason: Rejection | None = None,
    family: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Show what is stored: trips by source and month, refused rows by reason.

    Parameters
    ----------
    rejects
        Write the refused rows to this file: a .csv has the columns of their source, to be mended and
        ingested; any other (- is standard output) has a JSON object a line with source and reason.
    reason
        Only the rows refused for this reason.
    family
        Only the rows of this kind of source, such as tlc-green.
    json
        Print the counts as JSON.
    """
    refuse_unwritable(rejects)
    async with opened() as container:
        if rejects is not None:
            found = [
                Reject(source=part, row_number=row_number, reason=why, record=msgspec.Raw(record.encode()))
                async for part, batch in container.stock.rejects(reason=reason)
                if family in (None, part.family)
                for row_number, why, record in zip(
                    *(batch.table.get_column(name) for name in REJECT_COLUMNS), strict=True
                )
            ]
            if rejects.suffix == ".csv":
                write_csv(found, rejects)
            else:
                write_json(b"\n".join(map(msgspec.json.encode, found)), rejects)
            ERR.print(f"{len(found):,} refused row{'s' if len(found) != 1 else ''}")
            return
        stored, log = await container.stock.stored(), await container.stock.log()
    if json:
        write_json(msgspec.json.encode(stored), Path("-"))
        return
    if not stored.trips:
        OUT.print("No trip is stored yet: run [bold]taxi-predictor ingest SOURCE[/bold]")
    else:
        OUT.print(_by_month(stored))
    if stored.rejects:
        OUT.print()
        OUT.print(_by_reason(stored))
    if log.predictions or log.outcomes:
        OUT.print()
        late = f", {log.orphans:,} of them without a prediction for over an hour" if log.orphans else ""
        OUT.print(
            f"In the log: {log.predictions:,} predictions and {log.outcomes:,} outcomes{late}",
            highlight=False,
            soft_wrap=True,
        )


def _by_month(stored: StoredTrips) -> Table:
    table = plain_table("Stored trips", "source", "month (UTC)", "trips", numbers=("trips",))
    for count in stored.trips:
        table.add_row(count.family, f"{count.month:%Y-%m}", f"{count.trips:,}")
    table.add_row("all", "", f"{sum(count.trips for count in stored.trips):,}")
    return table


def _by_reason(stored: StoredTrips) -> Table:
    table = plain_table("In quarantine", "reason", "source", "rows", numbers=("rows",))
    totals: dict[tuple[str, str], int] = {}
    for count in stored.rejects:
        key = (count.reason, count.part.family)
        totals[key] = totals.get(key, 0) + count.rows
    for (reason, family), rows in sorted(totals.items()):
        table.add_row(reason, family, f"{rows:,}")
    return table


def write_csv(rejects: Sequence[Reject], target: Path) -> None:
    """Write the rows as they stood in their source; repeated ones have nothing to mend.

    Raises:
        Invalid: they are of several kinds of source, whose columns differ.
    """
    rows = [reject for reject in rejects if reject.reason != Rejection.DUPLICATE]
    if len(families := {reject.source.family for reject in rows}) > 1:
        raise Invalid(
            f"the rows are of several kinds, choose one with --family: {', '.join(sorted(families))}"
        )
    records = [
        msgspec.json.decode(reject.record, type=dict[str, str | int | float | bool | None]) for reject in rows
    ]
    columns = dict.fromkeys(name for record in records for name in record)
    with result_to(target) as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(records)


async def migrate(*, to: int | None = None) -> None:
    """Bring the database's schema up to date (the embedded database does so by itself).

    Parameters
    ----------
    to
        The number of the migration to stop at, up or down; 0 empties the database.
    """
    async with opened() as container:
        done = await container.outbound.migrate(to)
    for line in done:
        OUT.print(line)
    if not done:
        OUT.print("nothing to do: the schema is as it should be")
