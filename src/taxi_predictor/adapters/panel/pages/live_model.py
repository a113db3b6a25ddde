"""The part of the page Live that is about models: what came of their answers, and what they are asked."""

from collections.abc import Callable, Sequence
from datetime import tzinfo

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.live import drift_picture, standing_picture
from taxi_predictor.adapters.panel.markup import filled, link
from taxi_predictor.adapters.panel.pages.page import Visit
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.bands import FEWEST_TRIPS
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.reference import Measure
from taxi_predictor.domain.signals import LiveErrors, LiveQuality
from taxi_predictor.ports.inbound.quality.monitoring import WINDOWS

__all__ = ["model_piece", "version_name"]

WINDOW = "7d"
"""A week has all its days in it."""
DAY_S = 86_400


def model_piece(quality: LiveQuality | None, serving: str | None, visit: Visit, tz: tzinfo) -> Markup:
    """What a monitor found, of the window and the version that the address names.

    Raises:
        Invalid: it names a window, or a version, that there is not.
    """
    words, query = visit.words, visit.query
    window = query.get("window", WINDOW)
    if window not in WINDOWS:
        raise Invalid(f"windows are {', '.join(WINDOWS)}, not {window!r}")
    if quality is None:
        return filled("live_model", words=words, quality=None)
    known = _versions(quality)
    chosen = query.get("version") or (serving if serving in known else next(iter(known), None))
    if chosen is not None and chosen not in known:
        raise Invalid(f"no version {chosen!r} answered lately; there are {', '.join(known) or 'none'}")
    found = {error.version: error for error in quality.errors if error.window == window}
    drift = quality.drift.get(chosen or "", ())
    return filled(
        "live_model",
        words=words,
        quality=quality,
        chosen=chosen,
        chosen_name=chosen and version_name(chosen, words),
        windows=[
            (name, words("live.window", days=name.removesuffix("d")), link(query, window=name))
            for name in WINDOWS
        ],
        window=window,
        rows=[_row(found.get(name), name, words, link(query, version=name)) for name in known],
        few=FEWEST_TRIPS,
        standings=_standings(quality, chosen, found.get(chosen or ""), words),
        drift=drift_picture(drift, words) if drift else None,
        level=_level(quality, words),
        facts=_facts(quality, chosen, words),
        looked=f"{quality.looked_at.astimezone(tz):%H:%M:%S}",
    )


def version_name(name: str, words: Words) -> str:
    """A version by its number, or a step of the ladder."""
    return words("predict.version", number=name) if name.isdecimal() else words.of("source", name)


def _versions(quality: LiveQuality) -> Sequence[str]:
    """All that anything is known of, the newest first."""
    names = {error.version for error in quality.errors} | {band.version for band in quality.bands}
    return sorted(names, key=lambda name: (not name.isdecimal(), -int(name) if name.isdecimal() else 0, name))


def _row(one: LiveErrors | None, name: str, words: Words, look: str) -> dict[str, object]:
    """Of one version; *one* is None where it answered nothing in the window."""

    def told(value: float | None, text: Callable[[float], str]) -> tuple[float | None, str]:
        return value, "–" if value is None else text(value)

    seconds = _seconds(words, digits=1)
    trips, answered = (one.trips, one.answered) if one else (0, 0)
    return {
        "version": name,
        "name": version_name(name, words),
        "look": look,
        "answered": (answered, words.number(answered)),
        "trips": (trips, words.number(trips)),
        "mae": told(one.mae_s if one else None, seconds),
        "estimated": told(one.estimated_mae_s if one else None, seconds),
        "bias": told(one.bias_s if one else None, lambda value: f"{words.number(value, 1, signed=True)} s"),
        "coverage": told(one.coverage if one else None, _percent(words)),
    }


def _standings(
    quality: LiveQuality, chosen: str | None, one: LiveErrors | None, words: Words
) -> Sequence[Markup]:
    """Each measure against its band; nothing where no trip has ended."""
    if one is None:
        return []
    values = {Measure.MAE: one.mae_s, Measure.BIAS: one.bias_s, Measure.COVERAGE: one.coverage}
    pictures = []
    for band in quality.bands:
        value = values[band.measure]
        if band.version != chosen or value is None:
            continue
        pictures.append(
            standing_picture(
                words(f"measure.{band.measure.value}"),
                f"standing-{band.measure.value}",
                value,
                lower=band.lower,
                upper=band.upper,
                is_out=band.is_out,
                words=words,
                text=_percent(words) if band.measure is Measure.COVERAGE else _seconds(words),
            )
        )
    return pictures


def _level(quality: LiveQuality, words: Words) -> Markup | None:
    level = quality.level
    if level.factor is None or level.lower is None or level.upper is None:
        return None
    return standing_picture(
        words("live.level-on" if level.is_on else "live.level-off"),
        "level",
        level.factor,
        lower=level.lower,
        upper=level.upper,
        is_out=False,
        words=words,
        text=lambda value: f"× {words.number(value, 2)}",
    )


def _facts(quality: LiveQuality, chosen: str | None, words: Words) -> Sequence[tuple[str, str]]:
    facts = []
    if (age_s := quality.ages_s.get(chosen or "")) is not None:
        facts.append((words("live.model-age"), _age(age_s, words)))
    if quality.data_age_s is not None:
        facts.append((words("live.data-age"), _age(quality.data_age_s, words)))
    for quantile, delay_s in sorted(quality.outcome_delay_s.items()):
        facts.append((words("live.delay", percent=words.percent(quantile)), _age(delay_s, words)))
    return facts


def _age(seconds: float, words: Words) -> str:
    if seconds < 2 * DAY_S:
        return words.duration(seconds)
    return words("live.days", count=words.number(seconds // DAY_S))


def _seconds(words: Words, *, digits: int = 0) -> Callable[[float], str]:
    return lambda value: f"{words.number(value, digits)} s"


def _percent(words: Words) -> Callable[[float], str]:
    return lambda value: words.percent(value, 1)
