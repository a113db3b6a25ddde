"""What one prediction, one trip and one worker cost: the table of docs/capacity.md."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

__all__ = ["PAGE", "Costs", "costs_of", "with_section"]

PAGE = Path(__file__).parents[1] / "docs" / "capacity.md"
MEASURED = "measured"


def cost(unit: str, what: str) -> Any:
    return field(metadata={"unit": unit, "what": what})


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Every figure as :mod:`capacity` measured it."""

    prediction_per_s: float = cost("requests/s", "`POST /v1/predictions` of one worker that has one core")
    prediction_cpu_us: float = cost("us", "CPU of the worker for each of these, with figures and log")
    shipping_cpu_us: float = cost(
        "us", "CPU of the process beside the workers that brings it to PostgreSQL; there is one on a host"
    )
    prediction_postgres_us: float = cost("us", "CPU of PostgreSQL for it")
    batch_trip_cpu_us: float = cost("us", "CPU of the worker for a trip in a batch of 500, logged too")
    matrix_cell_cpu_us: float = cost("us", "CPU of the worker for a cell of a matrix of 100 x 100")
    limit_cpu_us: float = cost("us", "CPU of Redis for a request that it counts")
    worker_mb: float = cost("MB", "memory of one of three workers (proportional set size)")
    fixed_mb: float = cost(
        "MB", "memory of what is beside the workers: launcher, shipping and MLflow, figures"
    )
    connection_mb: float = cost("MB", "memory of PostgreSQL for one more connection")
    worker_connections: float = cost("", "connections to PostgreSQL that a busy service holds per worker")
    request_bytes: float = cost("bytes", "a prediction's request on the wire, without TLS")
    answer_bytes: float = cost("bytes", "its answer")
    spool_bytes: float = cost("bytes", "in the spool, until it is shipped")
    service_log_bytes: float = cost("bytes", "a line of the access log, as JSON, if `TAXI_ACCESS_LOG` is set")
    prediction_bytes: float = cost("bytes", "in the table `predictions`, with its indexes")
    prediction_wal_bytes: float = cost("bytes", "of write-ahead log for it")
    copy_per_s: float = cost("rows/s", "predictions that PostgreSQL takes from one connection")
    outcome_bytes: float = cost("bytes", "in the table `outcomes`, with its indexes")
    outcome_wal_bytes: float = cost("bytes", "of write-ahead log for it")
    outcome_postgres_us: float = cost("us", "CPU of PostgreSQL for it, 500 at a time")
    trip_bytes: float = cost("bytes", "in the table `taxi_trips`, with its index")
    trip_wal_bytes: float = cost("bytes", "of write-ahead log for it")
    ingest_per_s: float = cost("rows/s", "trips that one process reads, cleans and stores")
    scratch_bytes: float = cost("bytes", "of disk below `TAXI_HOME` for each trip while `train` learns")


def costs_of(page: str) -> Costs:
    """The figures that *page* shows."""
    rows = re.findall(r"^\| `(\w+)` \| ([\d,.]+) \|", section(page, MEASURED), re.MULTILINE)
    return Costs(**{name: float(figure.replace(",", "")) for name, figure in rows})


def measured_table(costs: Costs) -> Sequence[str]:
    """The table that :func:`costs_of` reads."""
    lines = ["| name | figure | unit | what it is |", "| --- | ---: | --- | --- |"]
    for one in fields(costs):
        figure = shown(getattr(costs, one.name))
        lines.append(f"| `{one.name}` | {figure} | {one.metadata['unit']} | {one.metadata['what']} |")
    return lines


def shown(figure: float) -> str:
    """Three digits at least, and no more than are meant."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:,.1f}" if figure >= 10 else f"{figure:,.2f}"


def section(page: str, name: str) -> str:
    return page.partition(_begin(name))[2].partition(_end(name))[0]


def with_section(page: str, name: str, lines: Sequence[str]) -> str:
    """*page* with *lines* in the section of that *name*.

    Raises:
        ValueError: it has no such section.
    """
    before, begin, rest = page.partition(_begin(name))
    _, end, after = rest.partition(_end(name))
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no section {name}")
    return "\n".join([before + begin, "", *lines, "", end + after])


def _begin(name: str) -> str:
    return f"<!-- {name}: begin (written by `python benchmarks/capacity.py`) -->"


def _end(name: str) -> str:
    return f"<!-- {name}: end -->"
