"""What the command line says to a command that was typed wrongly, and that it opens nothing first."""

import ast
import signal
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import pytest

from taxi_predictor.apps.cli import main

BETWEEN = ("predict", "--pickup", "40.7,-74", "--dropoff", "40.72,-74")


def refused(typed: Sequence[str]) -> int | str | None:
    """The exit code of the command, which did not come to its end."""
    before = {stop: signal.getsignal(stop) for stop in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.raises(SystemExit) as ended:
            main(typed)
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)
    return ended.value.code


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["serve", "--port", "1"], "See taxi-predictor serve --help"),
        (["ingset", "trips.csv"], 'Did you mean "ingest"?'),
        (["ingset", "trips.csv"], "See taxi-predictor --help"),
    ],
)
def test_a_wrong_command_names_the_help_to_read(
    typed: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert refused(typed) == 2
    assert told in capfd.readouterr().err


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("train", "--until", "yesterday"), "'yesterday' is not a time"),
        (("train", "--tune", "soon"), "'soon' is not a span"),
        (("train", "--max-rejects", "2"), "--max-rejects"),
        (("ingest", "simulation:", "--max-rejects", "2"), "--max-rejects"),
        (("evaluate", "--from", "yesterday"), "'yesterday' is not a time"),
        (("evaluate", "--to", "2024-03-10T02:30"), "never was"),
        (("evaluate", "--model", "best"), "'best' is not a version"),
        (("evaluate", "--json", "no/folder/scores.json"), "No such file or directory"),
        (("backtest", "--from", "yesterday", "--to", "2023-06"), "'yesterday' is not a time"),
        (("backtest", "--from", "2023-01", "--to", "June"), "'June' is not a time"),
        (("backtest", "--from", "2023-01", "--to", "2023-06", "--out", "no/folder/b.png"), "No such file"),
        (("backtest", "--from", "2023-01", "--to", "2023-06", "--json", "."), "Is a directory"),
        (("recheck", "--since", "yesterday"), "'yesterday' is not a time"),
        (("recheck", "--at-most", "0"), "--at-most"),
        (("shadow", "--since", "2023-13"), "'2023-13' is not a time"),
        (("sanity", "--rays", "0"), "--rays"),
        (("sanity", "--model", "best"), "'best' is not a version"),
        (("promote", "best"), "'best' is not a version"),
        (("models", "card", "best"), "'best' is not a version"),
        (("models", "diff", "1", "best"), "'best' is not a version"),
        (("archive", "--keep-months", "0"), "--keep-months"),
        (("prune", "--keep-days", "-1"), "--keep-days"),
        (("journal", "--limit", "0"), "--limit"),
        (("erase",), "--owner"),
        (("keys", "create", "two words", "--scope", "predict"), "a key's name"),
        (("keys", "create", "ada", "--scope", "predict", "--expires", "soon"), "'soon' is not a span"),
        (("keys", "create", "ada", "--scope", "predict", "--expires", "9999999d"), "a hundred years"),
        (("score", "trips.csv", "--out", "no/folder/x.csv"), "No such file or directory"),
        (("trips", "--rejects", "no/folder/rejects.csv"), "No such file or directory"),
        (("predict",), "name a file of trips"),
        (("predict", "--pickup", "here", "--dropoff", "132"), "'here' is neither"),
        (("predict", "--pickup", "140,-74", "--dropoff", "132"), "140"),
        ((*BETWEEN, "--at", "yesterday"), "'yesterday' is not a time"),
        ((*BETWEEN, "--at", "2024-11-03T01:30"), "twice"),
        ((*BETWEEN, "--passengers", "10"), "--passengers"),
        ((*BETWEEN, "--similar", "0"), "--similar"),
        ((*BETWEEN, "--coverage", "1"), "--coverage"),
        (("predict", "trips.csv", "--explain"), "--explain"),
        (("predict", "trips.csv", "--out", "no/folder/answers.csv"), "No such file or directory"),
        (("score", "trips.csv", "--out", "answers.txt"), "answers.txt"),
        (("ingest", "ftp://host/trips.csv"), "no kind of source 'ftp'"),
        (("ingest", "tlc:purple:2024-01"), "tlc:purple"),
        (("ingest", "simulation:trips=many"), "a whole number"),
        (("ingest", "outcomes:yesterday"), "'yesterday'"),
        (("ingest", "s3://"), "name a bucket"),
        (("train", "--trips", "ftp://host/trips.csv"), "no kind of source 'ftp'"),
        (("evaluate", "tlc:purple:2024-01"), "tlc:purple"),
        (("demo", "--trips", "simulation:trips=many"), "a whole number"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_opened(
    typed: Sequence[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAXI_HOME", "home")
    assert refused(typed) == 2
    assert told in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "typed",
    [
        ("ingest", "nowhere.parquet"),
        ("ingest", "simulation:", "nowhere.csv"),
        ("ingest", "--zones", "nowhere.zip"),
        ("train", "--trips", "nowhere"),
        ("train", "--zones", "nowhere.csv"),
        ("evaluate", "nowhere.csv.gz"),
        ("evaluate", "--zones", "nowhere.shp"),
        ("predict", "nowhere.csv"),
        (*BETWEEN, "--zones", "nowhere.csv"),
        ("score", "nowhere.csv", "--out", "answers.csv"),
        ("score", "trips.csv", "--out", "answers.csv", "--zones", "nowhere.csv"),
        ("demo", "--trips", "nowhere.parquet"),
        ("demo", "--zones", "nowhere.csv"),
    ],
)
def test_what_is_not_there_is_missed_before_anything_is_opened(
    typed: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAXI_HOME", "home")
    (tmp_path / "trips.csv").touch()
    assert refused(typed) == 4
    assert "nowhere" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["trips.csv"]


def opened_blocks() -> Iterator[tuple[str, ast.AsyncWith]]:
    """What commands do while a container is open, and where."""
    for file in resources.files("taxi_predictor.apps.commands").iterdir():
        if file.name.endswith(".py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.AsyncWith) and any(
                    isinstance(item.context_expr, ast.Call)
                    and isinstance(item.context_expr.func, ast.Name)
                    and item.context_expr.func.id in ("opened", "_answering")
                    for item in node.items
                ):
                    yield f"{file.name}:{node.lineno}", node


def test_no_command_reads_an_argument_while_a_container_is_open() -> None:
    blocks = dict(opened_blocks())
    assert len(blocks) > 20
    called = {
        f"{where} {node.func.id}"
        for where, block in blocks.items()
        for node in ast.walk(block)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and (node.func.id.startswith(("parse_", "refuse_")) or node.func.id == "Invalid")
    }
    assert not called


def test_no_command_reads_the_settings_twice() -> None:
    """What it looks at first and what it opens then would be of two minds if the environment changed."""
    readings = {
        f"{file.name}: {command.name}": sum(
            node.func.id == "load_settings" or (node.func.id == "opened" and not node.args)
            for node in ast.walk(command)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        )
        for file in resources.files("taxi_predictor.apps.commands").iterdir()
        if file.name.endswith(".py")
        for command in ast.parse(file.read_text("utf-8")).body
        if isinstance(command, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert sum(readings.values()) > 20
    assert {name for name, times in readings.items() if times > 1} == set()
