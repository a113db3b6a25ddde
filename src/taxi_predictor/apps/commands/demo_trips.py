"""Which trips the demo learns from: real ones where they can be had, and never of two kinds."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import UTC, date, datetime

from rich.markup import escape
from rich.panel import Panel

from taxi_predictor.apps.commands.output import ERR, OUT
from taxi_predictor.apps.commands.sources import ensure_zones
from taxi_predictor.apps.container import Container
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Invalid, MissingSource, Unavailable, UnreadableSource
from taxi_predictor.domain.model import SIMULATION

__all__ = ["TLC_ZONES", "found_trips", "refuse_mixing"]

SIMULATED = "simulation:"
TLC_ZONES = "tlc:"
TLC_GREEN = "tlc-green"
MONTHS = 2
PUBLICATION_LAG_MONTHS = 2
SEARCH_MONTHS = 4


def refuse_mixing(stored: AbstractSet[str], source: str) -> None:
    """Raise Invalid where *source* is real and trips of *stored* families are simulated, or the reverse."""
    is_simulated = source.startswith(SIMULATED)
    if any((family == SIMULATION) != is_simulated for family in stored):
        here, given = ("real", "simulated") if is_simulated else ("simulated", "real")
        raise Invalid(
            f"this home has {here} trips, which {given} ones must not be mixed with:"
            " name a home of their own, as in `make demo TAXI_HOME=other-home TRIPS=...`"
        )


async def found_trips(container: Container, settings: Settings, stored: AbstractSet[str]) -> Sequence[str]:
    """The newest published trips, or the simulated city; nothing where *stored* trips are of another kind."""
    published = await _recent_trips(container, settings)
    if other := stored - {TLC_GREEN if published else SIMULATION}:
        OUT.print(f"This demo goes on with the trips that are stored already: {', '.join(sorted(other))}")
        return []
    if not published:
        OUT.print(
            Panel(
                "The TLC's trips can't be had from here, so this demo uses a [bold]simulated city[/bold]:"
                " nobody took these trips. For real ones:\n"
                "make demo TAXI_HOME=real-home TRIPS=FILE ZONES=FILE",
                border_style="yellow",
            )
        )
    return published or [SIMULATED]


async def _recent_trips(container: Container, settings: Settings) -> Sequence[str]:
    """The newest published months of green taxi trips; nothing where they cannot be had."""
    today = datetime.now(UTC).date()
    try:
        await ensure_zones(container, settings, TLC_ZONES)
        for lag in range(PUBLICATION_LAG_MONTHS + 1, PUBLICATION_LAG_MONTHS + 1 + SEARCH_MONTHS):
            first, last = _months_before(today, lag + MONTHS - 1), _months_before(today, lag)
            source = f"tlc:green:{first:%Y-%m}..{last:%Y-%m}"
            with suppress(MissingSource):
                await container.intake.parts(source)
                return [source]
    except (Unavailable, UnreadableSource, MissingSource) as error:
        ERR.print(f"[yellow]{escape(str(error))}[/yellow]")
    return []


def _months_before(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
