"""Pictures of what is stored."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.plot import Plot
from taxi_predictor.adapters.panel.charts.scale import Scale, round_ticks
from taxi_predictor.adapters.panel.words import Words

__all__ = ["days_picture"]

MAX_BARS = 200
"""More bars are no bars any more: several days become one."""
TICKS = 6


def days_picture(
    by_day: Mapping[date, int], *, holes_days: Sequence[tuple[date, date]], words: Words
) -> Markup:
    """Trips by day, or by as many days as fit, and where there are none."""
    first, last = min(by_day), max(by_day)
    span = (last - first).days + 1
    width = -(-span // MAX_BARS)
    totals: dict[int, int] = {}
    for day, trips in by_day.items():
        totals[(day - first).days // width] = totals.get((day - first).days // width, 0) + trips
    per_day = {number: trips / min(width, span - number * width) for number, trips in totals.items()}
    top = max(per_day.values())
    plot = Plot(
        Scale(0, span),
        Scale(0, top * 1.1),
        label=words("data.days-label", first=words.day(first), last=words.day(last)),
    )
    plot.y_ticks((tick, words.number(tick)) for tick in round_ticks(0, top, at_most=5))
    every = max(span // TICKS, 1)
    months = words("days.months").split()
    days = [first + timedelta(days=number) for number in range(every // 2, span, every)]
    plot.x_ticks(((day - first).days, f"{day.day} {months[day.month - 1]} {day:%y}") for day in days)
    for hole, last_of_it in holes_days:
        plot.bar((hole - first).days, (last_of_it - first).days + 1, top, "gap", words.day(hole))
    for number, mean in per_day.items():
        begin = first + timedelta(days=number * width)
        title = f"{words.day(begin)}: {words.count('city.trips', round(mean))}"
        plot.bar(number * width, min((number + 1) * width, span), mean, "fill", title)
    return plot.html()
