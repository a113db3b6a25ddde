"""A picture with two axes. Shapes stretch with the screen, letters do not: these are HTML above the SVG."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.scale import Scale

__all__ = ["Plot"]

XY = tuple[float, float]
NARROW_TICKS = 4
SHAPE = Markup('<{tag} class="{style}" {where}>{title}</{tag}>')
DOT = Markup('<i class="dot {style}" style="left:{left}%;bottom:{bottom}%" title="{title}"></i>')
PLOT = Markup(
    '<div class="plot {size}" role="img" aria-label="{label}"><div class="plot-area">'
    '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{shapes}</svg>'
    "{marks}</div></div>"
)


class Plot:
    """Drawn on from back to front; :meth:`html` gives it out. *label* says in a sentence what is seen."""

    def __init__(self, x: Scale, y: Scale, *, label: str, size: str = "") -> None:
        self._x, self._y, self._label, self._size = x, y, label, size
        self._shapes: list[Markup] = []
        self._marks: list[Markup] = []

    def x_ticks(self, ticks: Iterable[tuple[float, str]]) -> None:
        """Where the screen is narrow every other one of many is left out."""
        shown = list(ticks)
        for number, (value, text) in enumerate(shown):
            spare = "tick-x spare" if len(shown) > NARROW_TICKS and number % 2 else "tick-x"
            self._mark(f"left:{self._x.percent(value)}%", spare, text)

    def y_ticks(self, ticks: Iterable[tuple[float, str]]) -> None:
        for value, text in ticks:
            place = self._y.percent(value)
            self._shape("line", "grid", f'x1="0" x2="100" y1="{100 - place:g}" y2="{100 - place:g}"')
            self._mark(f"bottom:{place}%", "tick-y", text)

    def bar(self, begin: float, end: float, value: float, style: str, title: str = "") -> None:
        """From the foot of the picture to *value*, as wide as *begin* to *end*."""
        left, right, top = self._x.percent(begin), self._x.percent(end), self._y.percent(value)
        gap = (right - left) * 0.08
        where = f'x="{left + gap:g}" y="{100 - top:g}" width="{right - left - 2 * gap:g}" height="{top:g}"'
        self._shape("rect", style, where, title)

    def band(self, low: Sequence[XY], high: Sequence[XY], style: str) -> None:
        """Between two lines."""
        self._shape("polygon", style, f'points="{self._points([*low, *reversed(high)])}"')

    def line(self, points: Sequence[XY], style: str) -> None:
        self._shape("polyline", style, f'points="{self._points(points)}"')

    def rule(self, x: float, style: str, text: str = "") -> None:
        """An upright line through the picture, with *text* at its top, where there is room for it."""
        place = self._x.percent(x)
        self._shape("line", style, f'x1="{place:g}" x2="{place:g}" y1="0" y2="100"')
        if text:
            side = "flag-left" if place > 60 else "flag-right"
            self._mark(f"left:{place}%", f"flag {side} {style}", text)

    def dot(self, x: float, y: float, style: str, title: str = "") -> None:
        self._marks.append(
            DOT.format(style=style, left=self._x.percent(x), bottom=self._y.percent(y), title=title)
        )

    def html(self) -> Markup:
        return PLOT.format(
            size=self._size,
            label=self._label,
            shapes=Markup().join(self._shapes),
            marks=Markup().join(self._marks),
        )

    def _points(self, points: Sequence[XY]) -> str:
        return " ".join(f"{self._x.percent(x):g},{100 - self._y.percent(y):g}" for x, y in points)

    def _shape(self, tag: str, style: str, where: str, title: str = "") -> None:
        told = Markup("<title>{}</title>").format(title) if title else Markup()
        self._shapes.append(SHAPE.format(tag=tag, style=style, where=Markup(where), title=told))  # noqa: S704 # numbers

    def _mark(self, where: str, style: str, text: str) -> None:
        mark = Markup('<span class="{}" style="{}">{}</span>')
        self._marks.append(mark.format(style, where, text))
