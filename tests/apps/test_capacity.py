"""What docs/capacity.md computes follows from what it shows as measured."""

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))
import costs  # noqa: E402 # they stand there to be run, and are no package
import demand  # noqa: E402

sys.path.remove(str(BENCHMARKS))  # other names there are those of folders here

TEXT = costs.PAGE.read_text("utf-8")
COSTS = costs.costs_of(TEXT)
HOST = demand.Host()


def test_the_page_shows_every_cost_and_all_that_follows_from_them() -> None:
    assert all(getattr(COSTS, one.name) >= 0 for one in fields(COSTS))
    for name, lines in demand.sections(COSTS, HOST, demand.RATES, demand.TRIPS).items():
        assert costs.with_section(TEXT, name, lines) == TEXT, "run: python benchmarks/capacity.py --again"


def test_what_is_written_is_read() -> None:
    again = costs.with_section(TEXT, "measured", costs.measured_table(COSTS))
    assert costs.costs_of(again) == COSTS
    with pytest.raises(ValueError, match="no section"):
        costs.with_section(TEXT, "no-such", [])


def test_what_breaks_first_stands_first_and_needs_grow_with_the_demand() -> None:
    for found in (demand.limits(COSTS, HOST), demand.trip_limits(COSTS, HOST)):
        assert [limit.most for limit in found] == sorted(limit.most for limit in found)
    table = demand.limits_table(demand.limits(COSTS, HOST), [1, 10**9], "predictions/s")
    assert (table[2], table[-1]) == ("| **1** | | |", "| **1,000,000,000** | | |")


def test_a_dearer_prediction_needs_more_cores_and_a_longer_memory_more_disk() -> None:
    def disk_limit(host: demand.Host) -> float:
        [limit] = [one for one in demand.limits(COSTS, host) if one.what.startswith("the disk")]
        return limit.most

    one = dict(demand.needs(replace(COSTS, prediction_cpu_us=400, shipping_cpu_us=100), HOST, 1_000))
    two = dict(demand.needs(replace(COSTS, prediction_cpu_us=900, shipping_cpu_us=100), HOST, 10_000))
    assert (one["cores that answer"], two["cores that answer"]) == ("0.50", "10.0")
    assert (one["hosts of 4 cores"], two["hosts of 4 cores"]) == ("1", "3")
    assert disk_limit(replace(HOST, keep_days=40)) == pytest.approx(10 * disk_limit(HOST))


def test_the_calculator_computes_without_measuring() -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "capacity.py", "--requests-per-s", "10000", "--cores", "16"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "hosts of 16 cores" in done.stdout
    assert "| **10,000** | | |" in done.stdout
