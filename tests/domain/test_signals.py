"""Quantiles of histograms, and what is a question."""

import math

import pytest

from taxi_predictor.domain.signals import Alarm, by_severity, is_question, quantile_of_buckets


def test_within_a_bucket_values_lie_evenly() -> None:
    buckets = {0.1: 50.0, 0.2: 90.0, math.inf: 100.0}
    assert quantile_of_buckets(0.5, buckets) == pytest.approx(0.1)
    assert quantile_of_buckets(0.7, buckets) == pytest.approx(0.15)
    assert quantile_of_buckets(0.25, buckets) == pytest.approx(0.05)


def test_beyond_the_last_edge_only_the_edge_is_known() -> None:
    assert quantile_of_buckets(0.95, {0.1: 50.0, 0.2: 90.0, math.inf: 100.0}) == 0.2


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile_of_buckets(0.95, {}) is None
    assert quantile_of_buckets(0.95, {0.1: 0.0, math.inf: 0.0}) is None


def test_an_empty_bucket_is_passed_over() -> None:
    assert quantile_of_buckets(0.5, {0.1: 0.0, 0.2: 0.0, 0.3: 10.0, math.inf: 10.0}) == pytest.approx(0.25)


def test_what_was_counted_may_be_less_than_one_as_of_rates() -> None:
    assert quantile_of_buckets(0.5, {0.1: 0.02, 0.2: 0.04, math.inf: 0.04}) == pytest.approx(0.1)
    assert quantile_of_buckets(0.5, {0.1: 0.0, math.inf: 0.04}) == 0.1


def test_a_bucket_ends_with_what_is_counted_up_to_its_edge() -> None:
    buckets = {0.1: 50.0, 0.2: 50.0, 0.3: 100.0, math.inf: 100.0}
    assert quantile_of_buckets(0.5, buckets) == pytest.approx(0.1)
    assert quantile_of_buckets(1.0, buckets) == pytest.approx(0.3)
    assert quantile_of_buckets(0.0, {0.1: 0.0, 0.2: 50.0, math.inf: 50.0}) == 0.1


@pytest.mark.parametrize("route", ["/v1/predictions", "/", "/v2/models/{name}/infer"])
def test_what_people_ask_is_a_question(route: str) -> None:
    assert is_question(route)


@pytest.mark.parametrize(
    "route", ["unknown", "/schema", "/schema/openapi.json", "/health", "/health/ready", "/v2/health/live"]
)
def test_a_probe_is_no_question(route: str) -> None:
    assert not is_question(route)


def test_the_worst_comes_first_and_what_is_muted_last() -> None:
    def alarm(name: str, severity: str, *, is_muted: bool = False) -> Alarm:
        return Alarm(name=name, severity=severity, summary="", is_muted=is_muted)

    alarms = [
        alarm("A", "critical", is_muted=True),
        alarm("F", "unheard-of"),
        alarm("B", "info"),
        alarm("C", "warning"),
        alarm("E", "critical"),
        alarm("D", "critical"),
    ]
    assert [one.name for one in sorted(alarms, key=by_severity)] == ["D", "E", "C", "B", "F", "A"]
