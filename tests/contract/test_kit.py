"""The contracts find what they are there to find: each clause fails for an adapter that breaks it.

A broken adapter is an in-memory one with one thing wrong. Every clause of the kit has at least one, in the
file below ``broken`` that is named as the module of its suite.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

import contract.broken as broken_adapters
from contract.breaking import BROKEN
from contract.broken.trip_store import ForgetsToBreakTies, SecondWriteWins
from contract.running import clause_for, run
from taxi_predictor.ports import outbound
from taxi_predictor.ports import testing as kit
from taxi_predictor.ports.testing.contract import Contract, clauses
from taxi_predictor.ports.testing.trip_store import TripStoreContract

CONTRACTS = {
    suite
    for module in iter_modules(kit.__path__, f"{kit.__name__}.")
    for suite in vars(import_module(module.name)).values()
    if isinstance(suite, type) and issubclass(suite, Contract) and suite.ports
}
"""Every suite of the kit: whatever is written there has to be broken here."""

for module in iter_modules(broken_adapters.__path__, f"{broken_adapters.__name__}."):
    import_module(module.name)  # which marks what is there

PARTS = {"Baseline", "PlanGrid", "ScoredRows", "SourcePart", "SpoolPart", "Step", "Trace", "TripRows"}
"""What a port hands out, which its suite looks at too: nobody swaps them alone."""


def outbound_ports() -> Iterator[type]:
    for module in iter_modules(outbound.__path__, f"{outbound.__name__}."):
        for named in map(vars(import_module(module.name)).get, import_module(module.name).__all__):
            if getattr(named, "_is_protocol", False):
                yield named


@pytest.mark.parametrize(("contract", "adapter", "clause", "by"), BROKEN)
def test_a_broken_adapter_fails_its_clause(
    contract: type[Any], adapter: type[Any], clause: str, by: Any
) -> None:
    # Otherwise it might be something else that fails.
    run(clause_for(contract, adapter.__base__, clause))
    with pytest.raises(by):
        run(clause_for(contract, adapter, clause), tries=20)


def test_every_clause_can_fail() -> None:
    written = {f"{suite.__name__}.{name}" for suite in CONTRACTS for name in clauses(suite)}
    broken = {f"{case.values[0].__name__}.{case.values[2]}" for case in BROKEN}
    assert written - broken == set(), "no broken adapter shows that these can fail"
    assert broken - written == set()


def test_broken_adapters_are_looked_for_where_their_suite_is() -> None:
    for contract, adapter, *_ in (case.values for case in BROKEN):
        assert adapter.__module__.rpartition(".")[2] == contract.__module__.rpartition(".")[2], adapter


@pytest.mark.parametrize("suite", sorted(CONTRACTS, key=lambda suite: suite.__name__))
def test_every_clause_says_what_it_wants(suite: type[Contract]) -> None:
    silent = [name for name, clause in clauses(suite).items() if not clause.__doc__]
    assert silent == []


def test_every_port_has_its_suite() -> None:
    ports = {port for suite in CONTRACTS for port in suite.ports}
    without = {port.__name__ for port in outbound_ports()} - {port.__name__ for port in ports}
    assert without == PARTS


def test_a_clause_that_fails_says_which_promise_of_which_port_is_not_kept() -> None:
    for adapter, promise in (
        (SecondWriteWins, "the first write wins"),
        (ForgetsToBreakTies, "what was stored comes back unchanged and in order"),  # by Hypothesis
    ):
        name = f"test_{promise.replace(' ', '_')}"
        with pytest.raises(AssertionError) as failed:
            run(clause_for(TripStoreContract, adapter, name), tries=20)
        wants = " ".join(str(getattr(TripStoreContract, name).__doc__).split())
        said = f"A promise of TripStore is not kept: {promise}.\n{wants}"
        assert failed.value.__notes__.count(said) == 1


def test_tests_that_pytest_would_pass_over_are_an_error() -> None:
    with pytest.raises(TypeError, match="no clause of TripStore: it has no open and no table"):
        type("TestMine", (TripStoreContract,), {})
    assert type("Opened", (TripStoreContract,), {}).__abstractmethods__ == {"open", "table"}


def test_the_page_of_the_kit_lists_every_suite() -> None:
    page = (Path(__file__).parents[2] / "docs" / "adapter-kit.md").read_text("utf-8")
    row = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \| `(\w+)\.(\w+)` \|", re.MULTILINE)
    shown = {(module, suite): re.findall(r"\w+", ports) for ports, module, suite in row.findall(page)}
    assert shown == {
        (suite.__module__.rpartition(".")[2], suite.__name__): [port.__name__ for port in suite.ports]
        for suite in CONTRACTS
    }
