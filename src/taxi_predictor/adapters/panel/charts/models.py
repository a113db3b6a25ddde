"""Pictures of how good a model is, beside another one where one is chosen."""

from collections.abc import Mapping

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.bars import Bar, plain_bars
from taxi_predictor.adapters.panel.charts.plot import Plot
from taxi_predictor.adapters.panel.charts.scale import Scale, round_ticks
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.curves import LEVELS
from taxi_predictor.domain.evaluation import COVERAGE
from taxi_predictor.domain.explanation import CAUSE_OF
from taxi_predictor.domain.model import Manifest
from taxi_predictor.domain.slices import BOROUGH
from taxi_predictor.ports.outbound.registry import ModelReport

__all__ = [
    "baselines_picture",
    "calibration_picture",
    "coverage_picture",
    "errors_picture",
    "hours_picture",
    "importance_picture",
    "residuals_picture",
]

JUDGED_TRIPS = 500
"""Slices of fewer are not judged by the gate: they are drawn pale."""
LOWEST_COVERAGE = 0.5


def errors_picture(report: ModelReport, other: ModelReport | None, words: Words) -> Markup:
    """The mean absolute error of each slice; the other model's is a mark on the same bar."""
    rivals = other.slices if other else {}
    bars = [
        Bar(
            name=_slice_name(name, words),
            note=words.number(scores.n),
            value=scores.mae_s,
            text=f"{words.number(scores.mae_s)} s",
            style="" if scores.n >= JUDGED_TRIPS else "pale",
            mark=rivals[name].mae_s if name in rivals else None,
        )
        for name, scores in {"all": report.held_out, **report.slices}.items()
    ]
    if other:
        bars[0] = Bar(
            name=bars[0].name,
            note=bars[0].note,
            value=bars[0].value,
            text=bars[0].text,
            mark=other.held_out.mae_s,
        )
    top = max([bar.value for bar in bars] + [bar.mark for bar in bars if bar.mark is not None])
    return plain_bars(bars, label=words("models.errors"), high=top)


def coverage_picture(report: ModelReport, words: Words) -> Markup:
    """The share of trips inside their 80 % interval, by slice; the mark is what was promised."""
    bars = [
        Bar(
            name=_slice_name(name, words),
            value=scores.coverage_80,
            text=words.percent(scores.coverage_80, 1),
            style="" if scores.n >= JUDGED_TRIPS else "pale",
            mark=COVERAGE,
        )
        for name, scores in {"all": report.held_out, **report.slices}.items()
    ]
    return plain_bars(bars, label=words("models.coverage"), low=LOWEST_COVERAGE, high=1.0)


def calibration_picture(report: ModelReport, other: ModelReport | None, words: Words) -> Markup | None:
    """How often each quantile held; None where an earlier release did not measure it."""
    if not report.calibration:
        return None
    plot = Plot(Scale(0, 1), Scale(0, 1), label=words("models.calibration-label"), size="square")
    ticks = [(tick, words.percent(tick)) for tick in (0, 0.25, 0.5, 0.75, 1)]
    plot.x_ticks(ticks)
    plot.y_ticks(ticks)
    plot.line([(0, 0), (1, 1)], "honest")
    if other is not None and other.calibration:
        plot.line(list(zip(LEVELS, other.calibration, strict=True)), "curve-second")
    plot.line(list(zip(LEVELS, report.calibration, strict=True)), "curve")
    for level, share in zip(LEVELS, report.calibration, strict=True):
        plot.dot(level, share, "", f"{words.percent(level)}: {words.percent(share, 1)}")
    return plot.html()


def residuals_picture(manifest: Manifest, words: Words) -> Markup:
    """The distribution of residuals, each divided by the spread that was predicted for its trip."""
    residuals = manifest.residuals
    reach = max(abs(residuals.values[0]), abs(residuals.values[-1]))
    plot = Plot(Scale(-reach, reach), Scale(0, 1), label=words("models.residuals-label"), size="square")
    plot.x_ticks(
        (tick, words.number(tick, 0, signed=True)) for tick in round_ticks(-reach, reach) if tick % 1 == 0
    )
    plot.y_ticks((tick, words.percent(tick)) for tick in (0, 0.25, 0.5, 0.75, 1))
    plot.rule(0, "rule")
    plot.line(list(zip(residuals.values, residuals.probabilities, strict=True)), "curve")
    return plot.html()


def hours_picture(report: ModelReport, words: Words) -> Markup | None:
    """The mean absolute error by hour of departure; None where an earlier release did not measure it."""
    measured = [(hour, mae_s) for hour, mae_s in enumerate(report.mae_by_hour_s) if mae_s is not None]
    if not measured:
        return None
    top = max(mae_s for _, mae_s in measured)
    plot = Plot(Scale(0, 24), Scale(0, top * 1.1), label=words("models.hours-label"), size="small")
    plot.x_ticks((hour, f"{hour:02d}:00") for hour in range(0, 24, 6))
    plot.y_ticks((tick, f"{words.number(tick)} s") for tick in round_ticks(0, top, at_most=5))
    for hour, mae_s in measured:
        plot.bar(hour, hour + 1, mae_s, "fill", f"{hour:02d}:00 · {words.number(mae_s, 1)} s")
    return plot.html()


def importance_picture(manifest: Manifest, words: Words) -> Markup | None:
    """What splits gained, by the words that explain a prediction; None where an engine has none to tell."""
    by_cause: dict[str, float] = {}
    for name, share in manifest.importance.items():
        causes = CAUSE_OF.get(name, ())  # a model of other code may have features that this does not know
        for cause in causes:
            by_cause[cause.name.lower()] = by_cause.get(cause.name.lower(), 0.0) + share / len(causes)
    if not by_cause:
        return None
    bars = [
        Bar(name=words(f"cause.{cause}"), value=share, text=words.percent(share, 1))
        for cause, share in sorted(by_cause.items(), key=lambda item: -item[1])
    ]
    return plain_bars(bars, label=words("models.importance"))


def baselines_picture(report: ModelReport, words: Words) -> Markup | None:
    """The model among simple methods on the same trips; None where none was asked."""
    if not report.baselines:
        return None
    errors_s: Mapping[str, float] = {name: scores.mae_s for name, scores in report.baselines.items()}
    bars = [
        Bar(name=words.of("baseline", name), value=mae_s, text=f"{words.number(mae_s)} s", style="second")
        for name, mae_s in sorted(errors_s.items(), key=lambda item: -item[1])
    ]
    mine = report.held_out.mae_s
    bars.append(Bar(name=words("models.this"), value=mine, text=f"{words.number(mine)} s"))
    return plain_bars(bars, label=words("models.baselines"))


def _slice_name(name: str, words: Words) -> str:
    """Of a borough only the words around it are translated."""
    borough = name.removeprefix(BOROUGH)
    return words.of("slice", name) if borough == name else words("models.pickup-in", place=borough)
