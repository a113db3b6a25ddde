"""What lies in local folders keeps its contract, and bears what happens to files."""

import asyncio
import os
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from polars_tables import Polars
from shelves import JobsOnDisk
from taxi_predictor.adapters.disk.archive import DiskTripArchive
from taxi_predictor.adapters.disk.backtests import DiskBacktestStore
from taxi_predictor.adapters.disk.jobs import DiskJobStore
from taxi_predictor.adapters.disk.keys import DiskKeySnapshot
from taxi_predictor.adapters.disk.notes import DiskRunNotes, DiskSyncNotes
from taxi_predictor.adapters.disk.scratch import DiskTripScratch
from taxi_predictor.adapters.disk.trips import DiskTripStore
from taxi_predictor.adapters.memory.trips import MemoryQuarantine
from taxi_predictor.domain.errors import StorageFull, Unavailable, UnreadableSource
from taxi_predictor.domain.job import JobNote, JobState
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.access import KeySnapshot
from taxi_predictor.ports.outbound.archive import TripArchive
from taxi_predictor.ports.outbound.backtests import BacktestStore
from taxi_predictor.ports.outbound.jobs import JobStore
from taxi_predictor.ports.outbound.runs import RunKind, RunNotes
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.outbound.sync import SyncNotes, SyncState
from taxi_predictor.ports.outbound.trips import Quarantine, TripStore
from taxi_predictor.ports.testing.access import KeySnapshotContract, an_api_key
from taxi_predictor.ports.testing.backtests import ONE, BacktestStoreContract, a_result
from taxi_predictor.ports.testing.jobs import JobShelf, JobStoreContract, a_job, sent
from taxi_predictor.ports.testing.runs import RunNotesContract
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.sync import SyncNotesContract
from taxi_predictor.ports.testing.tables import stream
from taxi_predictor.ports.testing.trip_archive import JANUARY, TripArchiveContract
from taxi_predictor.ports.testing.trip_scratch import TripScratchContract
from taxi_predictor.ports.testing.trip_store import TripStoreContract, read

A_PART = PartName(family="sample", name="one")


class TestDiskBacktestStore(BacktestStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[BacktestStore]:
        with TemporaryDirectory() as folder:
            yield DiskBacktestStore(Path(folder) / "backtests")

    async def test_another_process_reads_what_was_put(self, tmp_path: Path) -> None:
        await DiskBacktestStore(tmp_path).put(ONE, a_result())
        assert await DiskBacktestStore(tmp_path).get(ONE) == a_result()
        assert os.listdir(tmp_path) == [f"{ONE}.json"]  # noqa: PTH208 # a look, not work

    @pytest.mark.parametrize("content", [b"", b"{", b'{"learned_from": 7}', b"\xff\xfe", b"null"])
    async def test_a_damaged_file_is_as_good_as_none(self, tmp_path: Path, content: bytes) -> None:
        store = DiskBacktestStore(tmp_path)
        (tmp_path / f"{ONE}.json").write_bytes(content)
        assert await store.get(ONE) is None
        await store.put(ONE, a_result())
        assert await store.get(ONE) == a_result()

    async def test_a_folder_that_cannot_be_written_or_read_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        store = DiskBacktestStore(tmp_path / "file")
        with pytest.raises(Unavailable, match="file"):
            await store.put(ONE, a_result())
        with pytest.raises(Unavailable, match="file"):
            await store.get(ONE)


class TestDiskRunNotes(RunNotesContract):
    @contextmanager
    def open(self) -> Iterator[RunNotes]:
        with TemporaryDirectory() as folder:
            yield DiskRunNotes(Path(folder) / "home" / "runs")

    def test_a_note_that_cannot_be_read_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "ingest.json").write_text("{")
        assert DiskRunNotes(tmp_path).last(RunKind.INGEST) is None


class TestDiskSyncNotes(SyncNotesContract):
    @contextmanager
    def open(self) -> Iterator[SyncNotes]:
        with TemporaryDirectory() as folder:
            yield DiskSyncNotes(Path(folder) / "home" / "sync.json")

    @pytest.mark.parametrize("content", [b"", b"{", b'{"looked_at": 7}', b"\xff"])
    def test_a_damaged_note_is_as_good_as_none(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "sync.json").write_bytes(content)
        assert DiskSyncNotes(tmp_path / "sync.json").last() is None

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        notes = DiskSyncNotes(tmp_path / "file" / "sync.json")
        with pytest.raises(Unavailable, match="file"):
            notes.note(SyncState(looked_at=NOON, version=None))
        assert notes.last() is None


class TestDiskKeySnapshot(KeySnapshotContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[KeySnapshot]:
        with TemporaryDirectory() as folder:
            yield DiskKeySnapshot(Path(folder) / "home" / "keys.json")

    async def test_it_is_one_file_that_only_its_owner_reads(self, tmp_path: Path) -> None:
        for _ in range(2):
            await DiskKeySnapshot(tmp_path / "keys.json").save([an_api_key()], NOON)
        assert os.listdir(tmp_path) == ["keys.json"]  # noqa: PTH208 # a look, not work
        assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
        assert await DiskKeySnapshot(tmp_path / "keys.json").load() == ([an_api_key()], NOON)

    @pytest.mark.parametrize(
        ("whole", "damaged"),
        [
            (b"}", b""),
            (b"{", b"\xff\xfe"),
            (b'"predict"', b'"preside"'),
            (b'"0000000a"', b'"a"'),
            (b"2023-01-15T17:00:00Z", b"2023-01-15T17:00:00"),
        ],
    )
    async def test_a_damaged_file_is_as_good_as_none(
        self, tmp_path: Path, whole: bytes, damaged: bytes
    ) -> None:
        path = tmp_path / "keys.json"
        await DiskKeySnapshot(path).save([an_api_key()], NOON)
        path.write_bytes(path.read_bytes().replace(whole, damaged))
        assert await DiskKeySnapshot(path).load() is None
        await DiskKeySnapshot(path).save([], NOON)
        assert await DiskKeySnapshot(path).load() == ([], NOON)

    async def test_a_file_that_cannot_be_written_is_named_and_none_that_can_be_read(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("in the way")
        snapshot = DiskKeySnapshot(tmp_path / "file" / "keys.json")
        with pytest.raises(Unavailable, match=r"keys\.json"):
            await snapshot.save([], NOON)
        assert await snapshot.load() is None


class TestDiskJobStore(JobStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[JobStore, JobShelf]]:
        with TemporaryDirectory() as folder:
            yield DiskJobStore(Path(folder) / "home" / "jobs", min_free_bytes=0), JobsOnDisk()

    async def test_another_process_sees_the_same_jobs(self, tmp_path: Path) -> None:
        kept = await DiskJobStore(tmp_path, min_free_bytes=0).add(a_job(), sent(b"trips"))
        assert list(await DiskJobStore(tmp_path, min_free_bytes=0).jobs()) == [kept]
        assert (tmp_path / kept.job.job_id).stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("name", ["job.json", "note.json"])
    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"null"])
    async def test_a_damaged_job_is_none(self, tmp_path: Path, name: str, content: bytes) -> None:
        store = DiskJobStore(tmp_path, min_free_bytes=0)
        damaged = await store.add(a_job(), sent(b"trips"))
        kept = await store.add(a_job(), sent(b"trips"))
        (tmp_path / damaged.job.job_id / name).write_bytes(content)
        assert list(await store.jobs()) == [kept]

    async def test_where_little_room_is_left_none_is_taken_and_none_goes_on(self, tmp_path: Path) -> None:
        """What waits, or is over, can be noted all the same."""
        kept = await DiskJobStore(tmp_path, min_free_bytes=0).add(a_job(), sent(b"trips"))
        full = DiskJobStore(tmp_path, min_free_bytes=1 << 60)
        with pytest.raises(StorageFull, match="are free"):
            await full.add(a_job(), sent(b"trips"))
        with pytest.raises(StorageFull, match="are free"):
            await full.note(kept.job.job_id, JobNote(state=JobState.RUNNING, at=NOON))
        assert list(await full.jobs()) == [kept]
        waits = JobNote(state=JobState.WAITING, at=NOON, trouble="no room")
        await full.note(kept.job.job_id, waits)
        assert [one.note for one in await full.jobs()] == [waits]
        assert sorted(os.listdir(tmp_path)) == [kept.job.job_id]  # noqa: PTH208 # a look, not work

    async def test_what_a_killed_process_left_of_an_upload_goes_after_a_day(self, tmp_path: Path) -> None:
        old, new = tmp_path / ".draft-old", tmp_path / ".draft-new"
        for draft in (old, new):
            draft.mkdir()
        os.utime(old, (0, 0))
        await DiskJobStore(tmp_path, min_free_bytes=0).add(a_job(), sent(b"trips"))
        assert new.exists()
        assert not old.exists()


class TestDiskTripStore(Polars, TripStoreContract):
    """Of what it refused it keeps nothing: a quarantine beside it stays empty."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[TripStore, Quarantine]]:
        with TemporaryDirectory() as folder:
            yield DiskTripStore(Path(folder), piece_rows=4, batch_rows=3), MemoryQuarantine()

    async def test_a_part_that_breaks_leaves_no_file(self, tmp_path: Path) -> None:
        store = DiskTripStore(tmp_path, piece_rows=1)

        async def cut_short() -> AsyncIterator[CleanBatch]:
            yield self.clean_batch([a_trip(1)])
            raise UnreadableSource("the file ends in the middle of a row")

        with pytest.raises(UnreadableSource):
            await store.add(A_PART, cut_short())
        assert os.listdir(tmp_path) == []  # noqa: PTH208 # a look, not work


class TestDiskTripScratch(Polars, TripScratchContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripScratch]:
        with TemporaryDirectory() as folder:
            yield DiskTripScratch(Path(folder) / "home" / "scratch", batch_rows=3)

    async def test_nothing_is_left_when_it_ends(self, tmp_path: Path) -> None:
        scratch = DiskTripScratch(tmp_path, batch_rows=3)
        async with scratch.store() as store, scratch.keep(self.batches(10)) as kept:
            await store.add(A_PART, stream(self.clean_batch([a_trip(1)])))
            assert len(kept) == 4
        assert os.listdir(tmp_path) == []  # noqa: PTH208 # a look, not work

    async def test_what_a_killed_process_left_is_removed_and_what_is_used_stays(self, tmp_path: Path) -> None:
        script = (
            "import asyncio, os, sys; from pathlib import Path\n"
            "from taxi_predictor.adapters.disk.scratch import DiskTripScratch\n"
            "async def die():\n"
            "    async with DiskTripScratch(Path(sys.argv[1])).store():\n"
            "        os.kill(os.getpid(), 9)\n"
            "asyncio.run(die())"
        )
        died = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script, str(tmp_path)])
        assert died.returncode == -9
        [left] = map(tmp_path.joinpath, os.listdir(tmp_path))  # noqa: PTH208 # a look, not work
        scratch = DiskTripScratch(tmp_path)
        async with scratch.store() as used:
            assert not left.exists()
            await used.add(A_PART, stream(self.clean_batch([a_trip(1)])))
            async with scratch.store():
                assert await read(used) == [a_trip(1)]

    async def test_another_process_reads_what_is_kept(self, tmp_path: Path) -> None:
        async with DiskTripScratch(tmp_path, batch_rows=3).keep(self.batches(10)) as kept:
            again = pickle.loads(pickle.dumps(kept))
            assert [list(batch) for batch in again] == [list(batch) for batch in kept]

    async def test_a_disk_without_room_is_said_to_be_full_and_nothing_is_left(self, tmp_path: Path) -> None:
        async def while_it_fills() -> AsyncIterator[TripBatch]:
            [folder] = map(tmp_path.joinpath, os.listdir(tmp_path))  # noqa: PTH208 # a look, not work
            (folder / "000001.arrow").symlink_to("/dev/full")
            async for batch in self.batches(10):
                yield batch

        with pytest.raises(StorageFull, match="has no room left"):
            async with DiskTripScratch(tmp_path, batch_rows=3).keep(while_it_fills()):
                pytest.fail("there is no room")
        assert os.listdir(tmp_path) == []  # noqa: PTH208 # a look, not work


class TestDiskTripArchive(Polars, TripArchiveContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripArchive]:
        with TemporaryDirectory() as folder:
            yield DiskTripArchive(Path(folder) / "home" / "archive")

    async def test_files_lie_in_folders_by_family_and_month(self, tmp_path: Path) -> None:
        kept = await DiskTripArchive(tmp_path).write("a/b", JANUARY, self.batches([a_trip(1)]))
        assert kept.name == str(tmp_path / "family=a%2Fb" / "month=2023-01" / f"trips-{1:032x}.parquet")
        assert await asyncio.to_thread(Path(kept.name).is_file)

    async def test_what_a_killed_process_left_is_no_trip_file_and_goes_with_the_next(
        self, tmp_path: Path
    ) -> None:
        script = (
            "import asyncio, os, sys; from datetime import date; from pathlib import Path\n"
            "from taxi_predictor.adapters.disk.archive import DiskTripArchive\n"
            "async def batches():\n"
            "    os.kill(os.getpid(), 9)\n"
            "    yield\n"
            "asyncio.run(DiskTripArchive(Path(sys.argv[1])).write('sample', date(2023, 1, 1), batches()))"
        )
        died = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script, str(tmp_path)])
        assert died.returncode == -9
        [draft] = (tmp_path / "family=sample" / "month=2023-01").iterdir()
        assert draft.name.startswith(".")
        kept = await DiskTripArchive(tmp_path).write("sample", JANUARY, self.batches([a_trip(1)]))
        assert list(draft.parent.iterdir()) == [Path(kept.name)]

    async def test_of_two_writers_one_waits(self, tmp_path: Path) -> None:
        archive = DiskTripArchive(tmp_path)

        async def while_another_writes() -> AsyncIterator[TripBatch]:
            with pytest.raises(Unavailable, match="wait for it"):
                await archive.write("other", JANUARY, self.batches([a_trip(2)]))
            yield self.trip_batch([a_trip(1)])

        assert (await archive.write("sample", JANUARY, while_another_writes())).sum.trips == 1
