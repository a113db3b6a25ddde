"""Files, the simulated city and the catalog keep the contracts of their ports."""

import pickle
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest

from polars_tables import Polars
from taxi_predictor.adapters.memory.machines import MemoryMachines
from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.memory.sources import MemoryPart
from taxi_predictor.adapters.sources import csv_file, files, outcomes
from taxi_predictor.adapters.sources.catalog import Catalog
from taxi_predictor.adapters.sources.elsewhere import CleanInto, ElsewhereSource
from taxi_predictor.adapters.sources.files import FileSource
from taxi_predictor.adapters.sources.months import SimulationSource
from taxi_predictor.adapters.sources.outcomes import OutcomeSource
from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import StorageFull, Unavailable, UnreadableSource
from taxi_predictor.domain.place import Bounds
from taxi_predictor.ports.outbound.sources import (
    CleanBatch,
    PartName,
    SourceCatalog,
    SourcePart,
    TripSource,
)
from taxi_predictor.ports.testing.records import a_record, an_outcome
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.trip_source import SourceCatalogContract, TripSourceContract

CITY = City(
    name="A City",
    time_zone="America/New_York",
    bounds=Bounds(south_deg=40.4, west_deg=-74.3, north_deg=41.0, east_deg=-73.6),
)
ROWS = 40


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows a batch, so that a short file has more than one."""
    monkeypatch.setattr(files, "ROWS_PER_BATCH", 7)
    monkeypatch.setattr(outcomes, "ROWS_PER_BATCH", 7)
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 1_000)


def a_frame() -> pl.DataFrame:
    """Every fifth trip has no end; one is in the hour that comes twice."""
    begin = datetime(2022, 11, 6, 1, 30)  # noqa: DTZ001 # as a clock shows it
    pickup_at = [begin + timedelta(minutes=7 * row) for row in range(ROWS)]
    ends = [at + timedelta(minutes=9) for at in pickup_at]
    return pl.DataFrame(
        {
            "pickup_at": pickup_at,
            "dropoff_at": [None if row % 5 == 4 else end for row, end in enumerate(ends)],
            "pickup_lat": [40.7 + row / 1000 for row in range(ROWS)],
            "pickup_lon": [-73.98] * ROWS,
            "dropoff_lat": [40.71 + row / 1000 for row in range(ROWS)],
            "dropoff_lon": [-73.97] * ROWS,
            "passenger_count": [None, 1] * (ROWS // 2),
            "weather": ["rain"] * ROWS,
        }
    )


class TestParquetSource(TripSourceContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripSource]:
        with TemporaryDirectory() as folder:
            for name in ("first", "second"):
                a_frame().write_parquet(Path(folder) / f"{name}.parquet")
            yield FileSource(Path(folder), city=CITY, zones=None)


class TestElsewhereSource(TripSourceContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripSource]:
        with TemporaryDirectory() as folder, TemporaryDirectory() as room:
            for name in ("first", "second", "third"):
                a_frame().write_parquet(Path(folder) / f"{name}.parquet")
            files = FileSource(Path(folder), city=CITY, zones=None)
            yield ElsewhereSource(files, MemoryMachines(2), Path(room))


class TestCsvSource(TripSourceContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripSource]:
        with TemporaryDirectory() as folder:
            a_frame().write_csv(Path(folder) / "trips.csv")
            yield FileSource(Path(folder) / "trips.csv", city=CITY, zones=None)


class TestSimulationSource(TripSourceContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripSource]:
        yield SimulationSource("trips=60,months=2,mess=0.3", city=CITY)


class TestOutcomeSource(TripSourceContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripSource]:
        """Every fifth lasted a second: reported before anybody knew the prediction."""
        predictions = MemoryPredictionLog()
        log = MemoryOutcomeLog(predictions, group_records=3)
        await predictions.add([a_record(number) for number in range(ROWS)])
        await log.attach(
            [
                an_outcome(
                    number,
                    duration_s=1.0 if number % 5 == 4 else 700.0,
                    reported_at=NOON + timedelta(minutes=7 * number),
                )
                for number in range(ROWS)
            ]
        )
        yield OutcomeSource("", log, city=CITY)


class Kept(MemoryOutcomeLog):
    """One that no other process can have, as that of a database."""

    def __reduce__(self) -> str:
        raise TypeError("it holds a connection")


async def test_what_only_this_process_can_read_is_read_here(tmp_path: Path) -> None:
    predictions = MemoryPredictionLog()
    log = Kept(predictions)
    await predictions.add([a_record(1)])
    await log.attach([an_outcome(1, duration_s=700.0, reported_at=NOON)])
    here = OutcomeSource("", log, city=CITY)
    [part] = await ElsewhereSource(here, MemoryMachines(2), tmp_path).parts()
    assert [batch.read async for batch in part.batches()] == [1]
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 # a look, not work


async def test_a_part_that_is_named_from_here_is_found_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    a_frame().write_parquet("trips.parquet")
    [part] = await FileSource(Path("trips.parquet"), city=CITY, zones=None).parts()
    sent = pickle.dumps(part)
    monkeypatch.chdir("/")
    again: SourcePart = pickle.loads(sent)
    assert again.name == part.name
    assert sum([batch.read async for batch in again.batches()]) == ROWS


async def test_a_part_that_breaks_off_elsewhere_spoils_none_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "trips").mkdir()
    for name in ("first", "second", "third"):
        a_frame().write_parquet(tmp_path / "trips" / f"{name}.parquet")
    source = ElsewhereSource(
        FileSource(tmp_path / "trips", city=CITY, zones=None), MemoryMachines(2), tmp_path
    )
    first, second, third = await source.parts()
    whole = (tmp_path / "trips" / "second.parquet").read_bytes()
    (tmp_path / "trips" / "second.parquet").write_bytes(whole[:200] + bytes(200) + whole[400:])
    assert sum([batch.read async for batch in first.batches()]) == ROWS
    with pytest.raises(UnreadableSource, match=r"second\.parquet"):
        assert [batch async for batch in second.batches()] == []
    assert sum([batch.read async for batch in third.batches()]) == ROWS
    assert sum([batch.read async for batch in first.batches()]) == ROWS


async def test_a_folder_that_one_of_them_does_not_see_is_said_so(tmp_path: Path) -> None:
    a_frame().write_parquet(tmp_path / "trips.parquet")
    source = ElsewhereSource(
        FileSource(tmp_path, city=CITY, zones=None), MemoryMachines(2), tmp_path / "nowhere"
    )
    [part] = await source.parts()
    with pytest.raises(Unavailable, match="Every machine of the cluster needs that folder") as told:
        assert [batch async for batch in part.batches()] == []
    assert type(told.value) is Unavailable, "there is room, but not there"


@dataclass(frozen=True, kw_only=True)
class Meddling(MemoryPart):
    """Whose reader does something else first."""

    name: PartName = PartName(family="sample", name="meddling")  # noqa: RUF009 # it is frozen
    clean: Sequence[CleanBatch] = field(default_factory=lambda: [Polars().clean_batch([a_trip(1)])])
    meddle: Callable[[], object]

    async def batches(self) -> AsyncIterator[CleanBatch]:
        self.meddle()
        async for batch in super().batches():
            yield batch


@pytest.mark.parametrize("name", ["000000.trips", "000000.rejects"])
def test_a_disk_without_room_for_cleaned_trips_is_said_to_be_full(tmp_path: Path, name: str) -> None:
    room = tmp_path / "room"
    room.mkdir()

    def fill() -> None:
        [own] = room.iterdir()
        (own / name).symlink_to("/dev/full")

    with pytest.raises(StorageFull, match="has no room left"):
        CleanInto(room)(Meddling(meddle=fill))


def test_a_disk_that_takes_no_trips_for_another_reason_is_not_said_to_be_full(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()

    def spoil() -> None:
        [own] = room.iterdir()
        (own / "000000.trips").mkdir()

    with pytest.raises(Unavailable, match="Is a directory") as told:
        CleanInto(room)(Meddling(meddle=spoil))
    assert type(told.value) is Unavailable


@pytest.mark.parametrize("fault", [pl.exceptions.ComputeError("no"), OSError("the source is away")])
def test_a_fault_in_cleaning_is_none_of_the_disk(tmp_path: Path, fault: Exception) -> None:
    def fail() -> None:
        raise fault

    with pytest.raises(type(fault), match=str(fault)):
        CleanInto(tmp_path)(Meddling(meddle=fail))


class TestCatalog(SourceCatalogContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[SourceCatalog]:
        with TemporaryDirectory() as folder:
            yield Catalog(
                city=CITY,
                cache=Path(folder),
                tlc_url="http://127.0.0.1:9",
                outcomes=MemoryOutcomeLog(MemoryPredictionLog()),
                progress=MemoryProgress(),
            )
