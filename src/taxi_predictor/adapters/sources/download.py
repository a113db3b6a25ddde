"""Fetching what New York's Taxi and Limousine Commission (TLC) publishes: trips by month, and its zones."""

import asyncio
import fcntl
import logging
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Self

import httpx

from taxi_predictor.adapters.files.writing import refusal_of
from taxi_predictor.domain.errors import (
    InvalidSource,
    MissingSource,
    Unavailable,
    UnreadableSource,
)
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["TaxiKind", "TlcArchive", "TlcMonths"]

TLC_URL = "https://d37ci6vzurychx.cloudfront.net"
ATTEMPTS = 3
MONTH = "((?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2]))"
SPEC = re.compile(rf"(yellow|green):{MONTH}(?:\.\.{MONTH})?")
EXAMPLE = "such as tlc:green:2024-01 or tlc:yellow:2024-01..2024-03"

log = logging.getLogger(__name__)


class TaxiKind(StrEnum):
    """The taxis whose trip files have one known schema."""

    YELLOW = "yellow"
    GREEN = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlcMonths:
    """Trips of one kind in consecutive months, each given as its first day."""

    kind: TaxiKind
    months: tuple[date, ...]

    @classmethod
    def parse(cls, options: str) -> Self:
        """Read what follows ``tlc:``, such as ``green:2024-01..2024-03``.

        Raises:
            InvalidSource: it is not of that form.
        """
        kind = options.partition(":")[0]
        if kind in ("fhv", "fhvhv"):
            raise InvalidSource(f"tlc:{kind} has other columns than taxi trips: choose a taxi, {EXAMPLE}")
        parsed = SPEC.fullmatch(options)
        if not parsed:
            raise InvalidSource(f"tlc:{options} is not yellow or green and a month or two, {EXAMPLE}")
        first, last = (date.fromisoformat(f"{m}-01") for m in (parsed[2], parsed[3] or parsed[2]))
        if last < first:
            raise InvalidSource(f"tlc:{options} ends before it begins, expected {EXAMPLE}")
        numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        return cls(kind=TaxiKind(kind), months=tuple(date(n // 12, n % 12 + 1, 1) for n in numbers))


class TlcArchive:
    """The TLC's public files, each fetched once into a folder; a transfer that was cut is resumed.

    Only a whole file that is what its name says ever gets that name.
    """

    def __init__(
        self,
        *,
        cache: Path,
        progress: Progress,
        base_url: str = TLC_URL,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 30.0,
        backoff_s: float = 0.5,
    ) -> None:
        self._cache = cache
        self._progress = progress
        self._base_url = base_url.rstrip("/")
        self._timeout = httpx.Timeout(read_timeout_s, connect=connect_timeout_s)
        self._backoff_s = backoff_s

    async def month(self, kind: TaxiKind, month: date) -> Path:
        """The trips picked up in *month*, from the folder if they are there, else from the network.

        Raises:
            MissingSource: the TLC has not published them.
            Unavailable: the TLC, the network or the folder does not answer.
            UnreadableSource: what came is no parquet file.
        """
        name = f"{kind}_tripdata_{month:%Y-%m}.parquet"
        missing = (
            f"the TLC offers no {kind} trips of {month:%Y-%m}: a month appears about two months later,"
            " yellow trips begin with 2009-01 and green ones with 2013-08"
        )
        return await self._get(f"trip-data/{name}", self._cache / name, missing)

    async def zones(self) -> Path:
        """The folder with the TLC's zone shapes and their names; errors as of :meth:`month`."""
        folder = self._cache / "zones"
        for name in ("taxi_zones.zip", "taxi_zone_lookup.csv"):
            missing = f"the TLC's zones are not at {self._base_url}/misc/{name} any more"
            await self._get(f"misc/{name}", folder / name, missing)
        return folder

    async def _get(self, remote: str, target: Path, missing: str) -> Path:
        if await asyncio.to_thread(target.is_file):
            return target
        url = f"{self._base_url}/{remote}"
        with _translated(url, target), _Partial(target) as part:
            async with httpx.AsyncClient(timeout=self._timeout, follow_redirects=True) as client:
                for attempt in range(1, ATTEMPTS + 1):
                    try:
                        await self._transfer(client, url, part, missing)
                        break
                    except (httpx.RequestError, _Interrupted) as error:
                        log.info("tlc.interrupted", extra={"url": url, "error": repr(error)})
                        if attempt == ATTEMPTS:
                            raise
                    await asyncio.sleep(self._backoff_s * 2 ** (attempt - 1))
            await asyncio.to_thread(part.publish)
            log.info("tlc.downloaded", extra={"url": url, "bytes": part.size})
        return target

    async def _transfer(self, client: httpx.AsyncClient, url: str, part: "_Partial", missing: str) -> None:
        headers = {"Accept-Encoding": "identity"}  # a compressed body could not be resumed
        if part.size and part.validator:
            headers |= {"Range": f"bytes={part.size}-", "If-Range": part.validator}
        async with client.stream("GET", url, headers=headers) as response:
            status, found = response.status_code, response.headers
            if status in (403, 404):  # a bucket that may not be listed answers 403
                raise MissingSource(missing)
            came = re.fullmatch(r"bytes ([0-9]+)-[0-9]+/([0-9]+)", found.get("Content-Range", ""))
            if status == 206 and came and int(came[1]) == part.size:
                expected: int | None = int(came[2])
            elif status == 200:
                part.restart(_validator(found))
                expected = int(found["Content-Length"]) if "Content-Length" in found else None
            else:
                if status in (206, 416):  # what we hold does not fit what is there now
                    part.restart()
                raise _Interrupted(f"the server answered {status}")
            with self._progress.step(f"download {part.target.name}", total=expected) as step:
                step.advance(part.size)
                async for chunk in response.aiter_raw():
                    part.append(chunk)
                    step.advance(len(chunk))
                    step.say(f"{part.size / 1e6:,.1f} MB")
        if expected not in (None, part.size):
            raise _Interrupted(f"{part.size:,} of {expected:,} bytes came")


class _Interrupted(Exception):  # it never leaves this module
    """A transfer that may go better the next time."""


def _validator(headers: httpx.Headers) -> str:
    """What tells that the file has not changed; If-Range takes no weak ETag (RFC 9110, 13.1.5)."""
    etag = headers.get("ETag", "")
    return str(etag if etag.startswith('"') else headers.get("Last-Modified", ""))


@contextmanager
def _translated(url: str, target: Path) -> Iterator[None]:
    try:
        yield
    except (httpx.RequestError, httpx.InvalidURL, _Interrupted) as error:
        reason = str(error) or type(error).__name__  # a timeout has no text
        raise Unavailable(
            f"{url} cannot be downloaded ({reason}): look at the network, then try again"
        ) from error
    except BlockingIOError as error:
        raise Unavailable(f"another process is downloading {target} right now: wait for it") from error
    except OSError as error:
        raise refusal_of(
            error, target, "What arrived is kept, and the next attempt goes on from there."
        ) from error


class _Partial:
    """A file on its way, locked against other processes; left empty, it vanishes."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self._path = target.with_name(f"{target.name}.part")
        self._validator_path = target.with_name(f"{target.name}.part.validator")

    def __enter__(self) -> Self:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(self._file.fileno())
            # Who had the lock until now may have renamed or removed what we opened.
            if not os.path.samestat(status, self._path.stat()):
                raise BlockingIOError
        except OSError:
            self._file.close()
            raise
        self.size = status.st_size
        self.validator = self._validator_path.read_text() if self._validator_path.is_file() else ""
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._file:
            if not self.size:
                self._path.unlink(missing_ok=True)
                self._validator_path.unlink(missing_ok=True)

    def restart(self, validator: str = "") -> None:
        self._file.truncate(0)
        self.size, self.validator = 0, validator
        self._validator_path.write_text(validator)

    def append(self, chunk: bytes) -> None:
        self.size += self._file.write(chunk)  # on the event loop: 64 kB take some ten microseconds

    def publish(self) -> None:
        """Give the file its name, if it is what its name says; else throw it away."""
        self._file.flush()
        if not _is_what_it_says(self._path, self.target.suffix):
            self.restart()
            what = f"what came as {self.target.name} is no {self.target.suffix[1:]} file and was not kept"
            raise UnreadableSource(f"{what}: perhaps a proxy or a login page answers in place of the TLC")
        os.fsync(self._file.fileno())
        self._path.replace(self.target)
        self._validator_path.unlink(missing_ok=True)


def _is_what_it_says(path: Path, suffix: str) -> bool:
    if suffix == ".zip":
        return zipfile.is_zipfile(path)
    with path.open("rb") as file:
        if suffix == ".csv":
            return b"LocationID" in file.readline(1000)
        head = file.read(12)
        file.seek(-min(len(head), 4), os.SEEK_END)
        return len(head) == 12 and head[:4] == file.read() == b"PAR1"
