"""The score command: every trip of a file, however long it is."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from taxi_predictor.apps.commands.arguments import refuse_coverage, refuse_missing, refuse_overwriting
from taxi_predictor.apps.commands.output import ERR, refuse_unwritable
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.commands.sources import ensure_zones, refuse_zones
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.ports.outbound.scoring import ROW_ENDINGS, Reached, RowForm

__all__ = ["score"]


async def score(
    trips: str,
    /,
    *,
    out: str,
    coverage: float = 0.8,
    zones: str | None = None,
    cluster: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Answer every trip of a file of any length, row by row. Run again after an interruption, it goes on.

    taxi-predictor score trips.csv --out durations.csv

    Parameters
    ----------
    trips
        A file of trips with pickup_at and places, or s3://bucket/file; .csv, .ndjson or .parquet.
        Or a folder of them.
    out
        Where the answers go, likewise; until all are there they lie beside it, in NAME.parts.
        For a folder of trips it is a folder too, whose files have the same names.
    coverage
        How likely the durations lie in their intervals.
    zones
        A zone table to learn first, as in ingest.
    cluster
        Let the machines of TAXI_CLUSTER answer the files of a folder, a Dask cluster, or if that is unset
        the cores of this one.
    """
    settings = load_settings()
    refuse_coverage(coverage)
    refuse_zones(zones)
    form, answer_form = RowForm.of(trips), RowForm.of(out)
    if form is None and answer_form is None:
        source, target = _folders(trips, out)
    else:
        if cluster:
            raise Invalid("--cluster answers the files of a folder: name one, and another one with --out")
        form, answer_form = _known(form, trips), _known(answer_form, out)
        refuse_overwriting(trips, Path(out))
        refuse_unwritable(None if "://" in out else Path(out))
        refuse_missing(trips)
    async with opened(settings, cluster=cluster) as container:
        await ensure_zones(container, settings, zones)
        await container.levelling.load_if_it_can_be()
        done: int | None = None
        with container.outbound.progress.step(f"score {trips}") as step:

            async def tell(reached: Reached, total: int | None) -> None:
                nonlocal done
                if done is None and reached.rows and form is not None:
                    ERR.print(f"{reached.rows:,} rows were answered before")
                step.advance(reached.rows - (done or 0))
                step.say(f"of {total:,}, {reached.refused:,} with a problem" if total else "")
                done = reached.rows

            if form is None:
                scored = await container.folder_scoring.score(source, target, coverage=coverage, tell=tell)
            else:
                scored = await container.scoring.score(
                    trips, out, form=form, answer_form=answer_form, coverage=coverage, tell=tell
                )
    ERR.print(f"{scored.rows - scored.refused:,} trips predicted, {scored.refused:,} refused")


def _known(form: RowForm | None, name: str) -> RowForm:
    if form is None:
        raise Invalid(f"{name} ends in none of {', '.join(ROW_ENDINGS)}")
    return form


def _folders(trips: str, out: str) -> tuple[str, str]:
    """Both as any process may name them.

    Raises:
        Invalid: they are none, or one in the other.
    """
    if "://" in out:
        raise Invalid(f"{out}: the answers to a folder go into a folder, not into a bucket")
    target = Path(out).absolute()
    if "://" in trips:
        return trips, str(target)
    source = Path(trips).absolute()
    if not source.is_dir():
        raise Invalid(f"{trips} is not a folder, and ends in none of {', '.join(ROW_ENDINGS)}")
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise Invalid(f"{out} would mix answers with the trips of {trips}: name a folder beside it")
    return str(source), str(target)
