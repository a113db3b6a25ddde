"""Files of trips and of answers keep their contract: in memory, in folders and in a bucket."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pyarrow import fs

from buckets import a_bucket
from shelves import ShelfInMemory, answers_in, csv_of
from taxi_predictor.adapters.memory.scoring import MemoryScoringFiles
from taxi_predictor.adapters.sources import file_place, row_files, row_lines
from taxi_predictor.adapters.sources.scoring import FileScoring
from taxi_predictor.adapters.sources.target_lock import TargetLock
from taxi_predictor.domain.errors import (
    Invalid,
    MissingSource,
    StorageFull,
    TargetInUse,
    Unavailable,
)
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.scoring import RowForm, ScoredRows, ScoringFiles, TripRows
from taxi_predictor.ports.testing.scoring import (
    ROWS,
    AnswerRow,
    FileShelf,
    ScoringFilesContract,
    made_up,
    read,
    terms_of,
)
from taxi_predictor.ports.testing.strategies import A_CITY

FILES = FileScoring(A_CITY, locks=Path("nowhere"))
NUMBERS = count()


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows each, so that a short file has more than one."""
    monkeypatch.setattr(row_lines, "BLOCK_BYTES", 200)
    monkeypatch.setattr(row_files, "PIECE_ROWS", 3)


class TestMemoryScoringFiles(ScoringFilesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ScoringFiles, FileShelf]]:
        files = MemoryScoringFiles({})
        yield files, ShelfInMemory(files)


class Below(FileScoring):
    """Names are those of files below *place*."""

    def __init__(self, place: str, locks: Path) -> None:
        super().__init__(A_CITY, locks=locks)
        self._place = place

    async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
        return await super().rows(f"{self._place}/{source}", form, zones=zones)

    async def below(self, folder: str, /) -> Sequence[str]:
        return await super().below(f"{self._place}/{folder}")

    def answers(self, target: str, form: RowForm, /) -> AbstractAsyncContextManager[ScoredRows]:
        return super().answers(f"{self._place}/{target}", form)


class ShelfBelow(FileShelf):
    def __init__(self, place: str) -> None:
        self._place = place

    def put(self, rows: Sequence[TripPlan | None], /, *, name: str = "trips") -> str:
        file_place.FilePlace.of(f"{self._place}/{name}".rpartition("/")[0] + "/").make()
        with file_place.FilePlace.of(f"{self._place}/{name}").writing() as file:
            file.write(csv_of(rows))
        return name

    def answers(self, target: str, /) -> Sequence[AnswerRow] | None:
        content = file_place.FilePlace.of(f"{self._place}/{target}").content()
        return None if content is None else answers_in(content)


class TestFileScoring(ScoringFilesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ScoringFiles, FileShelf]]:
        with TemporaryDirectory() as folder:
            yield Below(folder, Path("nowhere")), ShelfBelow(folder)


@pytest.fixture(scope="module")
def bucket() -> Iterator[fs.S3FileSystem]:
    with a_bucket() as bucket:
        yield bucket


@pytest.mark.usefixtures("bucket")
class TestFileScoringInABucket(ScoringFilesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ScoringFiles, FileShelf]]:
        place = f"s3://trips/{next(NUMBERS)}"
        with TemporaryDirectory() as locks:
            yield Below(place, Path(locks) / "locks"), ShelfBelow(place)


async def test_a_full_disk_takes_nothing_away(tmp_path: Path) -> None:
    source, target = tmp_path / "trips", tmp_path / "answers"
    source.write_bytes(csv_of(ROWS))
    rows = await FILES.rows(str(source), RowForm.CSV, zones=None)
    first, second, *_ = await read(rows)
    async with FILES.answers(str(target), RowForm.CSV) as answers:
        await answers.begin(terms_of(rows))
        reached = await answers.add(first, made_up(first))
        # A part's draft cannot be written where the device of all full disks is.
        problems = sum(problem is not None for problem in second.rows.get_column("problem"))
        name = f"{2:06}-{len(first) + len(second)}-{reached.refused + problems}-{second.position}"
        draft = tmp_path / "answers.parts" / f"{name}.draft"
        draft.symlink_to("/dev/full")
        with pytest.raises(StorageFull, match="no room"):
            await answers.add(second, made_up(second))
        assert await answers.reached() == reached
        draft.unlink()
        assert (await answers.add(second, made_up(second))).rows == len(first) + len(second)


@pytest.mark.parametrize("name", ["s3://trips", "s3:///file"])
def test_a_bucket_and_a_file_are_named(name: str) -> None:
    with pytest.raises(Invalid, match="name a bucket and a file"):
        file_place.FilePlace.of(name)


@pytest.mark.usefixtures("bucket")
async def test_a_bucket_says_what_is_wrong() -> None:
    with pytest.raises(MissingSource, match="no such file"):
        await FILES.rows("s3://trips/none.csv", RowForm.CSV, zones=None)
    nowhere = file_place.FilePlace.of("s3://none/answers.csv")
    with pytest.raises(Invalid, match="NO_SUCH_BUCKET"), nowhere.writing() as file:
        file.write(b"x")


@pytest.mark.usefixtures("bucket")
async def test_nothing_is_left_beside_the_answers_in_a_bucket(
    bucket: fs.S3FileSystem, tmp_path: Path
) -> None:
    place = "s3://trips/tidy"
    shelf, files = ShelfBelow(place), Below(place, tmp_path / "locks")
    rows = await files.rows(shelf.put(ROWS), RowForm.CSV, zones=None)
    async with files.answers("answers", RowForm.CSV) as answers:
        await answers.begin(terms_of(rows))
        for piece in await read(rows):
            await answers.add(piece, made_up(piece))
        await answers.finish()
    found = bucket.get_file_info(fs.FileSelector("trips/tidy", recursive=True))
    assert sorted(info.base_name for info in found) == ["answers", "trips"]
    assert list((tmp_path / "locks").iterdir()) == []


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("target", ["s3://trips/locked", "{folder}/locked"])
async def test_who_waits_for_a_lock_that_is_taken_away_gets_the_next(tmp_path: Path, target: str) -> None:
    """Else two would write: one with the file that is gone, and one with the new one."""
    place, locks = file_place.FilePlace.of(target.format(folder=tmp_path)), tmp_path / "locks"

    class Late(TargetLock):
        """Opens the file right before the first takes it away."""

        def _opened(self) -> int:
            opened = super()._opened()
            if holders:
                holders.pop().leave()
                assert [path for path in tmp_path.rglob("*lock") if path.is_file()] == []
            return opened

    first, second, third = TargetLock(place, locks), Late(place, locks), TargetLock(place, locks)
    holders = [first]
    first.take()
    second.take()
    assert holders == []
    with pytest.raises(TargetInUse):
        third.take()
    second.leave()
    third.take()
    third.leave()
    assert [path for path in tmp_path.rglob("*") if path != locks] == []  # noqa: ASYNC240 # a look, not work


async def test_the_lock_of_who_came_next_stays(tmp_path: Path) -> None:
    """A file that is whole takes its parts with it, and the lock among them."""
    place = file_place.FilePlace.of(str(tmp_path / "answers"))
    first, second, third = (TargetLock(place, tmp_path) for _ in range(3))
    first.take()
    place.beside(".parts").remove_folder()
    second.take()
    first.leave()
    with pytest.raises(TargetInUse):
        third.take()
    second.leave()
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 # a look, not work


async def test_a_bucket_that_does_not_answer_may_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_bucket():
        place = file_place.FilePlace.of("s3://trips/trips.csv")
    with pytest.raises(Unavailable, match="AWS Error"):
        place.facts()
