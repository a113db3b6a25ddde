"""What a process logs, for people and for programs, and what it keeps to itself."""

import json
import logging
import sys
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

from taxi_predictor.apps.logs import JsonLines, TextLines, write_logs
from taxi_predictor.domain.access import Scope, new_key
from taxi_predictor.ports.outbound.watch import Watch, watched_by
from taxi_predictor.ports.testing.samples import NOON

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def a_record(message: str, *, exc_info: Any = None, **extra: object) -> logging.LogRecord:
    logger = logging.getLogger("taxi_predictor.somewhere")
    return logger.makeRecord(logger.name, logging.INFO, "a.py", 1, message, (), exc_info, extra=extra)


def line(record: logging.LogRecord) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(JsonLines().format(record))
    return told


def test_a_line_for_programs_says_when_what_and_all_that_goes_with_it() -> None:
    told = line(a_record("trips.ingested", added=3, source="tlc", at=NOON, path=None))
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "info",
        "event": "trips.ingested",
        "logger": "taxi_predictor.somewhere",
        "added": 3,
        "source": "tlc",
        "at": NOON.isoformat().replace("+00:00", "Z"),
        "path": None,
    }


def test_what_no_program_knows_is_told_as_text() -> None:
    assert line(a_record("odd", thing={1, 2}.__class__))["thing"] == "<class 'set'>"


def test_a_line_for_people_is_one_they_can_read() -> None:
    text = TextLines().format(a_record("trips.ingested", added=3, source="tlc"))
    assert text.endswith("info    trips.ingested added=3 source=tlc")


def test_a_line_is_found_again_by_the_request_and_the_trace() -> None:
    def of_a_request() -> dict[str, Any]:
        watched_by(Watch("a-request", traceparent=f"00-{TRACE}-{SPAN}-01"))
        return line(a_record("prediction.kept"))

    told = copy_context().run(of_a_request)
    assert (told["request_id"], told["trace_id"]) == ("a-request", TRACE)
    assert "request_id" not in line(a_record("prediction.kept"))


def test_places_are_rounded_and_keys_are_not_told() -> None:
    key, _ = new_key("ops", frozenset(Scope), now=NOON)
    try:
        raise ValueError(f"pickup 40.758013, -73.985512 by {key}")
    except ValueError:
        record = a_record("crashed at 40.758013", exc_info=sys.exc_info(), reason=f"{key} at -73.985512")
    for form in (JsonLines(), TextLines()):
        text = form.format(record)
        assert "ValueError" in text
        for secret in ("40.758", "73.985", key, key.split("_", 2)[2]):
            assert secret not in text
        assert "40.76" in text
        assert key.split("_")[1] in text  # which key it was


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("taxi_predictor")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    flags = {
        name: value for name, value in vars(logging).items() if name.startswith("log") or name == "_srcfile"
    }
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    vars(logging).update(flags)


@pytest.mark.usefixtures("logging_as_it_was")
@pytest.mark.parametrize(("form", "is_json"), [("json", True), ("text", False), ("auto", True)])
def test_programs_are_written_for_where_no_terminal_is(
    form: Any, is_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    write_logs(form)
    logging.getLogger("taxi_predictor.somewhere").info("model.serves", extra={"version": 3})
    logging.getLogger("a.library").info("nobody wants to know")
    [written] = capsys.readouterr().err.splitlines()
    assert written.startswith("{") is is_json
    assert "model.serves" in written
