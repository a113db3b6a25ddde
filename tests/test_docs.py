"""What the documentation shows is true: its blocks run, and show what comes of it.

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
"""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from local_ports import free_port
from pages import PAGES, ROOT, SHELLS, Block, blocks, name_of
from servers import open_database
from taxi_predictor.apps.settings import Settings
from waiting import until

SHOWN_URL = "http://127.0.0.1:8000"
SHOWN_METRICS_URL = "http://127.0.0.1:9464"
PATIENCE_S = 100.0
"""Of one block; the whole file takes well under a minute on 2 cores."""

HASTE = 10
"""So many times as often a service looks for new keys, and so much less sleeps who waits for that."""

Blocks = Sequence[Block]


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
