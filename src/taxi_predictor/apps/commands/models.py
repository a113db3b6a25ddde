"""Commands about models: evaluate, models, promote, rollback."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.markdown import Markdown

from taxi_predictor.apps.commands.output import OUT, result_to, write_json
from taxi_predictor.apps.commands.session import (
    level_json,
    opened,
    parse_instant,
    parse_which,
    show_scores,
)
from taxi_predictor.apps.commands.trips import ensure_zones
from taxi_predictor.apps.tables import (
    difference_tables,
    models_table,
    replay_table,
)
from taxi_predictor.domain.card import model_card
from taxi_predictor.ports.inbound.intake import IngestReport
from taxi_predictor.ports.inbound.training import EvaluatedModel
from taxi_predictor.ports.outbound.models import RegisteredModel

__all__ = ["MODELS", "announce", "evaluate", "model_json", "promote", "rollback"]

Json = Annotated[bool, Parameter(negative="")]


def announce(model: RegisteredModel) -> None:
    """Say which version it is, and what for."""
    label = " [yellow](learned from simulated trips)[/yellow]" if model.manifest.is_simulated else ""
    OUT.print(
        f"Version [bold]{model.version}[/bold]{label} is {', '.join(sorted(model.aliases)) or 'registered'}"
    )


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
        Measure stored trips once more with the live level replayed: no answer knows a trip that ended
        after its departure.
    json
        Write {model, n, mae_s, rmse_s, ..., slices} to this file, - for standard output.
    """
    which = parse_which(model)
    async with opened() as container:
        await ensure_zones(container, zones)
        tz = container.city.tz
        evaluated = await container.training.evaluate(
            None if source == "stored" else await container.intake.parts(source),
            which=which,
            since=parse_instant(since, tz) if since else None,
            until=parse_instant(until, tz) if until else None,
            baselines=baselines,
            live_level=live_level,
        )
    if json is not None:
        write_json(_evaluation_json(source, evaluated), json)
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
            OUT.print(replay_table(scores, evaluated.levelled))
        if evaluated.seen_days:
            OUT.print(
                f"[yellow]It learned from {evaluated.seen_days:,} of these days, which flatters it[/yellow]"
            )


def _evaluation_json(source: str, evaluated: EvaluatedModel) -> bytes:
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


MODELS = App(name="models", help_format="plaintext")


@MODELS.default
async def models(*, json: Json = False) -> None:
    """List the registered versions, which of them serves, and how good each is.

    Parameters
    ----------
    json
        Print them as JSON.
    """
    async with opened() as container:
        registered = await container.lifecycle.models()
    if json:
        write_json(b"[" + b",".join(map(model_json, registered)) + b"]", Path("-"))
    elif registered:
        OUT.print(models_table(registered))
    else:
        OUT.print("No model is registered yet: run [bold]taxi-predictor train[/bold]")


@MODELS.command
async def diff(before: str, after: str, /, *, json: Json = False) -> None:
    """Show what differs between two versions, and the scores of both.

    Parameters
    ----------
    before
        A version number, champion or latest.
    after
        Another.
    json
        Print it as JSON.
    """
    one, other = parse_which(before), parse_which(after)
    async with opened() as container:
        difference = await container.history.difference(one, other)
    if json:
        write_json(msgspec.json.encode(difference), Path("-"))
        return
    for table in difference_tables(difference):
        OUT.print(table)


@MODELS.command
async def card(version: str = "latest", /) -> None:
    """Print the model card of a version: what it is for, learned from, scores and cannot do.

    It is markdown, unless it goes to a terminal.

    Parameters
    ----------
    version
        A version number, champion or latest.
    """
    which = parse_which(version)
    async with opened() as container:
        model = await container.history.model(which)
    report = model.report
    text = model_card(
        model.manifest,
        held_out=report.held_out,
        slices=report.slices,
        baselines=report.baselines,
        verdict=report.verdict,
    )
    if OUT.is_terminal:
        OUT.print(Markdown(text))
        return
    with result_to(Path("-")) as file:
        file.write(text)


async def promote(version: str = "latest", /, *, override: str | None = None) -> None:
    """Let a version serve; refused unless it passed its judgement.

    Parameters
    ----------
    version
        A version number, or latest.
    override
        Promote against the verdict, for this reason; it is written to the journal.
    """
    which = parse_which(version)
    async with opened() as container:
        announce(await container.lifecycle.promote(which, override=override))


async def rollback() -> None:
    """Let the previous champion serve again."""
    async with opened() as container:
        announce(await container.lifecycle.rollback())


def model_json(model: RegisteredModel, intake: IngestReport | None = None) -> bytes:
    """A version for programs, with what became of the rows that were read for it alone."""
    manifest = model.manifest
    return msgspec.json.encode(
        {
            "version": model.version,
            "aliases": sorted(model.aliases),
            "registered_at": model.registered_at,
            "city": manifest.city.name,
            "sources": manifest.sources,
            "simulated": manifest.is_simulated,
            "trips": manifest.trips,
            "split": manifest.split,
            "fingerprint": manifest.fingerprint,
            **asdict(model.report),
            **({} if intake is None else {"intake": intake}),
        }
    )
