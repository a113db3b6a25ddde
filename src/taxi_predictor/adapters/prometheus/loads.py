"""The load of a service, from its figures: from the text it serves or from what Prometheus answers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from taxi_predictor.adapters.prometheus.samples import Sample, first, named
from taxi_predictor.domain.signals import (
    FAILED,
    Lately,
    Rates,
    RouteLoad,
    ServiceLoad,
    is_question,
    quantile_of_buckets,
)

__all__ = ["COUNTED", "MARK", "TOTALS", "lately_of", "load_of"]

REQUESTS, TOOK = "taxi_http_requests_total", "taxi_http_request_seconds_bucket"
TRIPS, DEGRADED = "taxi_predictions_total", "taxi_degraded_trips_total"
VERSION, SOURCE = "taxi_model_version", "taxi_answer_source"
MARK = "taxi_predictions_logged_total"
"""A counter without labels is there from the first moment on: where it is, there is a service."""
COUNTED: Mapping[str, tuple[str, ...]] = {
    REQUESTS: ("route", "status"),
    TOOK: ("route", "le"),
    TRIPS: (),
    DEGRADED: (),
}
"""What is compared with a while ago, and by which labels."""
TOTALS = (MARK, REQUESTS, TRIPS, VERSION, SOURCE)
"""What is told as it stands."""


def load_of(
    totals: Sequence[Sample], rates: Sequence[Sample] | None, *, until: datetime, over_s: float
) -> ServiceLoad:
    """What the counters of *totals* say, and *rates* per second over the *over_s* seconds before *until*.

    *rates* are None where nobody has looked for long enough.
    """
    requests = [one for one in named(totals, REQUESTS) if is_question(one.labels["route"])]
    by_route: Counter[str] = Counter()
    for one in requests:
        by_route[one.labels["route"]] += round(one.value)
    trips: Counter[str] = Counter()
    for one in named(totals, TRIPS):
        trips[_who(one.labels["version"], one.labels["source"])] += round(one.value)
    return ServiceLoad(
        requests=by_route.total(),
        failures=round(sum(one.value for one in requests if _failed(one))),
        trips=trips,
        serving=_serving(totals),
        routes=[
            RouteLoad(route=route, requests=count, rates=None if rates is None else _rates(rates, route))
            for route, count in by_route.most_common()
        ],
        lately=None if rates is None else lately_of(rates, until=until, over_s=over_s),
    )


def lately_of(rates: Sequence[Sample], *, until: datetime, over_s: float) -> Lately:
    """What *rates* per second say of the *over_s* seconds before *until*."""
    trips, degraded = (sum(one.value for one in named(rates, name)) for name in (TRIPS, DEGRADED))
    return Lately(
        until=until,
        over_s=over_s,
        rates=_rates(rates),
        degraded=degraded / trips if trips > 0 else None,
    )


def _rates(rates: Sequence[Sample], route: str | None = None) -> Rates:
    """Of one *route*, or of all that are questions."""

    def of(name: str) -> Iterable[Sample]:
        for one in named(rates, name):
            if one.labels["route"] == route or (route is None and is_question(one.labels["route"])):
                yield one

    asked = list(of(REQUESTS))
    per_s = sum(one.value for one in asked)
    buckets: dict[float, float] = defaultdict(float)
    for one in of(TOOK):
        buckets[float(one.labels["le"])] += one.value
    return Rates(
        requests_per_s=per_s,
        failed=sum(one.value for one in asked if _failed(one)) / per_s if per_s > 0 else None,
        p95_s=quantile_of_buckets(0.95, buckets),
    )


def _failed(one: Sample) -> bool:
    return int(one.labels["status"]) >= FAILED


def _who(version: str, source: str) -> str:
    """The number of a version, or the step of the ladder that answered without any."""
    return source if version == "0" else version


def _serving(totals: Sequence[Sample]) -> str | None:
    version = first(totals, VERSION)
    if version:
        return str(round(version))
    return next((one.labels["source"] for one in named(totals, SOURCE) if one.value == 1), None)
