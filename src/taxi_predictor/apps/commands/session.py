"""What every command shares: the container, and how times and places are written.

Arguments are read before a container is opened: who mistypes one waits for no database.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

from rich.markup import escape

from taxi_predictor.adapters.rich.progress import RichProgress
from taxi_predictor.apps.cities import load_time_zone
from taxi_predictor.apps.cluster import clustered
from taxi_predictor.apps.commands.output import ERR, OUT
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.tables import baselines_table, scores_table, slices_table
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.evaluation import BaselineScores, Scores
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import Point, ZoneId
from taxi_predictor.domain.wall_clock import instant_of
from taxi_predictor.ports.inbound.models.versions import WhichModel

__all__ = [
    "level_json",
    "opened",
    "parse_instant",
    "parse_place",
    "parse_span_s",
    "parse_which",
    "show_scores",
]

LONGEST_S = 100 * 366 * 86_400


@asynccontextmanager
async def opened(settings: Settings | None = None, *, cluster: bool = False) -> AsyncIterator[Container]:
    """The container of the environment's settings, with progress on standard error.

    With *cluster* the machines of its cluster do the work.
    """
    settings = settings or load_settings()
    async with AsyncExitStack() as stack:
        progress = RichProgress(ERR)
        swap = await stack.enter_async_context(clustered(settings, progress)) if cluster else _as_it_is
        container = await stack.enter_async_context(open_container(settings, progress=progress, swap=swap))
        yield container


def _as_it_is(outbound: Outbound) -> Outbound:
    return outbound


def parse_instant(text: str) -> datetime:
    """Read ``now``, ``2024-03``, ``2024-03-01`` or ``2024-03-01T08:30``: local, unless it has an offset.

    The city is the one of the settings.

    Raises:
        Invalid: it is no time, or clocks in the city never show it, or twice.
    """
    tz = load_time_zone(load_settings().city)
    if text == "now":
        return datetime.now(tz)
    first_of_month = "-01" if re.fullmatch(r"\d{4}-\d{2}", text) else ""
    try:
        instant = datetime.fromisoformat(text + first_of_month)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a time such as 2024-03-01 or 2024-03-01T08:30-05:00") from error
    return instant_of(instant, tz)


def parse_span_s(text: str) -> float:
    """Read ``90s``, ``10m``, ``2h`` or ``30d`` as seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if found is None or not float(found[1]):
        raise Invalid(f"{text!r} is not a span of time such as 90s, 10m, 2h or 30d")
    span_s = float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
    if span_s > LONGEST_S:
        raise Invalid(f"{text!r} is longer than a hundred years")
    return span_s


def parse_place(text: str) -> Point | ZoneId:
    """Read ``40.75,-73.99`` (latitude, longitude) or a zone id such as ``132``."""
    try:
        if "," in text:
            lat_deg, lon_deg = (float(part) for part in text.split(","))
        else:
            return ZoneId(int(text))
    except ValueError as error:
        raise Invalid(f"{text!r} is neither LAT,LON in degrees nor a zone id") from error
    return Point(lat_deg, lon_deg)


def level_json(scores: Scores | None) -> Mapping[str, float] | None:
    """What programs are told of answers with a live level; None where it was not asked for."""
    if scores is None:
        return None
    names = ("mae_s", "coverage_80", "bias_s", "width_80_s", "rmse_s")
    return {name: getattr(scores, name) for name in names}


def parse_which(text: str) -> WhichModel:
    """Read ``champion``, ``latest`` or a version number."""
    match text:
        case "champion" | "latest" as name:
            return name
    try:
        return ModelVersion(int(text))
    except ValueError as error:
        raise Invalid(f"{text!r} is not a version number, champion or latest") from error


def show_scores(
    title: str,
    overall: Scores,
    slices: Mapping[str, Scores],
    baselines: Mapping[str, BaselineScores],
) -> None:
    """Print all measures of all trips, the main ones of each slice, and what simple methods did."""
    OUT.print(f"[bold]{escape(title)}[/bold]", highlight=False, soft_wrap=True)
    OUT.print(scores_table(overall))
    OUT.print()
    OUT.print(slices_table(slices))
    if baselines:
        OUT.print()
        OUT.print(baselines_table(baselines))
