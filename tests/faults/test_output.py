"""Where results are written to, and what happens when they cannot be."""

import errno
import os
from pathlib import Path

import msgspec
import pytest

from faults.commands import Home, finish
from faults.conftest import SMALL
from taxi_predictor.apps.commands.output import result_to
from taxi_predictor.domain.errors import Invalid, StorageFull, TaxiPredictorError, Unavailable
from taxi_predictor.ports.inbound.trips.intake import IngestReport
from taxi_predictor.ports.inbound.trips.stock import StoredTrips


async def test_with_json_there_is_nothing_else_on_standard_output(home: Home) -> None:
    ingested = await home.run("ingest", SMALL, "--json")
    shown = await home.run("trips", "--json")
    report = msgspec.json.decode(ingested.out, type=IngestReport)
    stored = msgspec.json.decode(shown.out, type=StoredTrips)
    assert sum(count.trips for count in stored.trips) == report.added > 0


@pytest.mark.parametrize("arguments", [("trips",), ("trips", "--json"), ("trips", "--rejects", "-")])
async def test_a_reader_that_has_left_is_nobodys_fault(stocked: Home, arguments: tuple[str, ...]) -> None:
    """As in ``taxi-predictor trips | head -1``."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        finished = await finish(await stocked.start(*arguments, stdout=writing))
    finally:
        os.close(writing)
    assert finished.code == 0, finished.err
    assert finished.err == ""


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("no/such/folder/rejects.json", 2, "No such file or directory"),
        ("no/such/folder/rejects.csv", 2, "No such file or directory"),
        (".", 2, "Is a directory"),
        ("/dev/full", 5, "No space left on device"),
    ],
)
async def test_a_file_that_cannot_be_written(stocked: Home, target: str, code: int, words: str) -> None:
    finished = await stocked.run("trips", "--rejects", target)
    assert (finished.code, finished.out) == (code, "")
    assert words in finished.complaint


async def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file stands in its place")
    finished = await Home(folder=tmp_path, dsn=None).run("ingest", SMALL)
    assert finished.code == 5
    assert "does not start" in finished.complaint
    assert str(tmp_path / "home") in finished.complaint


def test_a_result_takes_the_place_of_the_former_one_only_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "answers.csv"
    link = tmp_path / "link.csv"
    link.symlink_to(target)
    target.write_text("of yesterday")
    target.chmod(0o640)

    def stumbles() -> None:
        with result_to(link) as file:
            file.write("half")
            raise Unavailable("the database does not answer")

    with pytest.raises(Unavailable):
        stumbles()
    assert target.read_text() == "of yesterday"
    with result_to(link) as file:
        file.write("whole")
        file.flush()
        assert target.read_text() == "of yesterday"
    assert target.read_text() == "whole"
    assert target.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [target, link]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EACCES, Invalid),
        (errno.EROFS, Invalid),
    ],
)
def test_what_stands_in_the_way_is_said_in_a_sentence(
    tmp_path: Path, code: int, kind: type[TaxiPredictorError]
) -> None:
    target = tmp_path / "answers.csv"
    with pytest.raises(kind, match=f"answers.csv cannot be written: {os.strerror(code)}"), result_to(target):
        raise OSError(code, os.strerror(code))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("trips",), ("trips", "--json"), ("trips", "--rejects", "-")])
async def test_standard_output_can_be_full(stocked: Home, arguments: tuple[str, ...]) -> None:
    """As in ``taxi-predictor trips > /dev/full``."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        finished = await finish(await stocked.start(*arguments, stdout=full))
    finally:
        os.close(full)
    assert finished.code == 5
    assert finished.complaint == "storage-full standard output cannot be written: No space left on device"
