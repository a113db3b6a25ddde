"""Commands about models: models, promote, rollback."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from taxi_predictor.apps.commands.arguments import parse_which
from taxi_predictor.apps.commands.output import OUT, result_to, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.tables import plain_table
from taxi_predictor.domain.card import model_card
from taxi_predictor.domain.errors import PromotionRefused
from taxi_predictor.ports.inbound.models.history import Difference
from taxi_predictor.ports.inbound.trips.intake import IngestReport
from taxi_predictor.ports.outbound.registry import Alias, RegisteredModel

__all__ = ["MODELS", "announce", "difference_tables", "model_json", "promote", "rollback"]

Json = Annotated[bool, Parameter(negative="")]


def announce(model: RegisteredModel) -> None:
    """Say which version it is, and what for."""
    label = " [yellow](learned from simulated trips)[/yellow]" if model.manifest.is_simulated else ""
    OUT.print(
        f"Version [bold]{model.version}[/bold]{label} is {', '.join(sorted(model.aliases)) or 'registered'}"
    )


MODELS = App(name="models", help_format="markdown")


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
        OUT.print(_table(registered))
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
    if difference.before == difference.after:
        OUT.print(f"Both are version {difference.before}: nothing differs")
        return
    for table in difference_tables(difference):
        OUT.print(table)


@MODELS.command
async def card(version: str = "latest", /) -> None:
    """Print a version's model card: what it is for, what it learned from, how good it is, what it cannot do.

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
    try:
        async with opened() as container:
            announce(await container.lifecycle.promote(which, override=override))
    except PromotionRefused as error:
        if not error.override_helps:
            raise
        again = f'taxi-predictor promote {version} --override "reason"'
        raise PromotionRefused(
            f"{error}. To promote it all the same: {again}", override_helps=True
        ) from error


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


def _table(models: Sequence[RegisteredModel]) -> Table:
    table = plain_table(
        "Models",
        "version",
        "is",
        "trained until",
        "trips",
        "from",
        "held-out MAE s",
        "verdict",
        numbers=("version", "trips", "held-out MAE s"),
    )
    for model in models:
        verdict = model.report.verdict
        table.add_row(
            str(model.version),
            ", ".join(alias for alias in Alias if alias in model.aliases),
            f"{model.manifest.split.held_out_from.astimezone(model.manifest.city.tz):%Y-%m-%d}",
            f"{model.manifest.trips:,}",
            ", ".join(model.manifest.sources),
            f"{model.report.held_out.mae_s:.1f}",
            "passed" if verdict.passed else f"refused: {', '.join(verdict.failed or verdict.reasons)}",
        )
    return table


def difference_tables(difference: Difference) -> Sequence[Table]:
    versions = (f"version {difference.before}", f"version {difference.after}")
    facts = plain_table("What differs", "what", *versions)
    for name, (before, after) in {**difference.facts, **difference.params}.items():
        facts.add_row(name, escape(str(before)), escape(str(after)))
    for name in difference.features_added:
        facts.add_row(f"feature {name}", "", "added")
    for name in difference.features_removed:
        facts.add_row(f"feature {name}", "", "removed")
    numbers = (*versions, "change")
    scores = plain_table(
        "Scores on the held-out trips of each", "trips", "measure", *numbers, numbers=numbers
    )
    for group, changes in difference.scores.items():
        for name, change in changes.items():
            values = ("-" if v is None else f"{v:,.4g}" for v in (change.before, change.after))
            relative = "" if change.relative is None else f"{change.relative:+.1%}"
            scores.add_row(group, name, *values, relative)
    return facts, scores
