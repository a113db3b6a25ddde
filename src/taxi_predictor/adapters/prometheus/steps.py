"""What a service counted between two looks at its counters."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from taxi_predictor.adapters.prometheus.loads import COUNTED, lately_of
from taxi_predictor.adapters.prometheus.samples import Sample
from taxi_predictor.domain.signals import Lately, is_question
from taxi_predictor.ports.outbound.signals import LATELY, SPAN

__all__ = ["Steps"]

STEP = timedelta(seconds=15)
"""Looks closer to each other make one step."""
Key = tuple[str, tuple[str, ...]]
Counts = Mapping[str, Mapping[Key, float]]
"""By the process that counts, for each begins anew by itself."""


@dataclass(slots=True)
class _Step:
    since: datetime
    until: datetime
    counted: dict[Key, float] = field(default_factory=dict)

    @property
    def over_s(self) -> float:
        return (self.until - self.since).total_seconds()


class Steps:
    """Keeps what was counted, and not what counters said: one that begins anew takes nothing away."""

    def __init__(self) -> None:
        self._last: tuple[datetime, Counts] | None = None
        self._steps: deque[_Step] = deque()

    def look(self, samples: Iterable[Sample], now: datetime) -> None:
        """Take in what counters say *now*."""
        counts = _counts(samples)
        last, self._last = self._last, (now, counts)
        if last is None:
            return
        since, before = last
        if now <= since or now - since > LATELY:
            self._steps.clear()  # nobody knows when in that time it was
            return
        if not self._steps or self._steps[-1].over_s >= STEP.total_seconds():
            self._steps.append(_Step(since, now))
        step = self._steps[-1]
        step.until = now
        for instance, mine in counts.items():
            former = before.get(instance)
            if former is None:
                continue  # it may have counted for days
            for key, value in mine.items():
                was = former.get(key, 0.0)
                grown = value - was if value >= was else value
                step.counted[key] = step.counted.get(key, 0.0) + grown
        while self._steps[0].until <= now - SPAN:
            self._steps.popleft()

    def rates(self) -> tuple[Sequence[Sample], float] | None:
        """Per second, lately, and over how many seconds that is; None: that cannot be said yet."""
        if not self._steps:
            return None
        now = self._steps[-1].until
        lately = [step for step in self._steps if step.since >= now - LATELY]
        return _rates(lately), sum(step.over_s for step in lately)

    def course(self) -> Sequence[Lately]:
        return [lately_of(_rates([step]), until=step.until, over_s=step.over_s) for step in self._steps]


def _counts(samples: Iterable[Sample]) -> Counts:
    found: dict[str, dict[Key, float]] = {}
    for one in samples:
        of_instance = found.setdefault(one.labels["instance"], {})
        labels = COUNTED.get(one.name)
        if labels is None or ("route" in labels and not is_question(one.labels["route"])):
            continue
        key = one.name, tuple(one.labels[label] for label in labels)
        of_instance[key] = of_instance.get(key, 0.0) + one.value
    return found


def _rates(steps: Sequence[_Step]) -> Sequence[Sample]:
    over_s = sum(step.over_s for step in steps)
    counted: defaultdict[Key, float] = defaultdict(float)
    for step in steps:
        for key, count in step.counted.items():
            counted[key] += count
    return [
        Sample(name, dict(zip(COUNTED[name], labels, strict=True)), count / over_s)
        for (name, labels), count in counted.items()
    ]
