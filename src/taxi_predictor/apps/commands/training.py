"""The command that trains a model."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from taxi_predictor.apps.commands.arguments import parse_instant, parse_span_s, refuse_share
from taxi_predictor.apps.commands.models import announce, model_json
from taxi_predictor.apps.commands.output import OUT, write_json
from taxi_predictor.apps.commands.scores import show_scores
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.commands.sources import ensure_zones, refuse_sources, refuse_zones
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.tables import checks_table, ingest_table

__all__ = ["train"]


async def train(
    *,
    trips: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    zones: str | None = None,
    max_rejects: float | None = None,
    until: str | None = None,
    tune: str | None = None,
    cluster: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Train a model on the stored trips, judge it on their last days and register it.

    It serves only once it is promoted.

    Parameters
    ----------
    trips
        Learn from these instead, cleaned as ingest does and not stored: any source that ingest takes, such as
        a folder of parquet files, s3://bucket/folder or gs://bucket/folder; may be given several times.
    zones
        A zone table to learn first, as in ingest.
    max_rejects
        Refuse a file of --trips of which more than this share is unbelievable
        [default: TAXI_MAX_REJECT_SHARE].
    until
        Use trips picked up before this local day (2023-11-01) [default: all].
    tune
        Look for a better recipe first, for this long (90s, 10m, 2h), going on where the last search ended.
    cluster
        Let the machines of TAXI_CLUSTER do it, a Dask cluster, or if that is unset the cores of this one.
    json
        Print the version with its scores and verdict as JSON.
    """
    settings = load_settings()
    instant = parse_instant(until, settings) if until else None
    tune_s = parse_span_s(tune) if tune else 0.0
    refuse_share(max_rejects)
    refuse_sources(settings, *trips)
    refuse_zones(zones)
    intake = None
    async with opened(settings, cluster=cluster) as container:
        if trips:
            await ensure_zones(container, settings, zones)
            outside = container.outside_training
            trained = await outside.train(trips, until=instant, tune_s=tune_s, max_reject_share=max_rejects)
            model, intake = trained.model, trained.intake
        else:
            model = await container.training.train(until=instant, tune_s=tune_s)
    if json:
        write_json(model_json(model, intake), Path("-"))
        return
    if intake is not None:
        OUT.print(ingest_table(intake, title="Read, and not stored"))
    announce(model)
    split, tz = model.manifest.split, model.manifest.city.tz
    first, after = split.held_out_from.astimezone(tz), split.until.astimezone(tz)
    title = f"Held-out days {first:%Y-%m-%d} to {after:%Y-%m-%d} (not included)"
    show_scores(title, model.report.held_out, model.report.slices, model.report.baselines)
    verdict = model.report.verdict
    OUT.print()
    OUT.print(checks_table(verdict.checks))
    OUT.print("Passed" if verdict.passed else f"Refused: {'; '.join(verdict.reasons)}", markup=False)
    if verdict.passed:
        OUT.print(f"Let it serve with [bold]taxi-predictor promote {model.version}[/bold]")
