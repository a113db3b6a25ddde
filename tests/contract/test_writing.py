"""A place that takes nothing is said to be full where it is, and only there, by whoever writes."""

import errno
import os
import resource
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from polars_tables import Polars
from taxi_predictor.adapters.disk.archive import DiskTripArchive
from taxi_predictor.adapters.disk.backtests import DiskBacktestStore
from taxi_predictor.adapters.disk.jobs import DiskJobStore
from taxi_predictor.adapters.disk.keys import DiskKeySnapshot
from taxi_predictor.adapters.disk.notes import DiskRunNotes, DiskSyncNotes
from taxi_predictor.adapters.disk.scratch import DiskTripScratch
from taxi_predictor.adapters.disk.shelf import DiskModelShelf
from taxi_predictor.adapters.disk.trials import DiskTrialStore
from taxi_predictor.adapters.files.writing import write_whole, written_below
from taxi_predictor.adapters.http.spill import Spill
from taxi_predictor.adapters.lightgbm.row_file import RowFile
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedLoader, ConstantSpeedTrainer
from taxi_predictor.adapters.sources.file_place import FilePlace
from taxi_predictor.adapters.sources.target_lock import TargetLock
from taxi_predictor.adapters.spool.spool import DiskPredictionSpool
from taxi_predictor.domain.errors import Invalid, StorageFull, Unavailable
from taxi_predictor.domain.job import JobId, JobNote, JobState
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.runs import Run, RunKind
from taxi_predictor.ports.outbound.sync import SyncState
from taxi_predictor.ports.testing.access import an_api_key
from taxi_predictor.ports.testing.backtests import ONE, a_result
from taxi_predictor.ports.testing.jobs import a_job, sent
from taxi_predictor.ports.testing.records import a_record
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.training import trained
from taxi_predictor.ports.testing.trials import a_trial
from taxi_predictor.ports.testing.trip_archive import JANUARY

Writing = Callable[[Path], Awaitable[None]]
"""What somebody writes into that folder."""
NOBODY = 65_534


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Whoever runs the tests may read *folder*, and write nothing into it."""
    user = os.geteuid()
    folder.chmod(0o555)
    if user == 0:  # who may do everything
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


@contextmanager
def without_room(folder: Path) -> Iterator[None]:
    """No file can grow by a byte, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def trips() -> AsyncIterator[TripBatch]:
    yield Polars().trip_batch([a_trip(1)])


async def a_backtest(folder: Path) -> None:
    await DiskBacktestStore(folder).put(ONE, a_result())


async def a_run(folder: Path) -> None:
    DiskRunNotes(folder).note(Run(kind=RunKind.INGEST, ended_at=NOON, took_s=1.0))


async def a_look(folder: Path) -> None:
    DiskSyncNotes(folder / "sync.json").note(SyncState(looked_at=NOON, version=None))


async def api_keys(folder: Path) -> None:
    await DiskKeySnapshot(folder / "keys.json").save([an_api_key()], NOON)


async def an_upload(folder: Path) -> None:
    await DiskJobStore(folder, min_free_bytes=0).add(a_job(), sent(b"trips"))


async def a_note_of_a_job(folder: Path) -> None:
    note = JobNote(state=JobState.WAITING, at=NOON)
    await DiskJobStore(folder.parent, min_free_bytes=0).note(JobId(folder.name), note)


async def a_model(folder: Path) -> None:
    artifact = await trained(Polars(), ConstantSpeedTrainer(clock=MemoryClock(NOON)))
    DiskModelShelf(folder, ConstantSpeedLoader()).place(ModelVersion(1), artifact)


async def trips_for_a_while(folder: Path) -> None:
    async with DiskTripScratch(folder).keep(trips()):
        pytest.fail("they cannot be kept")


async def trips_for_good(folder: Path) -> None:
    await DiskTripArchive(folder).write("sample", JANUARY, trips())


async def a_trial_of_a_recipe(folder: Path) -> None:
    await DiskTrialStore(folder).add("key", a_trial(1))


async def a_prediction(folder: Path) -> None:
    DiskPredictionSpool(folder, max_bytes=1 << 20).append([a_record(1)])


async def features(folder: Path) -> None:
    with RowFile.opened(2, folder=folder) as [file]:
        file.append(np.zeros((1, 2)))


async def answers_that_wait(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", os.fspath(folder))
        spill = Spill(memory_bytes=1)
        try:
            await spill.append(b"answers")
        finally:
            spill.close()


WRITINGS: list[Writing] = [
    a_backtest,
    a_run,
    a_look,
    api_keys,
    an_upload,
    a_note_of_a_job,
    a_model,
    trips_for_a_while,
    trips_for_good,
    a_trial_of_a_recipe,
    a_prediction,
    features,
    answers_that_wait,
]


@pytest.fixture
async def place(tmp_path: Path) -> Path:
    """A folder in which somebody was before, and a model to put there."""
    await a_model(tmp_path / "former")
    place = tmp_path / "place"
    place.mkdir()
    return place


@pytest.mark.parametrize("write", WRITINGS, ids=lambda write: write.__name__)
async def test_who_may_not_write_is_not_told_that_a_disk_is_full(write: Writing, place: Path) -> None:
    with pytest.raises(Unavailable, match=r"takes nothing|cannot be read") as told, without_rights(place):
        await write(place)
    assert type(told.value) is Unavailable
    assert str(place.parent) in str(told.value)


@pytest.mark.parametrize("write", WRITINGS, ids=lambda write: write.__name__)
async def test_who_finds_no_room_is_told_so(write: Writing, place: Path) -> None:
    with pytest.raises(StorageFull, match="has no room left"), without_room(place):
        await write(place)


def test_who_names_a_place_that_is_not_theirs_is_told_to_name_another(tmp_path: Path) -> None:
    lock = TargetLock(FilePlace.of(str(tmp_path / "answers.csv")), tmp_path)
    with pytest.raises(Invalid, match="Permission denied"), without_rights(tmp_path):
        lock.take()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EFBIG, StorageFull),
        (errno.EACCES, Unavailable),
        (errno.EROFS, Unavailable),
        (errno.EIO, Unavailable),
    ],
)
def test_why_a_place_takes_nothing_is_told_by_its_number(number: int, kind: type[Unavailable]) -> None:
    """Also of a folder that was copied, whose error says it in words."""
    error = OSError(number, os.strerror(number))
    for raised in (error, shutil.Error([("from", "to", str(error))])):
        writing = written_below(Path("/somewhere"), "It is needed")
        with pytest.raises(kind, match=r"/somewhere .*\. It is needed$") as told, writing:
            raise raised
        assert told.type is kind


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_whole(path, b"first", mode=0o600)
    with pytest.raises(OSError, match="File too large"), without_room(tmp_path):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
