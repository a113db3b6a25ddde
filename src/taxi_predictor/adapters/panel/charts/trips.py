"""Pictures of one trip: how long it may take, how that goes through the day, and what makes it so long."""

from datetime import datetime
from itertools import pairwise

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.bars import Bar, diverging_bars
from taxi_predictor.adapters.panel.charts.plot import Plot
from taxi_predictor.adapters.panel.charts.scale import Scale
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.comparables import Comparables
from taxi_predictor.domain.evaluation import COVERAGE
from taxi_predictor.domain.explanation import Explanation
from taxi_predictor.ports.inbound.answers.departures import Departures
from taxi_predictor.ports.inbound.answers.prediction import Prediction

__all__ = ["comparables_picture", "day_picture", "distribution_picture", "explanation_picture"]

BINS = 36
ROUND_MINUTES = (1, 2, 3, 5, 10, 15, 20, 30, 60, 90, 120, 180)
MAX_TICKS = 8
SMALLEST_S = 0.5
"""What would read as nothing is left out."""


def minute_ticks(low_s: float, high_s: float) -> list[tuple[float, str]]:
    """Round minutes between two durations, as seconds and as words."""
    for step_min in ROUND_MINUTES:
        first, last = -(-low_s // (60 * step_min)), high_s // (60 * step_min)
        if last - first < MAX_TICKS:
            break
    return [
        (60 * step_min * n, f"{60 * step_min * n / 60:.0f} min") for n in range(int(first), int(last) + 1)
    ]


def distribution_picture(prediction: Prediction, words: Words, *, within_s: float | None) -> Markup:
    """How likely each duration is, bin by bin, with the 80 % interval in colour and the target as a line."""
    distribution = prediction.distribution
    known = distribution.residuals.probabilities
    low_s, high_s = distribution.quantile_s(known[0]), distribution.quantile_s(known[-1])
    inner_low_s, inner_high_s = prediction.interval_s(COVERAGE)
    step_s = (high_s - low_s) / BINS
    edges_s = [low_s + step_s * number for number in range(BINS + 1)]
    below = [distribution.probability_within(edge_s) for edge_s in edges_s]
    shares = [after - before for before, after in pairwise(below)]
    plot = Plot(
        Scale(low_s, high_s),
        Scale(0, max(shares) * 1.18),
        label=words(
            "predict.distribution-label",
            low=words.duration(inner_low_s),
            high=words.duration(inner_high_s),
            median=words.duration(prediction.duration_s),
        ),
    )
    plot.x_ticks(minute_ticks(low_s, high_s))
    for (begin_s, end_s), share in zip(pairwise(edges_s), shares, strict=True):
        middle_s = (begin_s + end_s) / 2
        style = "fill" if inner_low_s <= middle_s <= inner_high_s else "fill-pale"
        span = f"{words.duration(begin_s)} – {words.duration(end_s)}: {words.percent(share, 1)}"
        plot.bar(begin_s, end_s, share, style, span)
    plot.rule(prediction.duration_s, "rule", words("predict.median"))
    if within_s is not None and low_s < within_s < high_s:
        plot.rule(within_s, "rule-target", words("predict.target"))
    return plot.html()


def day_picture(board: Departures, words: Words, *, chosen: datetime) -> Markup:
    """Duration by departure through a day, with its 80 % interval; the fastest departure is a dot."""
    answers = board.answers
    points = [(answer.plan.pickup_at.timestamp(), answer.duration_s) for answer in answers]
    bands = [answer.interval_s(COVERAGE) for answer in answers]
    times = [at for at, _ in points]
    top_s = max(high for _, high in bands)
    fastest = board.fastest
    tz = chosen.tzinfo
    plot = Plot(
        Scale(times[0], times[-1]),
        Scale(0, top_s * 1.05),
        label=words(
            "predict.day-label",
            time=words.clock(fastest.plan.pickup_at),
            duration=words.duration(fastest.duration_s),
        ),
    )
    plot.y_ticks(minute_ticks(0, top_s))
    plot.x_ticks(
        (at, f"{datetime.fromtimestamp(at, tz):%H:%M}")
        for at in times
        if datetime.fromtimestamp(at, tz).minute == 0 and datetime.fromtimestamp(at, tz).hour % 4 == 0
    )
    lows = [(at, low) for at, (low, _) in zip(times, bands, strict=True)]
    highs = [(at, high) for at, (_, high) in zip(times, bands, strict=True)]
    plot.band(lows, highs, "band")
    plot.line(points, "curve")
    if times[0] <= chosen.timestamp() <= times[-1]:
        plot.rule(chosen.timestamp(), "rule", words("predict.chosen"))
    title = f"{words.clock(fastest.plan.pickup_at)}: {words.duration(fastest.duration_s)}"
    plot.dot(fastest.plan.pickup_at.timestamp(), fastest.duration_s, "best", title)
    return plot.html()


def explanation_picture(explanation: Explanation, words: Words) -> Markup:
    """What adds to the usual trip and what takes from it, the largest first."""
    parts = sorted(explanation.parts, key=lambda part: -abs(part.seconds))
    bars = [
        Bar(
            name=words(f"cause.{part.cause.name.lower()}"),
            value=part.seconds,
            text=words.change(part.seconds),
            style="longer" if part.seconds > 0 else "shorter",
        )
        for part in parts
        if abs(part.seconds) >= SMALLEST_S
    ]
    return diverging_bars(bars, label=words("predict.explanation"))


def comparables_picture(found: Comparables, predicted_s: float, words: Words) -> Markup:
    """Each past trip as a dot by its duration, the most alike on top; what is predicted is a line."""
    durations_s = [one.trip.duration_s for one in found.trips]
    low_s, high_s = min([*durations_s, predicted_s]), max([*durations_s, predicted_s])
    margin_s = max((high_s - low_s) * 0.08, 30.0)
    count = len(durations_s)
    plot = Plot(
        Scale(max(low_s - margin_s, 0), high_s + margin_s),
        Scale(0, count + 1),
        label=words("predict.similar-label", count=count),
        size="small",
    )
    plot.x_ticks(minute_ticks(max(low_s - margin_s, 0), high_s + margin_s))
    if found.spread_s is not None:
        p10_s, _, p90_s = found.spread_s
        plot.band([(p10_s, 0), (p90_s, 0)], [(p10_s, count + 1), (p90_s, count + 1)], "band")
    plot.rule(predicted_s, "rule", words("predict.predicted"))
    for place, duration_s in enumerate(durations_s):
        plot.dot(duration_s, count - place, "trip", words.duration(duration_s))
    return plot.html()
