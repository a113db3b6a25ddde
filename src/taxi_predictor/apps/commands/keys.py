"""Commands about API keys: create, list, revoke."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from cyclopts import App, Parameter
from rich.table import Table

from taxi_predictor.apps.commands.arguments import parse_span_s
from taxi_predictor.apps.commands.output import ERR, OUT, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.tables import plain_table
from taxi_predictor.domain.access import ApiKey, Scope, refuse_name

__all__ = ["KEYS"]

KEYS = App(name="keys", help="Make, list and revoke the API's keys.", help_format="markdown")


@KEYS.command
async def create(
    name: str,
    /,
    *,
    scope: Annotated[list[Scope], Parameter(negative="")],
    expires: str | None = None,
) -> None:
    """Make an API key and print it. It is never shown again: only its digest is kept.

    Parameters
    ----------
    name
        Whose key it is. Several keys may share a name, as while they are rotated.
    scope
        What the key allows; may be given several times.
    expires
        Let it expire after this time (12h, 90d) [default: never].
    """
    refuse_name(name)
    span_s = parse_span_s(expires) if expires else None
    async with opened() as container:
        expires_at = container.outbound.clock.now() + timedelta(seconds=span_s) if span_s else None
        key = await container.gatekeeper.create(name, frozenset(scope), expires_at=expires_at)
    OUT.print(key, markup=False, highlight=False, soft_wrap=True)
    ERR.print("[dim]Keep it now: it is not shown again.[/dim]")


@KEYS.command(name="list")
async def list_keys(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """List all keys that were ever made, oldest first, and which of them are valid.

    Parameters
    ----------
    json
        Print them as JSON.
    """
    async with opened() as container:
        keys = await container.gatekeeper.keys()
        now, tz = container.outbound.clock.now(), container.city.tz
    if json:
        write_json(msgspec.json.encode([_as_json(key, now) for key in keys]), Path("-"))
    elif keys:
        OUT.print(_table(keys, now, tz))
    else:
        OUT.print("There is no key yet: run [bold]taxi-predictor keys create[/bold]")


@KEYS.command
async def revoke(name_or_id: str, /) -> None:
    """Revoke a key; services refuse it within TAXI_API_KEYS_EVERY_S seconds.

    Parameters
    ----------
    name_or_id
        Its id, or its name if no other active key has it.
    """
    async with opened() as container:
        key = await container.gatekeeper.revoke(name_or_id)
    OUT.print(f"Key {key.id} of {key.name} is revoked", markup=False, highlight=False)


def _as_json(key: ApiKey, now: datetime) -> dict[str, object]:
    """What a key's list entry says; its digest is of no use to anybody."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "state": key.state(now),
    }


def _table(keys: Sequence[ApiKey], now: datetime, tz: ZoneInfo) -> Table:
    table = plain_table("API keys", "id", "name", "scopes", "created", "expires", "state")
    for key in keys:
        created, expires = (
            f"{at.astimezone(tz):%Y-%m-%d %H:%M}" if at else "never"
            for at in (key.created_at, key.expires_at)
        )
        scopes = ", ".join(sorted(key.scopes))
        table.add_row(key.id, key.name, scopes, created, expires, key.state(now))
    return table
