"""What pages say without being run is so: kinds of blocks, links, names, tables and figures."""

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from pages import PAGES, README, ROOT, SHELLS, blocks, name_of
from taxi_predictor import adapters
from taxi_predictor.adapters.http.app import create_app
from taxi_predictor.adapters.http.problems import STATUS
from taxi_predictor.adapters.sources.schemas import FIELDS
from taxi_predictor.adapters.sources.simulation import OPTIONS, Simulation
from taxi_predictor.apps import cities
from taxi_predictor.apps.cities import CityProfile
from taxi_predictor.apps.cli import app
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import Airport, City, PlausibilityBounds
from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import Manifest
from taxi_predictor.domain.place import Bounds
from taxi_predictor.domain.plausibility import ReadTrip, Rejection, doubts
from taxi_predictor.ports import outbound
from taxi_predictor.ports.outbound.registry import Alias


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_of_a_kind_that_is_run_or_checked(page: Path) -> None:
    # Within a list they would not be found.
    assert not re.search(r"^ +```|~~~", page.read_text("utf-8"), re.MULTILINE)
    shell = [b.text for b in blocks(page) if b.language in SHELLS and b.told("not run") is None]
    for block in blocks(page):
        if block.language == "python" and (name := block.told("file")) is not None:
            assert any(name in text for text in shell), f"{block}: nothing runs {name}"
        assert block.language in (*SHELLS, "python", "sql", "json", "toml", "csv", "text"), str(block)
        assert block.told("not run") != "", f"{block}: say why it is not run"
        assert block.language != "csv" or block.told("file"), str(block)
        assert block.language != "console" or block.text.startswith("$ "), str(block)
        if block.language == "toml":
            tomllib.loads(block.text)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            found = (page.parent / path).resolve() if path else page
            assert found.exists(), f"{page}: {target}"
            assert not anchor or anchor in anchors(found), f"{page}: {target}"


def anchors(page: Path) -> list[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_setting_command_and_target_that_is_named_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    variables = {f"TAXI_{name.upper()}" for name in Settings.__struct_fields__}
    assert set(re.findall(r"\bTAXI_[A-Z_]*[A-Z]\b", text)) <= variables
    assert set(re.findall(r"taxi-predictor ([a-z]+)", text)) <= command_names()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", text, re.MULTILINE)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_module_that_is_named_exists(page: Path) -> None:
    package = ROOT / "src" / "taxi_predictor"
    named = r"`(?:src/taxi_predictor/)?((?:domain|ports|adapters|apps)/[\w/]+)(?:\.py)?`"
    for name in re.findall(named, page.read_text("utf-8")):
        assert (package / name).is_dir() or (package / f"{name}.py").is_file(), f"{page}: {name}"


def command_names() -> set[str]:
    return {name for name in app if not name.startswith("-")}


# The README.


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 120


def test_the_page_of_commands_begins_with_all_of_them() -> None:
    page = ROOT / "docs" / "cli.md"
    named = re.findall(r"`([a-z]+)(?: [A-Z.]+)?`", "".join(table(page, "command").keys()))
    assert sorted(named) == sorted(command_names())


def test_the_readme_and_ci_run_the_tests_alike() -> None:
    said = re.search(r"tests, .*, run with `(.+)`", README.read_text("utf-8"))
    assert said
    assert said[1] in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def test_every_port_is_listed_with_all_its_adapters() -> None:
    modules = [
        import_module(f"{outbound.__name__}.{found.name}") for found in iter_modules(outbound.__path__)
    ]
    ports = [
        getattr(module, name)
        for module in modules
        for name in module.__all__
        if getattr(getattr(module, name), "_is_protocol", False)
    ]
    expected = {port.__name__: set(adapters_of(port.__name__)) for port in ports}
    # A part belongs to its source or its spool, and a step to its progress: nobody swaps them alone.
    # A baseline is what its trainer makes, a trace what tracing follows, rows what files have.
    for name in ("SourcePart", "SpoolPart", "Step", "Baseline", "Trace", "TripRows", "ScoredRows"):
        del expected[name]
    page = table(ROOT / "docs" / "adapters.md", "port")
    shown = {port.strip("`"): set(re.findall(r"`(\w+)`", row[0])) for port, row in page.items()}
    assert shown == expected


def test_the_readme_boasts_of_nothing_that_was_not_measured() -> None:
    """Its figures are those that ``make accuracy`` and ``make bench`` have written."""
    for heading, page in (("judged on", "accuracy.md"), ("one trip asked of", "speed.md")):
        boasts, measured = table(README, heading), table(ROOT / "docs" / page, heading)
        assert len(boasts) >= 3
        assert boasts.items() <= measured.items()


def adapters_of(port: str) -> Iterator[str]:
    """The classes below the adapters that say they are one."""
    return (name for name, bases in adapter_classes() if port in bases)


@cache
def adapter_classes() -> Sequence[tuple[str, AbstractSet[str]]]:
    """Each with what it is derived from; read, for importing them all takes seconds."""
    paths = Path(adapters.__path__[0]).rglob("*.py")
    nodes = [node for path in paths for node in ast.parse(path.read_text("utf-8")).body]
    return [
        (node.name, set(map(ast.unparse, node.bases))) for node in nodes if isinstance(node, ast.ClassDef)
    ]


# The reference pages.


def table(page: Path, first: str) -> Mapping[str, Sequence[str]]:
    """The rows of the table whose first column is headed *first*: their first cell to the others."""
    lines = iter(page.read_text("utf-8").splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            next(lines)
            rows = {}
            for row in lines:
                if not row.startswith("|"):
                    return rows
                key, *others = (cell.strip() for cell in row.strip()[1:-1].split("|"))
                rows[key] = others
            return rows
    raise AssertionError(f"{page} has no table of {first}")


def codes(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_page_of_trips_lists_every_column_reason_and_option() -> None:
    page = ROOT / "docs" / "trips.md"
    assert {codes(field)[0]: tuple(codes(row[0])) for field, row in table(page, "field").items()} == FIELDS

    city = City(
        name="somewhere", time_zone="UTC", bounds=Bounds(south_deg=0, west_deg=0, north_deg=1, east_deg=1)
    )
    trip = ReadTrip(**{field.name: 1.0 for field in fields(ReadTrip)})
    in_order = [str(reason) for reason, _ in doubts(SCALAR, trip, city)]
    assert [codes(reason)[0] for reason in table(page, "reason")] == [*in_order, str(Rejection.DUPLICATE)]
    bounds = PlausibilityBounds()
    text = "".join(row[0] for row in table(page, "reason").values())
    assert f"shorter than {bounds.min_duration_s:.0f} s" in text
    assert f"longer than {bounds.max_duration_s / 3600:.0f} hours" in text
    assert f"{bounds.meter_left_on_s / 3600:.0f} hours or longer" in text
    assert f"{bounds.max_speed_km_h:.0f} km/h" in text

    defaults = {name: Simulation.__dataclass_fields__[name].default for name in OPTIONS}
    shown = {codes(option)[0]: row[0] for option, row in table(page, "option").items()}
    assert shown == {name: "" if value is None else str(value) for name, value in defaults.items()}


def test_the_page_of_cities_lists_every_field_with_its_default() -> None:
    page = ROOT / "docs" / "cities.md"
    nested = {"bounds": Bounds, "airports": Airport, "plausibility": PlausibilityBounds}
    expected = {
        name
        for field in CityProfile.__struct_fields__
        for name in (
            [f"{field}.{inner.name}" for inner in fields(nested[field])] if field in nested else [field]
        )
    }
    rows = {name: row for cell, row in table(page, "field").items() for name in codes(cell)}
    assert rows.keys() == expected
    for name, (_, default, _) in rows.items():
        outer, _, inner = name.partition(".")
        owner = nested[outer] if inner else CityProfile
        value = inspect.signature(owner).parameters[inner or outer].default
        shown = "needed" if value is inspect.Parameter.empty else "none" if value == "" else str(value)
        assert default == shown, name


def test_the_page_of_the_api_lists_every_error_of_http_and_its_status() -> None:
    listed = {
        (int(line.split("|")[1]), codes(line)[0].removeprefix("/problems/"))
        for line in (ROOT / "docs" / "api.md").read_text("utf-8").splitlines()
        if re.match(r"\| \d{3} \| `/problems/", line)
    }
    status_of = {
        error.slug: next(STATUS[base] for base in error.__mro__ if base in STATUS)
        for error in (TaxiPredictorError, *all_below(TaxiPredictorError))
    }
    # A zone that is not found stands in the body: the body is wrong, not the URL.
    in_bodies = dict.fromkeys(("unknown-zone", "no-zones", "no-outlines", "invalid-request"), 422)
    assert {slug: status for status, slug in listed} == {
        slug: (status_of | in_bodies)[slug] for _, slug in listed
    }
    face = create_app.__module__.rpartition(".")[0]
    of_http = {error.slug for error in all_below(TaxiPredictorError) if error.__module__.startswith(face)}
    # Those of faces that have forms of their own.
    assert of_http - {"invalid", "invalid-tensor"} <= {slug for _, slug in listed}


def all_below(error: type[TaxiPredictorError]) -> Iterator[type[TaxiPredictorError]]:
    for below in error.__subclasses__():
        yield below
        yield from all_below(below)


def test_the_city_that_the_page_shows_can_be_loaded(tmp_path: Path) -> None:
    [block] = [b for b in blocks(ROOT / "docs" / "cities.md") if b.language == "toml"]
    (tmp_path / "city.toml").write_text(block.text, "utf-8")
    assert cities.load_city(str(tmp_path / "city.toml")).holidays


def test_every_feature_alias_and_field_of_a_model_is_listed() -> None:
    docs = ROOT / "docs"
    assert sorted(codes(" ".join(table(docs / "distribution.md", "features")))) == sorted(FEATURE_NAMES)
    aliases = table(docs / "how-to" / "promote-and-roll-back.md", "alias")
    assert {codes(alias)[0] for alias in aliases} == set(Alias)
    manifest = table(docs / "models.md", "field")
    assert sorted(codes(" ".join(manifest))) == sorted(f.name for f in fields(Manifest))
