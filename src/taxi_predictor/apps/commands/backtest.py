"""The command that trains at many past dates, as if each were today."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from cyclopts import Parameter
from rich.table import Table

from taxi_predictor.apps.commands.arguments import parse_instant
from taxi_predictor.apps.commands.output import OUT, refuse_unwritable, result_to, write_json
from taxi_predictor.apps.commands.scores import level_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.tables import plain_table
from taxi_predictor.domain.backtest import Every
from taxi_predictor.domain.city import City
from taxi_predictor.ports.inbound.learning.backtesting import BacktestReport

__all__ = ["backtest"]


async def backtest(
    *,
    since: Annotated[str, Parameter(name="--from")],
    until: Annotated[str, Parameter(name="--to")],
    every: Every = "month",
    out: Path | None = None,
    live_level: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
) -> None:
    """Train at one month or week after another, and measure each on the next.

    At each origin a model and the simple methods learn from all stored trips
    picked up before it, and answer those from it to the next origin. Nothing is
    registered and no alias moves. Each finished origin is kept below TAXI_HOME:
    a run that was interrupted goes on where it was, and the same run on the same
    trips trains nothing.

    taxi-predictor backtest --from 2023-01 --to 2023-06 --out backtest.png

    Parameters
    ----------
    since
        The first origin: the first month or Monday that begins from this local day on.
    until
        The last window ends before this local day: with 2023-06 the last month is May.
    every
        How far it is from one origin to the next.
    out
        Draw the errors and the coverage over time into this PNG file.
    live_level
        Measure each window once more with the live level replayed, as it was known at each departure.
    json
        Write {origins: [{origin, until, n, mae_s, ..., baselines}], skipped} to this file, - for
        standard output.
    """
    settings = load_settings()
    first, last = parse_instant(since, settings), parse_instant(until, settings)
    refuse_unwritable(out, json)
    async with opened(settings) as container:
        city = container.city
        report = await container.backtest.run(first, last, every=every, live_level=live_level)
    if out is not None:
        from taxi_predictor.adapters.pictures.backtests import draw_backtest

        picture = draw_backtest([(each.fold, each.result) for each in report.measured], city.tz)
        with result_to(out) as file:
            file.buffer.write(picture)
    if json is not None:
        write_json(_as_json(report, city, every), json)
    if json is None or str(json) != "-":
        OUT.print(_table(report, city.tz))
        for each in report.skipped:
            OUT.print(
                f"Skipped {each.fold.origin.astimezone(city.tz):%Y-%m-%d}: {each.reason}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def _table(report: BacktestReport, tz: ZoneInfo) -> Table:
    """One row per measured origin; the lift is over the baseline that was best there."""
    results = [each.result for each in report.measured]
    has_level = any(result.levelled for result in results)
    columns = (
        "trips",
        "MAE\ns",
        *(("live\nlevel",) if has_level else ()),
        *(name.replace(" ", "\n") for name in results[0].baselines),
        "lift",
        "in\n80 %",
        "width\ns",
        "bias\ns",
    )
    table = plain_table(
        "Trained at each origin, measured up to the next", "origin", *columns, numbers=columns
    )
    table.padding = (0, 1, 0, 0)  # many columns, and a terminal may be 80 wide
    origins = [each.fold.origin.astimezone(tz) for each in report.measured]
    written = "%Y-%m" if all(origin.day == 1 for origin in origins) else "%Y-%m-%d"
    for origin, result in zip(origins, results, strict=True):
        scores, levelled = result.scores, result.levelled.scores() if result.levelled else None
        baselines = result.baselines.values()
        table.add_row(
            origin.strftime(written),
            f"{scores.n:,}",
            f"{scores.mae_s:.1f}",
            *((f"{levelled.mae_s:.1f}",) if levelled else ()),
            *(f"{known.mae_s:.1f}" for known in baselines),
            f"{min((known.lift for known in baselines), default=0.0):+.1%}",
            f"{scores.coverage_80:.1%}",
            f"{scores.width_80_s:.0f}",
            f"{scores.bias_s:+.0f}",
        )
    return table


def _as_json(report: BacktestReport, city: City, every: Every) -> bytes:
    return msgspec.json.encode(
        {
            "city": city.name,
            "every": every,
            "origins": [
                {
                    "origin": each.fold.origin.astimezone(city.tz),
                    "until": each.fold.until.astimezone(city.tz),
                    "learned_from": each.result.learned_from,
                    **asdict(each.result.scores),
                    "baselines": each.result.baselines,
                    "live_level": level_json(each.result.levelled.scores() if each.result.levelled else None),
                    "was_kept": each.was_kept,
                }
                for each in report.measured
            ],
            "skipped": [
                {
                    "origin": each.fold.origin.astimezone(city.tz),
                    "until": each.fold.until.astimezone(city.tz),
                    "reason": each.reason,
                }
                for each in report.skipped
            ],
        }
    )
