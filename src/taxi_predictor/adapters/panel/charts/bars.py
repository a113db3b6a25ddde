"""Bars that lie, one below the other, each with its name and its value: they fit any width."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

__all__ = ["Bar", "diverging_bars", "plain_bars"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    name: str
    value: float
    text: str
    """The value as people read it."""
    style: str = ""
    note: str = ""
    mark: float | None = None
    """Where to draw a thin line across, in the unit of *value*: what it should be."""


ROW = Markup(
    '<li class="bar-row {style}"><span class="bar-name">{name}{note}</span>'
    '<span class="bar-track"><i class="bar-fill" style="left:{left}%;width:{width}%"></i>{mark}</span>'
    '<span class="bar-value" data-value="{value!r}">{text}</span></li>'
)


def plain_bars(bars: Sequence[Bar], *, label: str, high: float | None = None, low: float = 0.0) -> Markup:
    """From *low* up to *high*, or to the largest."""
    top = max((bar.value for bar in bars), default=1.0) if high is None else high
    span = top - low or 1.0

    def percent(value: float) -> float:
        return round(100 * min(max((value - low) / span, 0.0), 1.0), 2)

    return _list(bars, label, [(0.0, percent(bar.value)) for bar in bars], percent)


def diverging_bars(bars: Sequence[Bar], *, label: str) -> Markup:
    """To the right of the middle what is positive, to the left what is negative."""
    top = max((abs(bar.value) for bar in bars), default=0.0) or 1.0
    widths = [round(50 * abs(bar.value) / top, 2) for bar in bars]
    places = [
        (50.0 if bar.value >= 0 else 50 - width, width) for bar, width in zip(bars, widths, strict=True)
    ]
    return Markup('<div class="diverging">{}</div>').format(_list(bars, label, places, lambda value: value))


def _list(bars: Sequence[Bar], label: str, places: Sequence[tuple[float, float]], percent: object) -> Markup:
    assert callable(percent)
    rows = [
        ROW.format(
            style=bar.style,
            name=bar.name,
            note=Markup(" <small>{}</small>").format(bar.note) if bar.note else "",
            left=left,
            width=width,
            mark=""
            if bar.mark is None
            else Markup('<i class="bar-mark" style="left:{}%"></i>').format(percent(bar.mark)),
            value=bar.value,
            text=bar.text,
        )
        for bar, (left, width) in zip(bars, places, strict=True)
    ]
    return Markup('<ul class="bars" aria-label="{}">{}</ul>').format(label, Markup().join(rows))
