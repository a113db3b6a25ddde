"""The parts of a deployment, from what Prometheus knows of its targets."""

from collections import defaultdict
from collections.abc import Sequence

from taxi_predictor.adapters.prometheus.samples import Sample, named
from taxi_predictor.domain.signals import PartState

__all__ = ["PARTS", "parts_of"]

PARTS = '{__name__=~"up|probe_success|pg_up|redis_up|taxi_ready|taxi_model_sync_trouble"}'
"""The query for what is read here."""
EXPECTED = ("api", "monitor")
THEMSELVES = ("prometheus", "alertmanager")
"""Are asked directly: who does not answer says nothing of itself."""
API = "api"
SAID = (
    ("pg_up", 0, "postgres", "PostgreSQL does not answer its exporter"),
    ("redis_up", 0, "redis", "Redis does not answer its exporter"),
    ("probe_success", 0, "doors", "{instance} does not answer from outside"),
    ("taxi_model_sync_trouble", 1, "registry", "its champion does not get here"),
)
"""A figure, its value when something is wrong, with which part, and what."""


def parts_of(samples: Sequence[Sample]) -> Sequence[PartState]:
    """Each job, and what exporters say of whom they watch; one trouble is told of each."""
    troubles: dict[str, list[str]] = {name: [] for name in EXPECTED}
    jobs: dict[str, list[Sample]] = defaultdict(list)
    for one in named(samples, "up"):
        jobs[one.labels.get("job", "")].append(one)
    for name in EXPECTED:
        if name not in jobs:
            troubles[name].append("Prometheus knows no target of this job")
    for name, targets in jobs.items():
        down = [one.labels.get("instance", "") for one in targets if not one.value]
        # Of the API one target that answers is enough: blue and green take turns.
        is_trouble = len(down) == len(targets) if name == API else bool(down)
        troubles.setdefault(name, []).extend(f"{one} gives no figures" for one in down if is_trouble)
    ready = named(samples, "taxi_ready")
    if ready and not any(one.value for one in ready):
        troubles[API].append("it answers no predictions")
    for name, bad, part, what in SAID:
        for one in named(samples, name):
            said = troubles.setdefault(part, [])
            if one.value == bad:
                said.append(what.format(instance=one.labels.get("instance", "")))
    return [
        PartState(name=name, trouble="; ".join(said) or None)
        for name, said in troubles.items()
        if name not in THEMSELVES
    ]
