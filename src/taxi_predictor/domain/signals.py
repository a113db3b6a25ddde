"""The state of a running service: its recent load, the quality of its answers, its troubles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import inf
from re import compile as pattern

from taxi_predictor.domain.live import FeatureDrift
from taxi_predictor.domain.reference import Measure

__all__ = [
    "FAILED",
    "NOTE",
    "NO_QUESTION",
    "Alarm",
    "Lately",
    "LevelNow",
    "LiveBand",
    "LiveErrors",
    "LiveQuality",
    "PartState",
    "Rates",
    "RouteLoad",
    "ServiceLoad",
    "by_severity",
    "is_question",
    "quantile_of_buckets",
]

NO_QUESTION = "unknown|/schema.*|(/v2)?/health.*"
"""Routes, as a regular expression, that nobody asks anything of: probes, the description of the API, and
paths that there are not. The rules of ``deploy/prometheus`` say the same."""
FAILED = 500
"""Of a status from here on it is the service that is at fault."""
NOTE = "info"
"""The severity of what is good to know: nobody has to do anything."""
SEVERITIES = ("critical", "warning", NOTE)
_no_question = pattern(NO_QUESTION)


def is_question(route: str) -> bool:
    return _no_question.fullmatch(route) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How fast questions came within some time, and how they were answered."""

    requests_per_s: float
    failed: float | None
    """The share that was answered with :data:`FAILED` and more; None: nothing was asked."""
    p95_s: float | None
    """Within this 95 of 100 began to be answered; None: nothing was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """What was asked in the *over_s* seconds before *until*."""

    until: datetime
    over_s: float
    rates: Rates
    degraded: float | None
    """The share of trips that were answered without something; None: none was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLoad:
    """What was asked of one route."""

    route: str
    requests: int
    """Since the service began."""
    rates: Rates | None
    """Of the same time as the service's; None: nobody has looked for long enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLoad:
    requests: int
    """Questions answered since the service began."""
    failures: int
    """Of these, with :data:`FAILED` and more."""
    trips: Mapping[str, int]
    """Trips answered since then, by the version that did, or the step of the ladder that did without one."""
    serving: str | None
    """The version that answers, or the step of the ladder; None: nobody says."""
    routes: Sequence[RouteLoad]
    """The busiest first."""
    lately: Lately | None
    """None: nobody has looked for long enough to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveErrors:
    """How good one version was on trips that ended within a window; None where none did."""

    version: str
    window: str
    """Such as ``7d``."""
    trips: int
    """That ended."""
    answered: int
    """Whether they have ended or not."""
    mae_s: float | None
    bias_s: float | None
    coverage: float | None
    estimated_mae_s: float | None
    """What its distributions say to expect of all that it answered; None: it answered nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBand:
    """Where a measure of a version is expected, in the unit of the measure."""

    version: str
    measure: Measure
    lower: float
    upper: float
    is_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelNow:
    """What the live level multiplies durations by, city-wide, and the bounds it keeps to."""

    is_on: bool
    """Whether answers are given with it."""
    factor: float | None
    """None: there is none."""
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveQuality:
    """What a monitor found when it looked last."""

    looked_at: datetime
    errors: Sequence[LiveErrors]
    """Of all trips, by version and window."""
    bands: Sequence[LiveBand]
    drift: Mapping[str, Sequence[FeatureDrift]]
    """By version, the strongest first; without those of which nothing is known."""
    level: LevelNow
    ages_s: Mapping[str, float]
    """Since each version was trained."""
    data_age_s: float | None
    """Since the newest stored trip began; None: there is none."""
    outcome_delay_s: Mapping[float, float]
    """How long after its end a trip is reported, by quantile; empty where none was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that somebody should know of."""

    name: str
    severity: str
    summary: str
    since: datetime | None = None
    """None: nobody says."""
    runbook_url: str | None = None
    is_muted: bool = False
    """Known, and kept back: silenced by somebody, or told by its cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartState:
    """One part of a deployment, and how it is."""

    name: str
    trouble: str | None
    """None: it is well."""


def by_severity(alarm: Alarm) -> tuple[bool, int, str, str]:
    """The order of alarms: what is muted last, the worst first."""
    known = SEVERITIES.index(alarm.severity) if alarm.severity in SEVERITIES else len(SEVERITIES)
    return alarm.is_muted, known, alarm.name, alarm.summary


def quantile_of_buckets(share: float, buckets: Mapping[float, float]) -> float | None:
    """The value below which a *share* of what was counted lies; None: nothing was.

    *buckets* say how much was counted up to each edge, the last of which is infinite. Within a bucket
    values are taken to lie evenly; of what lies beyond the last finite edge only that edge is known.
    That is how Prometheus does it (``histogram_quantile``), so that both say the same.
    """
    edges = sorted(buckets.items())
    if not edges or edges[-1][1] <= 0:
        return None
    rank = share * edges[-1][1]
    for (low, below), (high, counted) in pairwise([(0.0, 0.0), *edges]):
        if counted >= rank:
            if high == inf:
                return low
            return low + (high - low) * (rank - below) / (counted - below) if counted > below else high
    return None
