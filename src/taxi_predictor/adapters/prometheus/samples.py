"""Figures as they are read: from the text that a process tells, or from Prometheus."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from taxi_predictor.domain.errors import Unavailable

__all__ = ["CALLED", "Sample", "first", "named", "of_prometheus", "of_text"]


CALLED = "figure"
"""The label that says what was computed from, where the result has no name."""


class Sample(NamedTuple):
    name: str
    labels: Mapping[str, str]
    value: float


def of_text(text: str, instance: str) -> Sequence[Sample]:
    """What a process tells of itself, in the text format 0.0.4; each is labelled with its *instance*.

    Raises:
        Unavailable: that is no such text.
    """
    try:
        return [
            Sample(sample.name, {**sample.labels, "instance": instance}, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]
    except (ValueError, IndexError, KeyError) as error:  # the library says so in several ways
        raise Unavailable(f"{instance} serves no figures: {error}") from error


class _Series(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str] = (0.0, "NaN")
    values: list[tuple[float, str]] = []


class _Result(msgspec.Struct):
    result: list[_Series]


class _Answer(msgspec.Struct):
    data: _Result


def of_prometheus(body: bytes) -> Iterator[tuple[float, Sample]]:
    """The samples of an answer to a query, now or over time, each with its time in seconds since 1970.

    Raises:
        Unavailable: that is no such answer.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.MsgspecError as error:
        raise Unavailable(f"this is no answer of Prometheus: {error}") from error
    for series in answer.data.result:
        name = series.metric.pop("__name__", "") or series.metric.pop(CALLED, "")
        for at_s, value in series.values or [series.value]:
            yield at_s, Sample(name, series.metric, float(value))


def named(samples: Iterable[Sample], name: str, **labels: str) -> Sequence[Sample]:
    """Those of *name* that have *labels*."""
    return [
        one
        for one in samples
        if one.name == name and all(one.labels.get(label) == value for label, value in labels.items())
    ]


def first(samples: Iterable[Sample], name: str, **labels: str) -> float | None:
    """The value of the first of them."""
    return next((one.value for one in named(samples, name, **labels)), None)
