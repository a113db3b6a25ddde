"""What the documentation shows is true: its blocks run, its tables agree with the code.

Shell blocks of a page run in their order in one folder, which is new for each page unless the page
begins with ``<!-- after: PAGE -->``. A comment right before a block says what else becomes of it:

* ``<!-- not run: REASON -->``
* ``<!-- file: NAME -->``: it is written into the page's folder
* ``<!-- background -->``: it is left running while the rest of the page runs, and of the next one
  that begins it in the same folder
* ``<!-- numbers vary -->``: what it prints may have other numbers, as after training
* ``<!-- until: TEXT -->``: it is run again until it prints TEXT, as somebody would who waits for it

A JSON block shows what the shell block before it printed: other values, but the same keys and types.
A block of SQL runs against an empty database.
A console block shows commands and what they print, but for blanks; ``...`` stands for anything.
``python tests/test_docs.py`` writes the table of settings anew.
"""

import ast
import asyncio
import inspect
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from tempfile import mkdtemp
from typing import Any, get_args, get_origin
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from servers import open_database
from taxi_predictor import adapters
from taxi_predictor.adapters.http.app import create_app
from taxi_predictor.adapters.http.problems import STATUS
from taxi_predictor.adapters.sources.schemas import FIELDS
from taxi_predictor.adapters.sources.simulation import OPTIONS, Simulation
from taxi_predictor.apps import cities
from taxi_predictor.apps.cities import CityProfile
from taxi_predictor.apps.cli import app
from taxi_predictor.apps.environment import WELL_KNOWN
from taxi_predictor.apps.settings import SECRETS, Settings
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import Airport, City, PlausibilityBounds
from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import Manifest
from taxi_predictor.domain.place import Bounds
from taxi_predictor.domain.plausibility import ReadTrip, Rejection, doubts
from taxi_predictor.ports import outbound
from taxi_predictor.ports.outbound.registry import Alias
from waiting import until

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
SETTINGS = ROOT / "docs" / "settings.md"
PAGES = [
    README,
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md")),
]

SHOWN_URL = "http://127.0.0.1:8000"
SHOWN_METRICS_URL = "http://127.0.0.1:9464"
SHELLS = ("bash", "console")
PATIENCE_S = 100.0
"""Of one block; the whole file takes well under a minute on 2 cores."""

HASTE = 10
"""So many times as often a service looks for new keys, and so much less sleeps who waits for that."""

Blocks = Sequence["Block"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    comment: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def told(self, word: str) -> str | None:
        """What the comment says after *word*, or None where it says something else."""
        kind, _, rest = self.comment.partition(":")
        return rest.strip() if kind.strip() == word else None


def blocks(page: Path) -> Iterator[Block]:
    language, start, inside, before = "", 0, [], ""
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if not line.startswith("```"):
            if start:
                inside.append(line)
            elif line.strip():
                before = line.strip()
        elif not start:
            start, language, inside = number, line[3:].strip(), []
        else:
            comment = re.fullmatch(r"<!-- (.+) -->", before)
            yield Block(
                page=page,
                line=start,
                language=language,
                text="\n".join(inside),
                comment=comment[1] if comment else "",
            )
            start, before = 0, ""
    assert not start, f"{page}:{start}: a block that does not end"


class Workshop:
    """Where the pages run: a small simulated city, a free port, no network."""

    def __init__(self) -> None:
        # The path of PostgreSQL's socket may not be long.
        self.folder = Path(mkdtemp(prefix="taxi-docs-"))
        self._done: dict[Path, Path] = {}
        self._background: dict[tuple[Path, str], subprocess.Popen[bytes]] = {}
        self._port, self._metrics_port = free_port(), free_port()
        shims, temporary = self.folder / "bin", self.folder / "tmp"
        for folder in (shims, temporary):
            folder.mkdir()
        tools = Path(sys.executable).parent
        make = shutil.which("make")
        # As it is typed, but in another folder and without installing anything.
        (shims / "make").write_text(
            f"#!/bin/sh\nexec {make} -s -f {shlex.quote(str(ROOT / 'Makefile'))} -o .venv/.ready"
            f' BIN={shlex.quote(str(tools))} "$@"\n'
        )
        (shims / "sleep").write_text(
            f"#!{sys.executable} -IS\nimport sys, time\ntime.sleep(float(sys.argv[1]) / {HASTE})\n"
        )
        for shim in shims.iterdir():
            shim.chmod(0o755)
        self._environment = {
            "PATH": f"{shims}:{tools}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "COLUMNS": "120",
            "LC_ALL": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "TMPDIR": str(temporary),  # one that has to be killed leaves something there
            "TAXI_API_PORT": str(self._port),
            "TAXI_DASHBOARD_PORT": str(free_port()),
            "TAXI_METRICS_PORT": str(self._metrics_port),
            "TAXI_MONITOR_PORT": str(free_port()),
            "TAXI_API_KEYS_EVERY_S": str(Settings().api_keys_every_s / HASTE),
            "TAXI_TLC_URL": "http://127.0.0.1:9",
            # What `make` takes for its variables: the demo's trips.
            "TRIPS": "simulation:trips=1200,months=1",
        }

    def run(self, page: Path) -> Path:
        """Run the shell blocks of *page* (once) and return the folder they ran in."""
        if page not in self._done:
            after = re.match(r"<!-- after: (\S+) -->", page.read_text("utf-8"))
            folder = self.run(ROOT / after[1]) if after else self.folder / page.stem
            folder.mkdir(exist_ok=True)
            self._done[page] = folder
            self._run_blocks(list(blocks(page)), folder)
        return self._done[page]

    def _run_blocks(self, found: Blocks, folder: Path) -> None:
        printed = ""
        self.stop(but={(folder, block.text) for block in found if block.told("background") is not None})
        for block in found:
            if (name := block.told("file")) is not None:
                (folder / name).write_text(f"{self._here(block.text)}\n", "utf-8")
            elif block.told("not run") is not None:
                printed = ""
            elif block.told("background") is not None:
                began = self._background.get((folder, block.text))
                if began is None or began.poll() is not None:
                    self._background[folder, block.text] = self._start(block, folder)
            elif (awaited := block.told("until")) is not None:
                printed = self._execute_until(awaited, block, folder)
            elif block.language == "bash":
                printed = self._execute(block, block.text, folder)
            elif block.language == "console":
                printed = ""
                for command, shown in commands(block):
                    assert_alike(shown, self._execute(block, command, folder), block)
            elif block.language == "json":
                assert printed, f"{block}: no command before it printed this"
                assert_same_shape(json.loads(block.text), json.loads(printed), where=str(block))

    def stop(self, *, but: AbstractSet[tuple[Path, str]] = frozenset()) -> None:
        """Stop what was left running, *but* for what the next page would only start again."""
        for began in self._background.keys() - but:
            stop(self._background.pop(began))

    def _here(self, text: str) -> str:
        """*text* with the ports of this run in place of those that a reader has."""
        shown = {SHOWN_METRICS_URL: self._metrics_port, SHOWN_URL: self._port}
        for url, port in shown.items():
            address = url.removeprefix("http://")
            text = text.replace(address, f"{address.partition(':')[0]}:{port}")
        return text

    def _script(self, text: str, folder: Path) -> list[str]:
        # Variables and functions of a block are there for the next one, as in the shell of a reader.
        state = shlex.quote(str(folder / ".exported"))
        script = self._here(text)
        return [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            f"[ ! -e {state} ] || . {state}\nset -a\n{script}\nset +a\n{{ export -p; declare -f; }} >{state}",
        ]

    def _execute(self, block: Block, text: str, folder: Path) -> str:
        done = subprocess.run(
            self._script(text, folder),
            cwd=folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, f"{block}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _execute_until(self, awaited: str, block: Block, folder: Path) -> str:
        def printed() -> str:
            text = self._execute(block, block.text, folder)
            return text if awaited in text else ""

        return until(printed, f"{block} prints {awaited}", patience_s=PATIENCE_S, every_s=0.2)

    def _start(self, block: Block, folder: Path) -> subprocess.Popen[bytes]:
        log = folder / f"background-{block.line}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._script(block.text, folder),
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            until(lambda: process.poll() is not None or self._is_ready(), patience_s=PATIENCE_S, every_s=0.1)
            assert process.returncode is None
        except AssertionError:
            stop(process)
            pytest.fail(f"{block}: not ready, exit {process.returncode}\n{log.read_text('utf-8')}")
        return process

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, ConnectionError, TimeoutError):
            return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does, which a terminal sends to the whole group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with what is shown after it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def assert_alike(shown: str, printed: str, block: Block) -> None:
    """Hold what is *shown* against what was *printed*; blanks and line breaks need not agree."""

    def plain(text: str) -> str:
        if block.told("numbers vary") is not None:
            text = re.sub(r"\d[\d,.:]*", "0", text)
        return " ".join(text.split())

    pattern = ".*".join(re.escape(part) for part in plain(shown).split("..."))
    assert re.fullmatch(pattern, plain(printed)), f"{block} shows\n{shown}\nbut it prints\n{printed}"


def assert_same_shape(shown: Any, printed: Any, *, where: str) -> None:
    def kind(value: Any) -> str:
        return (
            "number"
            if isinstance(value, float | int) and not isinstance(value, bool)
            else type(value).__name__
        )

    assert kind(shown) == kind(printed), f"{where}: {shown!r} is shown, {printed!r} is printed"
    if isinstance(shown, dict):
        assert list(shown) == list(printed), where
        for key in shown:
            assert_same_shape(shown[key], printed[key], where=f"{where} {key}")
    elif isinstance(shown, list):
        assert bool(shown) == bool(printed), where
        for one, other in zip(shown[:1], printed[:1], strict=True):
            assert_same_shape(one, other, where=where)


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    workshop = Workshop()
    yield workshop
    workshop.stop()

    def is_gone() -> bool:
        # A server may still be ending, and write.
        shutil.rmtree(workshop.folder, ignore_errors=True)
        return not workshop.folder.exists()

    until(is_gone, f"{workshop.folder} is removed", every_s=0.2)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def has_shell(page: Path) -> bool:
    return any(block.language in SHELLS and block.told("not run") is None for block in blocks(page))


def left_running(page: Path) -> Sequence[str]:
    return [block.text for block in blocks(page) if block.told("background") is not None]


# Those that leave the same service running come one after another, and start it once.
@pytest.mark.parametrize("page", sorted(filter(has_shell, PAGES), key=left_running), ids=name_of)
def test_the_shell_blocks_of_a_page_do_what_it_says(page: Path, workshop: Workshop) -> None:
    workshop.run(page)


# A file is run, or imported, by the page's commands.
PYTHON = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.language == "python" and block.told("file") is None
]


@pytest.mark.parametrize("block", PYTHON, ids=str)
@pytest.mark.filterwarnings("ignore:profile memory")
def test_a_python_block_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(block.text, str(block), "exec"), names)
    for name, value in names.items():
        if name.startswith("test_"):
            asyncio.run(value())


def shown(page: str, place: int = 0) -> Any:
    """One of the answers that *page* shows, in their order."""
    return [json.loads(block.text) for block in blocks(ROOT / page) if block.language == "json"][place]


def test_one_model_answers_on_all_pages_and_the_same_trip_alike() -> None:
    """Whoever shows the README's trip shows its duration, from whichever face it comes."""
    trip = shown("README.md")
    duration_s, interval = trip["duration_s"], trip["interval"]

    def look(answer: Any, where: str) -> None:
        if isinstance(answer, dict):
            if "trained_until" in answer:
                assert answer == trip["model"], where
            if "duration_s" in answer and answer.get("pickup_at") == trip["pickup_at"]:
                assert answer["duration_s"] == duration_s, where
        for part in answer.values() if isinstance(answer, dict) else answer:
            if isinstance(part, dict | list):
                look(part, where)

    for page in PAGES:
        for block in blocks(page):
            if block.language == "json":
                look(json.loads(block.text), str(block))
    batch, matrix, hours = (shown("docs/api/batch.md", place) for place in range(3))
    _, among_others = batch["predictions"]
    assert among_others["duration_s"] == matrix["durations_s"][0][0] == duration_s
    _, eight, nine = (times[0][0] for times in hours["durations_s"])
    assert duration_s == pytest.approx((eight + nine) / 2, abs=0.001)  # at half past eight
    tensors = {output["name"]: output["data"][0] for output in shown("docs/api/inference.md")["outputs"]}
    assert tensors == {
        "duration_s": duration_s,
        "lower_s": interval["lower_s"],
        "upper_s": interval["upper_s"],
    }
    wider = among_others["interval"]
    told = f"{duration_s} {(wider['lower_s'], wider['upper_s'])} "
    assert told in (ROOT / "docs" / "library.md").read_text("utf-8")
    assert shown("docs/es/inicio-rapido.md") | {"prediction_id": ""} == trip | {"prediction_id": ""}


SQL = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.language == "sql" and block.told("not run") is None
]


@pytest.mark.parametrize("block", SQL, ids=str)
async def test_a_sql_block_is_understood(block: Block) -> None:
    async with open_database() as database:
        await database.execute(block.text)


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


BEGIN, END = "<!-- settings: begin (written by `python tests/test_docs.py`) -->", "<!-- settings: end -->"


def settings_table() -> str:
    """Every setting with its values, its default, and what the code says of it."""
    [tree] = [
        n for n in ast.parse(inspect.getsource(sys.modules[Settings.__module__])).body if is_settings(n)
    ]
    said: dict[str, str] = {}
    for field, after in zip(tree.body, tree.body[1:], strict=False):
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and is_text:
            said[ast.unparse(field.target)] = " ".join(str(after.value.value).split())
    rows = ["| variable | values | default | what it is |", "| --- | --- | --- | --- |"]
    for name, annotation in Settings.__annotations__.items():
        default = getattr(Settings(), name)
        shown = "" if default in (None, ()) else f"`{default}`"
        names = f"`TAXI_{name.upper()}`" + "".join(
            f", `{n}`" for n, field in WELL_KNOWN.items() if field == name
        )
        values = f"{values_of(annotation)}{', a secret' if name in SECRETS else ''}"
        rows.append(f"| {names} | {values} | {shown} | {said.get(name, '')} |")
    return "\n".join(rows)


def is_settings(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and node.name == Settings.__name__


def values_of(annotation: Any) -> str:
    kinds = {str: "text", int: "whole number", float: "number", Path: "path", bool: "true or false"}
    if annotation in kinds:
        return kinds[annotation]
    inner = get_args(annotation)
    if get_origin(annotation) is tuple:
        return f"{values_of(inner[0])}, several by commas"
    if all(isinstance(value, str) for value in inner):
        return ", ".join(f"`{value}`" for value in inner)
    if type(None) in inner:
        return values_of(inner[0])
    kind, meta = inner
    if meta.pattern is not None:
        return kinds[kind]  # its own words say which
    if meta.gt is not None:
        return f"{kinds[kind]} above {meta.gt}"
    if meta.le is None:
        return f"{kinds[kind]}, {meta.ge} or more"
    return f"{kinds[kind]}, {meta.ge} to {meta.le}"


def with_table(text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{settings_table()}\n\n{END}{rest.partition(END)[2]}"


def test_the_table_of_settings_is_that_of_the_code() -> None:
    text = SETTINGS.read_text("utf-8")
    assert BEGIN in text
    assert text == with_table(text), "run: .venv/bin/python tests/test_docs.py"


if __name__ == "__main__":
    SETTINGS.write_text(with_table(SETTINGS.read_text("utf-8")), "utf-8")
