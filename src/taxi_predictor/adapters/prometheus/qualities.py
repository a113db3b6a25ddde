"""What a monitor found, read from its figures, and the alarms that single figures raise."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from taxi_predictor.adapters.prometheus.samples import Sample, first, named
from taxi_predictor.domain.live import ALL, FeatureDrift
from taxi_predictor.domain.reference import Measure
from taxi_predictor.domain.signals import (
    NOTE,
    Alarm,
    LevelNow,
    LiveBand,
    LiveErrors,
    LiveQuality,
    by_severity,
)

__all__ = ["FIGURES", "MARK", "alarms_of", "quality_of"]

MARK = "taxi_retrainings_total"
"""Told from the first moment on: where it is, there is a monitor."""
LOOKED = "taxi_monitor_looked_timestamp_seconds"
FIGURES = f"{MARK}|{LOOKED}|taxi_(live|drift|model_age|data_age|outcome_delay)_.*"
"""The names of what is read here, as a regular expression."""
OF_TARGET = ("instance", "job")


def quality_of(samples: Sequence[Sample]) -> LiveQuality | None:
    """What the monitor found when it looked last; None: it has not looked."""
    samples = _once(samples)
    looked_s = first(samples, LOOKED)
    if looked_s is None:
        return None
    return LiveQuality(
        looked_at=datetime.fromtimestamp(looked_s, UTC),
        errors=list(_errors(samples)),
        bands=list(_bands(samples)),
        drift=_drift(samples),
        level=LevelNow(
            is_on=first(samples, "taxi_live_level_on") == 1,
            factor=first(samples, "taxi_live_level", kind="factor"),
            lower=first(samples, "taxi_live_level", kind="lower"),
            upper=first(samples, "taxi_live_level", kind="upper"),
        ),
        ages_s={one.labels["version"]: one.value for one in named(samples, "taxi_model_age_seconds")},
        data_age_s=first(samples, "taxi_data_age_seconds"),
        outcome_delay_s={
            float(one.labels["quantile"]): one.value for one in named(samples, "taxi_outcome_delay_seconds")
        },
    )


def _once(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Two monitors of one deployment tell the same; it is told once."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], Sample] = {}
    for one in samples:
        labels = frozenset(item for item in one.labels.items() if item[0] not in OF_TARGET)
        found.setdefault((one.name, labels), one)
    return list(found.values())


def _errors(samples: Sequence[Sample]) -> Iterable[LiveErrors]:
    of_all = [one for one in samples if one.labels.get("slice") == ALL]
    for one in named(of_all, "taxi_live_trips"):
        of = {"version": one.labels["version"], "window": one.labels["window"]}
        yield LiveErrors(
            **of,
            trips=round(one.value),
            answered=round(first(of_all, "taxi_live_answered_trips", **of) or 0),
            mae_s=first(of_all, "taxi_live_mae_seconds", **of),
            bias_s=first(of_all, "taxi_live_bias_seconds", **of),
            coverage=first(of_all, "taxi_live_coverage_ratio", **of),
            estimated_mae_s=first(of_all, "taxi_live_estimated_mae_seconds", **of),
        )


def _bands(samples: Sequence[Sample]) -> Iterable[LiveBand]:
    for one in named(samples, "taxi_live_out_of_band"):
        of = {"version": one.labels["version"], "measure": one.labels["measure"]}
        lower, upper = (first(samples, "taxi_live_band", **of, bound=bound) for bound in ("lower", "upper"))
        if lower is not None and upper is not None:
            yield LiveBand(
                version=of["version"],
                measure=Measure(of["measure"]),
                lower=lower,
                upper=upper,
                is_out=one.value == 1,
            )


def _drift(samples: Sequence[Sample]) -> Mapping[str, Sequence[FeatureDrift]]:
    def of(one: Sample) -> tuple[str, str]:
        return one.labels["version"], one.labels["feature"]

    moved = {of(one): one.value for one in named(samples, "taxi_drift_wasserstein")}
    trips = {of(one): round(one.value) for one in named(samples, "taxi_drift_trips")}
    found: dict[str, list[FeatureDrift]] = {}
    for one in sorted(named(samples, "taxi_drift_psi"), key=lambda one: -one.value):
        version, feature = of(one)
        drift = FeatureDrift(
            feature=feature,
            psi=one.value,
            wasserstein=moved.get((version, feature), 0.0),
            trips=trips.get((version, feature), 0),
        )
        found.setdefault(version, []).append(drift)
    return found


OUT_OF_BAND: Mapping[str, tuple[str, str]] = {
    "mae": ("ModelErrorOutOfBand", "The errors of version {} are not what its validation days promised."),
    "bias": ("ModelBiasOutOfBand", "Version {} is late or early on the whole."),
    "coverage": (
        "ModelCoverageOutOfBand",
        "The intervals of version {} hold more or fewer trips than they say.",
    ),
}
"""Alarms by measure, under the names of the rules in ``deploy/prometheus``."""


def alarms_of(samples: Sequence[Sample]) -> Sequence[Alarm]:
    """What single figures say to be wrong: there are figures that are 1 or 0 for that.

    Nobody weighs rates here, or waits whether it lasts: that is what Prometheus is for.
    """
    found = []
    ready = named(samples, "taxi_ready")
    if ready and not any(one.value for one in ready):
        found.append(_critical("ApiNotReady", "The API runs but answers no predictions."))
    elif first(samples, "taxi_answer_source", source="champion") == 0:
        found.append(_warning("DegradedAnswers", "Trips are answered without the champion."))
    if any(one.value for one in named(samples, "taxi_model_sync_trouble")):
        found.append(_warning("ModelSyncTrouble", "The registry's champion does not get here."))
    for one in named(samples, "taxi_run_result"):
        if one.value and one.labels["result"] == "failed":
            found.append(_warning("RunFailed", f"The last run of {one.labels['run']} failed."))
        elif one.value and one.labels["result"] == "refused":
            what = "The model that was trained last did not pass the gate; the champion stays."
            found.append(Alarm(name="ModelRefused", severity=NOTE, summary=what))
    serving = {f"{one.value:g}" for one in named(samples, "taxi_model_version")}
    for one in named(samples, "taxi_live_out_of_band"):
        if one.value and one.labels["version"] in serving:
            name, what = OUT_OF_BAND[one.labels["measure"]]
            found.append(_warning(name, what.format(one.labels["version"])))
    return sorted(found, key=by_severity)


def _critical(name: str, summary: str) -> Alarm:
    return Alarm(name=name, severity="critical", summary=summary)


def _warning(name: str, summary: str) -> Alarm:
    return Alarm(name=name, severity="warning", summary=summary)
