"""The score command: every trip of a file, however long it is."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from taxi_predictor.apps.commands.output import ERR
from taxi_predictor.apps.commands.predictions import refuse_overwriting
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.commands.trips import ensure_zones
from taxi_predictor.domain.errors import Invalid, Unavailable
from taxi_predictor.ports.outbound.scoring import Reached, RowForm

__all__ = ["score"]

FORMS: Mapping[str, RowForm] = {
    ".csv": RowForm.CSV,
    ".ndjson": RowForm.NDJSON,
    ".jsonl": RowForm.NDJSON,
    ".parquet": RowForm.PARQUET,
}


async def score(trips: str, /, *, out: str, coverage: float = 0.8, zones: str | None = None) -> None:
    """Answer every trip of a file of any length, row for row; interrupted, the same again goes on.

    taxi-predictor score trips.csv --out durations.csv

    Parameters
    ----------
    trips
        A file of trips with pickup_at and places, or s3://bucket/file; .csv, .ndjson or .parquet.
    out
        Where the answers go, likewise; meanwhile they are beside it, in a folder that ends in .parts.
    coverage
        How likely the durations lie in their intervals.
    zones
        A zone table to learn first, as in ingest.
    """
    if not 0.01 <= coverage <= 0.99:
        raise Invalid(f"--coverage lies between 0.01 and 0.99, got {coverage}")
    form, answer_form = _form_of(trips), _form_of(out)
    refuse_overwriting(trips, Path(out))
    async with opened() as container:
        await ensure_zones(container, zones)
        with suppress(Unavailable):  # as a server does, which answers without a level then
            await container.levelling.load()
        done: int | None = None
        with container.outbound.progress.step(f"score {trips}") as step:

            async def tell(reached: Reached, total: int | None) -> None:
                nonlocal done
                if done is None and reached.rows:
                    ERR.print(f"{reached.rows:,} rows were answered before")
                step.advance(reached.rows - (done or 0))
                step.say(f"of {total:,}, {reached.refused:,} with a problem" if total else "")
                done = reached.rows

            scored = await container.scoring.score(
                trips, out, form=form, answer_form=answer_form, coverage=coverage, tell=tell
            )
    ERR.print(f"{scored.rows - scored.refused:,} trips predicted, {scored.refused:,} refused")


def _form_of(name: str) -> RowForm:
    for ending, form in FORMS.items():
        if name.lower().endswith(ending):
            return form
    raise Invalid(f"{name} ends in none of {', '.join(FORMS)}")
