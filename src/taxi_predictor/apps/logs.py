"""How the processes of a service log: lines for people, or for programs; without places and keys."""

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec

from taxi_predictor.domain.access import without_credentials
from taxi_predictor.ports.outbound.watch import current_watch

__all__ = ["JsonLines", "TextLines", "facts_of", "write_logs"]

OURS = "taxi_predictor"
STANDARD = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"))
"""What every record has; the rest is what is to be told."""
PLACE = re.compile(r"-?\d{1,3}\.\d{3,}")
"""Degrees to 100 m and finer, and whatever looks like them."""
KEY = re.compile(r"taxi_([0-9a-f]+)_[A-Za-z0-9_-]+")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
ENCODER = msgspec.json.Encoder(enc_hook=str)


def write_logs(form: Literal["auto", "text", "json"]) -> None:
    """Write what this process logs to standard error; *auto* is text where a person looks on."""
    is_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if is_json else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(logging.INFO)
    # Where in the code and in which thread: nobody is told, and each line would pay for it.
    unsaid = dict.fromkeys(("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"), False)
    vars(logging).update(unsaid, _srcfile=None)  # as the manual's page on optimization says


def facts_of(record: logging.LogRecord) -> dict[str, object]:
    """The event of *record* and what goes with it; of the request answered here, how to find it again.

    Places are rounded to about a kilometre, and of keys only the public half is left.
    """
    facts: dict[str, object] = {"event": redacted(record.getMessage())} | {
        name: redacted(value) if isinstance(value, str) else value
        for name, value in vars(record).items()
        if name not in STANDARD
    }
    watch = current_watch()
    if watch is not None:
        facts.setdefault("request_id", watch.request_id)
        if watch.trace_id is not None:
            facts["trace_id"] = watch.trace_id
    if record.exc_info:
        facts["exception"] = redacted("".join(traceback.format_exception(*record.exc_info)))
    return facts


def redacted(text: str) -> str:
    """*text* without exact places and without secrets."""
    if "." in text:
        text = PLACE.sub(lambda found: f"{float(found[0]):.2f}", text)
    return without_credentials(KEY.sub(r"taxi_\1_...", text) if "taxi_" in text else text)


class JsonLines(logging.Formatter):
    """One object per line: ``time``, ``level``, ``event``, ``logger``, and what else is told."""

    def format(self, record: logging.LogRecord) -> str:
        facts = facts_of(record)
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "event": facts["event"],
            "logger": record.name,
            **facts,
        }
        return ENCODER.encode(line).decode()


class TextLines(logging.Formatter):
    """The same for people, on the clock of where they are."""

    def format(self, record: logging.LogRecord) -> str:
        facts: Mapping[str, object] = facts_of(record)
        others = (f"{name}={value}" for name, value in facts.items() if name not in ("event", "exception"))
        # What is not to be printed would move the cursor of whoever reads, or begin another line.
        told = UNPRINTABLE.sub(" ", " ".join((str(facts["event"]), *others)))
        at = datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")
        line = f"{at} {record.levelname.lower():7} {told}".rstrip()
        return f"{line}\n{facts['exception']}".rstrip() if "exception" in facts else line
