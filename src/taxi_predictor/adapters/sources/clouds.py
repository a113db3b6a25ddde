"""Trips in parquet files of an object store: ``s3://bucket/...`` or ``gs://bucket/...``, one or a folder.

Polars reads them by itself, with the keys and addresses that the tools of these stores take from the
environment: ``AWS_ACCESS_KEY_ID``, ``AWS_REGION``, ``AWS_ENDPOINT_URL`` and others;
``GOOGLE_APPLICATION_CREDENTIALS`` or ``GOOGLE_SERVICE_ACCOUNT``. On their own machines none is needed.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import polars as pl

from taxi_predictor.adapters.columns.trips import FAMILY_KEY
from taxi_predictor.adapters.sources.cleaning import Cleaning, cleaning_of
from taxi_predictor.adapters.sources.damage import readable, reason_of
from taxi_predictor.adapters.sources.files import ROWS_PER_BATCH, FramesPart
from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import InvalidSource, MissingSource, Unavailable, UnreadableSource
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.sources import PartName, SourcePart, TripSource

__all__ = ["CloudSource"]

ENDING = ".parquet"
TRIES = {"max_retries": 3}
NOTHING_FOUND = "expanded paths were empty"
NOT_THERE = ("NoSuchBucket", "404 Not Found")


class CloudSource(TripSource):
    """One object, or every parquet file below a prefix, by their names; hidden ones are left out."""

    def __init__(self, url: str, *, city: City, zones: ZoneTable | None, are_finished: bool = True) -> None:
        if not url.partition("://")[2].strip("/"):
            raise InvalidSource(f"{url}: name a bucket, as in s3://bucket/folder")
        self._url = url.rstrip("/")
        self._city = city
        self._zones = zones
        self._are_finished = are_finished

    async def parts(self) -> Sequence[SourcePart]:
        return await asyncio.to_thread(self._parts)

    def _parts(self) -> list[SourcePart]:
        with _reached(self._url):
            return [self._part(url, rows) for url, rows in _objects(self._url)]

    def _part(self, url: str, rows: int) -> SourcePart:
        names = _scan(url).collect_schema().names()
        metadata = pl.read_parquet_metadata(url, credential_provider=_provider(url), storage_options=TRIES)
        cleaning = cleaning_of(
            names,
            url,
            city=self._city,
            zones=self._zones,
            are_finished=self._are_finished,
            family=metadata.get(FAMILY_KEY),
        )
        return CloudPart(url, PartName(family=cleaning.schema.family, name=url), cleaning, rows)


class CloudPart(FramesPart):
    def __init__(self, url: str, name: PartName, cleaning: Cleaning, rows: int) -> None:
        super().__init__(name, cleaning, rows)
        self._url = url

    def frames(self) -> Iterator[pl.DataFrame]:
        rows = 0
        with _reached(self._url):
            for frame in _scan(self._url).collect_batches(chunk_size=ROWS_PER_BATCH, engine="streaming"):
                rows += len(frame)
                yield frame
        if rows != self.rows:
            raise UnreadableSource(f"{self._url} has {rows:,} rows and said that it has {self.rows:,}")


def _scan(url: str) -> pl.LazyFrame:
    return pl.scan_parquet(
        url,
        glob=False,
        hive_partitioning=False,
        cache=False,
        low_memory=True,
        credential_provider=_provider(url),
        storage_options=TRIES,
    )


def _objects(url: str) -> list[tuple[str, int]]:
    """The address of each file, and how many rows it has."""
    pattern = url if url.lower().endswith(ENDING) else f"{url}/**/*{ENDING}"
    files = pl.scan_parquet(
        pattern,
        glob=pattern != url,
        hive_partitioning=False,
        include_file_paths="path",
        # What a file holds is looked at later, each for itself.
        missing_columns="insert",
        extra_columns="ignore",
        cache=False,
        credential_provider=_provider(url),
        storage_options=TRIES,
    )
    counted = files.group_by("path").agg(rows=pl.len()).sort("path").collect(engine="streaming")
    found = [
        (str(path), int(rows))
        for path, rows in counted.iter_rows()
        if not any(part.startswith(".") for part in str(path)[len(url) :].split("/"))
    ]
    if not found:
        raise MissingSource(f"{url}: no trip file ({ENDING}) below it")
    return found


def _provider(url: str) -> Literal["auto"] | None:
    """For Google's store Polars itself knows more kinds of credentials than google-auth, if that is there."""
    return "auto" if url.startswith("s3:") else None


@contextmanager
def _reached(url: str) -> Iterator[None]:
    """Tell what is not there from what does not answer, and both from damage."""
    try:
        with readable(url, but=(OSError,)):
            yield
    except UnreadableSource as error:
        if NOTHING_FOUND in str(error):
            raise MissingSource(f"{url}: no trip file ({ENDING}) below it") from error
        raise
    except OSError as error:
        reason = reason_of(error)
        if isinstance(error, FileNotFoundError) or any(word in reason for word in NOT_THERE):
            raise MissingSource(f"{url}: there is no such bucket or file") from error
        raise Unavailable(f"{url} cannot be reached with the keys of this environment: {reason}") from error
