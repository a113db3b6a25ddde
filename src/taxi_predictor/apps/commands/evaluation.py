"""The command that measures a model."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.table import Table

from taxi_predictor.apps.commands.arguments import parse_instant, parse_which
from taxi_predictor.apps.commands.output import OUT, refuse_unwritable, write_json
from taxi_predictor.apps.commands.scores import level_json, show_scores
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.commands.sources import ensure_zones, refuse_sources, refuse_zones
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.tables import plain_table
from taxi_predictor.domain.evaluation import Scores
from taxi_predictor.ports.inbound.learning.evaluating import EvaluatedModel

__all__ = ["evaluate"]


async def evaluate(
    source: str = "stored",
    /,
    *,
    since: Annotated[str | None, Parameter(name="--from")] = None,
    until: Annotated[str | None, Parameter(name="--to")] = None,
    model: str = "latest",
    zones: str | None = None,
    baselines: Annotated[bool, Parameter(negative="")] = False,
    live_level: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
) -> None:
    """Measure a model on any trips, cleaned by the rules of ingest.

    Parameters
    ----------
    source
        Any source that ingest takes, or "stored" for the trips in the database.
    since
        Use trips picked up from this local day on [default: of stored trips, the model's held-out days].
    until
        Use trips picked up before this local day.
    model
        A version number, champion or latest.
    zones
        A zone table to learn first, as in ingest.
    baselines
        Train the simple methods too, on the trips that the model learned from, and measure them beside it.
    live_level
        Measure stored trips once more, with the live level as it was known when each of them began.
    json
        Write {model, n, mae_s, rmse_s, ..., slices} to this file, - for standard output.
    """
    settings, which = load_settings(), parse_which(model)
    first, last = (parse_instant(text, settings) if text else None for text in (since, until))
    refuse_unwritable(json)
    if source != "stored":
        refuse_sources(settings, source)
    refuse_zones(zones)
    async with opened(settings) as container:
        await ensure_zones(container, settings, zones)
        evaluated = await container.evaluation.evaluate(
            None if source == "stored" else await container.intake.parts(source),
            which=which,
            since=first,
            until=last,
            baselines=baselines,
            live_level=live_level,
        )
    if json is not None:
        write_json(_as_json(source, evaluated), json)
    if json is None or str(json) != "-":
        scores = evaluated.evaluation.scores()
        assert scores is not None
        show_scores(
            f"Version {evaluated.version} on {source}",
            scores,
            evaluated.evaluation.scores_by_slice(),
            evaluated.evaluation.baselines(),
        )
        if evaluated.levelled is not None:
            OUT.print()
            OUT.print(_replayed(scores, evaluated.levelled))
        if evaluated.seen_days:
            OUT.print(
                f"[yellow]It learned from {evaluated.seen_days:,} of these days, which flatters it[/yellow]"
            )


def _as_json(source: str, evaluated: EvaluatedModel) -> bytes:
    scores = evaluated.evaluation.scores()
    assert scores is not None
    manifest = evaluated.model.manifest
    return msgspec.json.encode(
        {
            "model": evaluated.version,
            "city": manifest.city.name,
            "simulated": manifest.is_simulated,
            "source": source,
            **asdict(scores),
            "slices": evaluated.evaluation.scores_by_slice(),
            "baselines": evaluated.evaluation.baselines(),
            "live_level": level_json(evaluated.levelled),
            "seen_days": evaluated.seen_days,
        }
    )


def _replayed(without: Scores, levelled: Scores) -> Table:
    columns = ("without", "with it")
    table = plain_table("With the live level replayed", "measure", *columns, numbers=columns)
    for name, field, written in (
        ("MAE", "mae_s", "{:.1f} s"),
        ("RMSE", "rmse_s", "{:.1f} s"),
        ("bias (predicted - actual)", "bias_s", "{:+.1f} s"),
        ("inside the 80 % interval", "coverage_80", "{:.1%}"),
        ("width of that interval", "width_80_s", "{:.0f} s"),
    ):
        table.add_row(name, *(written.format(getattr(scores, field)) for scores in (without, levelled)))
    return table
