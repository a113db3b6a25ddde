"""What so many requests and so many trips need, and what breaks first: computed from measured costs alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from costs import Costs, shown

__all__ = ["RATES", "TRIPS", "Host", "Limit", "limits", "needs", "needs_table", "sections", "trip_limits"]

RATES = (1_000, 10_000, 100_000)
TRIPS = 1_000_000_000
DAY_S = 86_400
GB = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What one machine has, and how the service is set there. PostgreSQL has a machine like it."""

    cores: int = 4
    disk_gb: float = 1000.0
    network_gbit: float = 1.0
    connections: int = 100
    """``max_connections`` of PostgreSQL."""
    spool_bytes: int = 1 << 30
    keep_days: int = 400
    reported_share: float = 0.1
    """Of the predictions, those whose outcome is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Something that ends before the demand does."""

    what: str
    most: float
    """Requests per second, or trips."""
    remedy: str


def answering_us(costs: Costs) -> float:
    """CPU that a host spends on a prediction."""
    return costs.prediction_cpu_us + costs.shipping_cpu_us


def postgres_us(costs: Costs, host: Host) -> float:
    return costs.prediction_postgres_us + host.reported_share * costs.outcome_postgres_us


def kept_bytes(costs: Costs, host: Host) -> float:
    return costs.prediction_bytes + host.reported_share * costs.outcome_bytes


def wal_bytes(costs: Costs, host: Host) -> float:
    return costs.prediction_wal_bytes + host.reported_share * costs.outcome_wal_bytes


def shipped_per_s(costs: Costs) -> float:
    """What the one process of a host brings to PostgreSQL, by one connection."""
    return min(1e6 / costs.shipping_cpu_us, costs.copy_per_s)


def limits(costs: Costs, host: Host) -> Sequence[Limit]:
    """How many predictions per second each part bears, the one that breaks first before all others."""
    per_host = host.cores * 1e6 / answering_us(costs)
    log_days = host.keep_days * DAY_S
    found = [
        Limit(
            what=f"the disk of PostgreSQL, if predictions stay {host.keep_days} days",
            most=host.disk_gb * GB / (log_days * kept_bytes(costs, host)),
            remedy="`TAXI_KEEP_PREDICTIONS_DAYS`: `prune` drops whole months; a larger disk",
        ),
        Limit(
            what="one worker",
            most=costs.prediction_per_s,
            remedy="`TAXI_API_WORKERS`: one for each core",
        ),
        Limit(
            what=f"one host, {host.cores} cores",
            most=per_host,
            remedy="more hosts behind a balancer: they share PostgreSQL and Redis, and nothing else",
        ),
        Limit(
            what="the process of a host that ships predictions",
            most=shipped_per_s(costs),
            remedy="more hosts, each of fewer cores: each ships its own",
        ),
        Limit(
            what="the connections of PostgreSQL",
            most=host.connections / (host.cores * costs.worker_connections) * per_host,
            remedy=f"`max_connections` above {host.connections}, {costs.connection_mb:.0f} MB each;"
            " a smaller `TAXI_POOL_MAX`",
        ),
        Limit(
            what=f"the cores of PostgreSQL, {host.cores}",
            most=host.cores * 1e6 / postgres_us(costs, host),
            remedy="a larger machine for it; then one deployment and database for each city",
        ),
        Limit(
            what="the one core of Redis, if requests are counted",
            most=1e6 / costs.limit_cpu_us,
            remedy="count at the balancer instead: `TAXI_API_RATE_PER_MINUTE=0`",
        ),
        Limit(
            what="the network of the balancer",
            most=host.network_gbit * 1e9 / 8 / (costs.request_bytes + costs.answer_bytes),
            remedy="a faster one, or several by DNS",
        ),
    ]
    return sorted(found, key=lambda limit: limit.most)


def trip_limits(costs: Costs, host: Host) -> Sequence[Limit]:
    """How many stored trips each part bears."""
    found = [
        Limit(
            what=f"the disk below `TAXI_HOME` while `train` learns, {host.disk_gb:g} GB",
            most=host.disk_gb * GB / costs.scratch_bytes,
            remedy="learn from a window only, as `monitor` does from `TAXI_RETRAIN_WINDOW_DAYS` alone",
        ),
        Limit(
            what="a day of ingesting",
            most=costs.ingest_per_s * DAY_S,
            remedy="parts come in one at a time: begin early, and month by month, or store a window only",
        ),
        Limit(
            what=f"the disk of PostgreSQL, {host.disk_gb:g} GB",
            most=host.disk_gb * GB / costs.trip_bytes,
            remedy="a larger disk, or the partitions of old months dropped",
        ),
    ]
    return sorted(found, key=lambda limit: limit.most)


def needs(costs: Costs, host: Host, per_s: float) -> Iterator[tuple[str, str]]:
    """What *per_s* predictions take, by what it is."""
    cores = per_s * answering_us(costs) / 1e6
    workers = ceil(per_s * costs.prediction_cpu_us / 1e6)
    hosts = max(1, ceil(cores / host.cores), ceil(per_s / shipped_per_s(costs)))
    yield "cores that answer", shown(cores)
    yield f"hosts of {host.cores} cores", f"{hosts:,}"
    yield (
        "memory of all workers and what is beside them",
        _size(1e6 * (workers * costs.worker_mb + hosts * costs.fixed_mb)),
    )
    yield "cores of PostgreSQL", shown(per_s * postgres_us(costs, host) / 1e6)
    yield "connections to PostgreSQL", f"{workers * costs.worker_connections:,.0f}"
    yield "write-ahead log", f"{_size(per_s * wal_bytes(costs, host))}/s"
    yield "the log grows a day by", _size(per_s * DAY_S * kept_bytes(costs, host))
    yield (
        f"after {host.keep_days} days it is",
        _size(per_s * DAY_S * host.keep_days * kept_bytes(costs, host)),
    )
    yield "PostgreSQL may be away for", _time(hosts * host.spool_bytes / (per_s * costs.spool_bytes))
    yield "access logs, if they are written", f"{_size(per_s * DAY_S * costs.service_log_bytes)} a day"
    yield "network, both ways", f"{_size(per_s * (costs.request_bytes + costs.answer_bytes))}/s"
    yield "cores of Redis, if requests are counted", shown(per_s * costs.limit_cpu_us / 1e6)


def trip_needs(costs: Costs, trips: float) -> Iterator[tuple[str, str]]:
    yield "disk", _size(trips * costs.trip_bytes)
    yield "write-ahead log while they come", _size(trips * costs.trip_wal_bytes)
    yield "to ingest them takes", _time(trips / costs.ingest_per_s)
    yield "disk below `TAXI_HOME` while `train` learns from all", _size(trips * costs.scratch_bytes)


def needs_table(costs: Costs, host: Host, rates: Sequence[float]) -> Sequence[str]:
    rows: dict[str, list[str]] = {}
    for per_s in rates:
        for name, amount in needs(costs, host, per_s):
            rows.setdefault(name, []).append(amount)
    return [
        f"| | {' | '.join(f'{per_s:,.0f}/s' for per_s in rates)} |",
        f"| --- |{' ---: |' * len(rates)}",
        *(f"| {name} | {' | '.join(amounts)} |" for name, amounts in rows.items()),
    ]


def limits_table(found: Sequence[Limit], marks: Sequence[float], unit: str) -> Sequence[str]:
    """The limits in the order in which they are met, between the demands at *marks*."""
    lines = [f"| breaks beyond | {unit} | remedy |", "| --- | ---: | --- |"]
    left = sorted(marks)
    for limit in found:
        while left and left[0] < limit.most:
            lines.append(f"| **{left.pop(0):,.0f}** | | |")
        lines.append(f"| {limit.what} | {limit.most:,.0f} | {limit.remedy} |")
    return [*lines, *(f"| **{mark:,.0f}** | | |" for mark in left)]


def sections(costs: Costs, host: Host, rates: Sequence[float], trips: float) -> dict[str, Sequence[str]]:
    """What the page says that follows from its figures."""
    return {
        "needs": needs_table(costs, host, rates),
        "limits": limits_table(limits(costs, host), rates, "predictions/s"),
        "trips": [
            f"| | {trips:,.0f} trips |",
            "| --- | ---: |",
            *(f"| {name} | {amount} |" for name, amount in trip_needs(costs, trips)),
            "",
            *limits_table(trip_limits(costs, host), [trips], "trips"),
        ],
    }


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{shown(number)} {unit}"
        number /= 1000
    raise AssertionError("unreachable")


def _time(seconds: float) -> str:
    for unit, length in (("days", DAY_S), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{shown(seconds / length)} {unit}"
    return f"{shown(seconds)} s"
