"""What two releases have to agree on to serve from one home and one database, one after the other."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taxi_predictor.apps.stack.engine import Compose
from taxi_predictor.apps.stack.layout import StackError

__all__ = ["Release", "released", "see_compatible"]

ASK = """
import json
from taxi_predictor import __version__
from taxi_predictor.adapters.postgres.migrations import migrations
from taxi_predictor.adapters.spool.frames import FORMAT
from taxi_predictor.domain.model import ARTIFACT_FORMAT, SERVED_FORMATS
print(json.dumps({
    "code": __version__, "model": ARTIFACT_FORMAT, "models": list(SERVED_FORMATS), "spool": FORMAT,
    "migrations": {f"{one.number:04} {one.name}": one.up for one in migrations()},
}))
"""
"""Run inside of an image: what is in it knows best."""

CONTRACTS = re.compile(
    r"\b(drop\s+(table|column|view|function|schema|type)|rename\s+(to|column)"
    r"|alter\s+column\s+\w+\s+(set\s+data\s+)?type"
    r"|set\s+not\s+null)\b|^\s*truncate\b",
    re.IGNORECASE | re.MULTILINE,  # a trigger before truncate takes nothing away
)
"""What the colour that is live may not survive. Comments may say anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    code: str
    model: int
    """The format of the models that it trains."""
    models: list[int]
    """The formats that it serves."""
    spool: int
    migrations: Mapping[str, str]
    """Number and name to the SQL on the way up."""


def released(compose: Compose, version: str) -> Release:
    """What the API's image of *version* says of itself."""
    image = compose.image("api", version)
    said = compose.docker(
        *("run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--tmpfs=/tmp"),
        *("--entrypoint=python", image, "-c", ASK),
    )
    content: dict[str, Any] = json.loads(said)
    return Release(**content)


def see_compatible(live: Release, new: Release) -> None:
    """See that both can serve at once, and that *live* can take over again.

    Raises:
        StackError: they cannot; the message says why.
    """
    if new.spool != live.spool:
        raise StackError(
            f"the spool of {new.code} has format {new.spool}, that of {live.code} {live.spool}: neither could"
            " ship what the other kept. Stop the one (`make down`) before the other starts"
        )
    if new.model not in live.models:
        raise StackError(
            f"{new.code} trains models of format {new.model}, and {live.code} serves {live.models}: a"
            " rollback would find a champion that it cannot open. Deploy a release between the two first"
        )
    if live.model not in new.models:
        raise StackError(
            f"{new.code} serves models of formats {new.models}, and the champion may be {live.model}"
        )
    if missing := live.migrations.keys() - new.migrations.keys():
        raise StackError(
            f"{new.code} does not know the schema of {live.code}: it lacks {', '.join(sorted(missing))}"
        )
    if changed := [name for name, sql in live.migrations.items() if new.migrations[name] != sql]:
        raise StackError(
            f"migrations that were released are not changed, but add others: {', '.join(changed)}"
        )
    for name in sorted(new.migrations.keys() - live.migrations.keys()):
        statements = re.sub(r"--[^\n]*", "", new.migrations[name])
        if found := CONTRACTS.search(statements):
            raise StackError(
                f"migration {name} says `{found[0]}`, which {live.code} may not survive while both serve:"
                " expand first, and contract with the release after"
            )
