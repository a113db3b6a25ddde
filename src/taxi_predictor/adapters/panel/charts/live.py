"""Pictures of a service that runs: its last half hour, and where measures stand against their bounds."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.bars import Bar, plain_bars
from taxi_predictor.adapters.panel.charts.plot import Plot
from taxi_predictor.adapters.panel.charts.scale import Scale, round_ticks
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.bands import FEWEST_TRIPS
from taxi_predictor.domain.live import FeatureDrift
from taxi_predictor.domain.signals import Lately

__all__ = ["course_picture", "drift_picture", "standing_picture"]

LOOK, ACT = 0.1, 0.25
"""From such an index on one looks, and one acts (see domain/drift.py)."""
TICK = timedelta(minutes=10)
ROOM = 0.35
"""Of the width of a band, to either side of it."""

STANDING = Markup(
    '<div class="standing{style}"><span class="standing-name">{name}</span>'
    '<span class="standing-track" role="img" aria-label="{label}">'
    '<i class="standing-band" style="left:{left}%;width:{width}%"></i>'
    '<i class="standing-at" style="left:{at}%"></i></span>'
    '<strong class="standing-value" data-name="{key}" data-value="{value!r}">{text}</strong>'
    '<small class="standing-ends">{ends}</small></div>'
)


def course_picture(
    course: Sequence[Lately],
    value: Callable[[Lately], float | None],
    *,
    label: str,
    text: Callable[[float], str],
    least: float,
    tz: tzinfo,
) -> Markup:
    """A line through time, that breaks where there is nothing to tell; *least* is what the scale reaches."""
    times = [(step.until - timedelta(seconds=step.over_s / 2)).timestamp() for step in course]
    values = [value(step) for step in course]
    known = [one for one in values if one is not None]
    top = max([*known, least])
    span_s = max(times[-1] - times[0], 60.0)
    plot = Plot(Scale(times[-1] - span_s, times[-1]), Scale(0, top * 1.1), label=label, size="tiny")
    plot.y_ticks((tick, text(tick)) for tick in round_ticks(0, top, at_most=4))
    plot.x_ticks(_minutes(times[-1] - span_s, times[-1], tz))
    for piece in _pieces(times, values):
        low = [(at, 0.0) for at, _ in piece]
        plot.band(low, piece, "band")
        plot.line(piece, "curve")
        at, last = piece[-1]
        if len(piece) == 1 or at == times[-1]:
            plot.dot(at, last, "", text(last))
    return plot.html()


def drift_picture(drift: Sequence[FeatureDrift], words: Words) -> Markup:
    """The index of each feature, the strongest first; the mark is from where on one acts.

    What is of too few trips is grey, for it is mostly chance: nobody is to be alarmed by it.
    """
    bars = [
        Bar(
            name=words.of("feature", one.feature),
            value=one.psi,
            text=words.number(one.psi, 2),
            style=_urgency(one.psi) if one.trips >= FEWEST_TRIPS else "second",
            mark=ACT,
        )
        for one in drift
    ]
    top = max([ACT * 1.2, *(one.psi for one in drift)])
    return plain_bars(bars, label=words("live.drift"), high=top)


def _urgency(psi: float) -> str:
    return "strong" if psi >= ACT else "" if psi >= LOOK else "pale"


def standing_picture(
    name: str,
    key: str,
    value: float,
    *,
    lower: float,
    upper: float,
    is_out: bool,
    words: Words,
    text: Callable[[float], str],
) -> Markup:
    """Where *value* stands between its bounds."""
    width = upper - lower
    scale = Scale(min(lower - ROOM * width, value), max(upper + ROOM * width, value))
    left, right = scale.percent(lower), scale.percent(upper)
    ends = words("live.from-to", lower=text(lower), upper=text(upper))
    return STANDING.format(
        style=" out" if is_out else "",
        name=name,
        label=f"{name}: {text(value)}, {ends}",
        left=left,
        width=round(right - left, 3),
        at=scale.percent(value),
        key=key,
        value=value,
        text=text(value),
        ends=ends,
    )


def _minutes(low_s: float, high_s: float, tz: tzinfo) -> Iterator[tuple[float, str]]:
    step_s = TICK.total_seconds()
    if high_s - low_s < step_s:
        step_s = 60.0 if high_s - low_s < 300 else 120.0
    at_s = -(-low_s // step_s) * step_s
    while at_s <= high_s:
        yield at_s, f"{datetime.fromtimestamp(at_s, tz):%H:%M}"
        at_s += step_s


def _pieces(times: Sequence[float], values: Sequence[float | None]) -> Iterator[list[tuple[float, float]]]:
    piece: list[tuple[float, float]] = []
    for at, value in zip(times, values, strict=True):
        if value is not None:
            piece.append((at, value))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece
