"""Pictures of a city: its week, how long its trips take, and how fast it is where."""

from collections.abc import Callable, Sequence
from itertools import accumulate

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.atlas import Atlas
from taxi_predictor.adapters.panel.charts.plot import Plot
from taxi_predictor.adapters.panel.charts.scale import Scale, round_ticks
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.traffic import DurationCounts, HourCount, SpotCount

__all__ = ["Legend", "durations_picture", "hours_picture", "spots_picture"]

HIDDEN = Markup(' class="visually-hidden"')
FEW_TRIPS = 3
"""Of fewer, a speed says little: they do not stretch the scale."""
SHOWN_SHARE = 0.99
"""The picture of durations ends where this share of the trips has ended."""

Legend = tuple[str, str, str, Sequence[tuple[str, str, str]]]
"""What is shown, the low end and the high one, and each spot in words."""


def hours_picture(counts: Sequence[HourCount], words: Words) -> Markup:
    """A week as a table of colours: the stronger, the more trips."""
    by_hour = {(count.weekday, count.hour): count for count in counts}
    top = max((count.trips for count in counts), default=1)
    cell = Markup('<td style="--v:{v:.3f}" title="{title}">{trips}</td>')
    rows = []
    for weekday, name in enumerate(words("days.short").split()):
        cells = []
        for hour in range(24):
            count = by_hour.get((weekday, hour))
            trips = count.trips if count else 0
            title = f"{name} {hour:02d}:00 · {words.count('city.trips', trips)}"
            if count and count.speed_km_h is not None:
                title += f" · {words.number(count.speed_km_h, 1)} km/h"
            cells.append(cell.format(v=trips / top, title=title, trips=trips))
        rows.append(Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, Markup().join(cells)))
    heads = (
        Markup('<th scope="col"><span{}>{}</span></th>').format(HIDDEN if hour % 3 else "", hour)
        for hour in range(24)
    )
    return Markup(
        '<table class="heat"><caption class="visually-hidden">{}</caption><thead><tr><td></td>{}</tr></thead>'
        "<tbody>{}</tbody></table>"
    ).format(words("city.hours"), Markup().join(heads), Markup().join(rows))


def durations_picture(counts: DurationCounts, words: Words) -> Markup:
    """How many trips took how long, minute by minute."""
    if not counts.trips:
        return Markup('<p class="quiet">{}</p>').format(words("city.no-trips"))
    ended = list(accumulate(counts.by_minute))
    shown = next(n for n, trips in enumerate(ended, 1) if trips >= SHOWN_SHARE * counts.trips)
    top = max(counts.by_minute[:shown])
    plot = Plot(
        Scale(0, shown),
        Scale(0, top * 1.15),
        label=words("city.durations-label", median=words.duration(counts.median_s or 0)),
    )
    plot.y_ticks((tick, words.number(tick)) for tick in round_ticks(0, top, at_most=5) if tick == round(tick))
    plot.x_ticks((tick, f"{tick:.0f} min") for tick in round_ticks(0, shown))
    for minute, trips in enumerate(counts.by_minute[:shown]):
        inside = (counts.p10_s or 0) <= 60 * (minute + 0.5) <= (counts.p90_s or 0)
        title = f"{minute}–{minute + 1} min: {words.count('city.trips', trips)}"
        plot.bar(minute, minute + 1, trips, "fill" if inside else "fill-pale", title)
    if counts.median_s is not None:
        plot.rule(counts.median_s / 60, "rule", words("predict.median"))
    return plot.html()


def spots_picture(
    counts: Sequence[SpotCount], atlas: Atlas, words: Words, *, names: Callable[[int], str]
) -> tuple[Markup, Markup, Legend]:
    """A style sheet for the zones, squares for the cells, and what to write below.

    Colours are speeds; where nothing is metered, numbers of trips.
    """
    speeds = {one.spot: one.speed_km_h for one in counts if one.speed_km_h is not None}
    of_many = {one.spot: speeds[one.spot] for one in counts if one.spot in speeds and one.trips >= FEW_TRIPS}
    values: dict[int, float] = dict(speeds) or {one.spot: float(one.trips) for one in counts}
    scale = sorted((of_many or values).values()) or [0.0]
    low, high = scale[len(scale) // 20], scale[-1 - len(scale) // 20]
    shares = {spot: min(max((value - low) / ((high - low) or 1), 0), 1) for spot, value in values.items()}
    rows = [
        (
            names(one.spot),
            words.number(one.trips),
            "–" if one.speed_km_h is None else words.number(one.speed_km_h, 1),
        )
        for one in sorted(counts, key=lambda one: -one.trips)
    ]
    unit, digits = ("city.speed", 0) if speeds else ("city.by-trips", 0)
    legend = (words(unit), words.number(low, digits), words.number(high, digits), rows)
    zones = {spot: share for spot, share in shares.items() if spot >= 0}
    cells = Markup().join(
        atlas.cell(spot, f"--v:{share:.3f}", f"{names(spot)}: {words.number(values[spot], 1)}")
        for spot, share in shares.items()
        if spot < 0
    )
    return atlas.colours(zones), Markup('<g class="cells">{}</g>').format(cells), legend
