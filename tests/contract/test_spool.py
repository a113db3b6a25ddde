"""The spool on disk keeps its contract, and bears what happens to processes, files and disks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from taxi_predictor.adapters.spool import spool as module
from taxi_predictor.adapters.spool.frames import HEAD, framed
from taxi_predictor.adapters.spool.spool import DiskPredictionSpool
from taxi_predictor.domain.errors import StorageFull, Unavailable
from taxi_predictor.ports.outbound.spool import PredictionSpool
from taxi_predictor.ports.testing.prediction_spool import ROOM, PredictionSpoolContract, all_of, drained
from taxi_predictor.ports.testing.records import a_record


class TestDiskPredictionSpool(PredictionSpoolContract):
    @contextmanager
    def open(self, max_bytes: int = ROOM) -> Iterator[PredictionSpool]:
        with TemporaryDirectory() as folder:
            spool = DiskPredictionSpool(Path(folder) / "spool", max_bytes=max_bytes)
            yield spool
            spool.close()


def spool_in(folder: Path, max_bytes: int = ROOM) -> DiskPredictionSpool:
    return DiskPredictionSpool(folder, max_bytes=max_bytes)


def the_part(folder: Path) -> Path:
    [part] = folder.glob("*.part")
    return part


WRITER = """
import sys
from pathlib import Path
from taxi_predictor.adapters.spool.spool import DiskPredictionSpool
from taxi_predictor.ports.testing.records import a_record

spool = DiskPredictionSpool(Path(sys.argv[1]), max_bytes=1 << 30)
for number in range(1_000_000):
    spool.append([a_record(2 * number), a_record(2 * number + 1)])
    print(number, flush=True)
"""


def killed_writer(folder: Path, appends: int) -> int:
    """Kill a process in the midst of its appends, and return how many it had acknowledged."""
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) == appends:
                writer.send_signal(signal.SIGKILL)
                break
        rest = writer.stdout.read().split("\n")[:-1]  # printed before it died
    return appends + 1 + len(rest)


@pytest.mark.parametrize("appends", [0, 1, 700])
def test_what_a_killed_process_acknowledged_is_there(tmp_path: Path, appends: int) -> None:
    acknowledged = killed_writer(tmp_path, appends)
    found = drained(spool_in(tmp_path))
    assert found[: 2 * acknowledged] == [a_record(number) for number in range(2 * acknowledged)]
    assert len(found) % 2 == 0, "half an append"
    assert len(found) <= 2 * acknowledged + 2, "at most the one append that it was at"


def test_nobody_takes_what_a_living_process_writes(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        assert spool_in(tmp_path).take() is None
        assert spool_in(tmp_path).state().size_bytes > 0
        writer.kill()
    assert drained(spool_in(tmp_path))


def test_what_was_handed_over_anybody_can_take(tmp_path: Path) -> None:
    """While its writer lives, and goes on to write elsewhere."""
    writer, other = spool_in(tmp_path), spool_in(tmp_path)
    for number in range(2):
        writer.append([a_record(number)])
        assert other.take() is None
        writer.hand_over()
        assert drained(other) == [a_record(number)]
    writer.hand_over()
    assert list(tmp_path.iterdir()) == [], "an empty part waits for somebody"


def test_while_enough_waits_a_part_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a day without a log would leave a file for each second of it."""
    monkeypatch.setattr(module, "ENOUGH_PARTS", 3)
    writer, other = spool_in(tmp_path), spool_in(tmp_path)
    for number in range(9):
        writer.append([a_record(number)])
        writer.hand_over()
    assert len(list(tmp_path.glob("*.part"))) == 3
    assert drained(other) == [a_record(0), a_record(1)]
    writer.hand_over()
    assert drained(other) == [a_record(number) for number in range(2, 9)]


def test_drafts_of_the_killed_are_swept_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    old, young = (tmp_path / f"{at_ns:020}-feed.draft" for at_ns in (1, time.time_ns()))
    old.write_bytes(b"")
    young.write_bytes(b"")
    assert spool_in(tmp_path).take() is None
    assert list(tmp_path.iterdir()) == [young]


TAKER = """
import sys
from pathlib import Path
from taxi_predictor.adapters.spool.spool import DiskPredictionSpool
from taxi_predictor.ports.testing.prediction_spool import drained

for record in drained(DiskPredictionSpool(Path(sys.argv[1]), max_bytes=1)):
    print(record.prediction_id)
"""


def test_of_two_who_take_each_part_goes_to_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_BYTES", 500)
    writer = spool_in(tmp_path)
    for number in range(40):
        writer.append([a_record(number)])
    writer.close()
    takers = [
        subprocess.Popen([sys.executable, "-c", TAKER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    found = [line for taker in takers for line in taker.communicate(timeout=60)[0].split()]
    assert sorted(found) == [a_record(number).prediction_id for number in range(40)]
    assert list(tmp_path.iterdir()) == []


def test_a_full_part_is_given_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no part grows without bound while nobody takes, and others can help."""
    monkeypatch.setattr(module, "PART_BYTES", 500)
    writer = spool_in(tmp_path)
    for number in range(10):
        writer.append([a_record(number)])
    assert len(list(tmp_path.glob("*.part"))) > 2
    part = spool_in(tmp_path).take()
    assert part is not None
    assert all_of(part)[0] == a_record(0)


def written(folder: Path, appends: int = 3) -> bytes:
    """What a spool of so many appends of two records holds."""
    spool = spool_in(folder)
    for number in range(appends):
        spool.append([a_record(2 * number), a_record(2 * number + 1)])
    spool.close()
    return the_part(folder).read_bytes()


def test_an_append_that_was_cut_short_is_none(tmp_path: Path) -> None:
    """Wherever: then the part is not damaged either, for nobody was told of that append."""
    content = written(tmp_path)
    path = the_part(tmp_path)
    last = len(content) - len(framed([a_record(4), a_record(5)]))
    for length in range(last, len(content)):
        path.write_bytes(content[:length])
        spool = spool_in(tmp_path)
        part = spool.take()
        assert part is not None
        assert all_of(part) == [a_record(number) for number in range(4)], length
        part.put_back()
    assert drained(spool_in(tmp_path))
    assert spool_in(tmp_path).state().damaged == 0


def test_of_a_damaged_part_the_sound_records_are_given(tmp_path: Path) -> None:
    """Any flipped byte costs at most the append that it is in, and never gives a wrong record."""
    content = written(tmp_path)
    path = the_part(tmp_path)
    all_records = [a_record(number) for number in range(6)]
    random = Random(7)
    for at in random.sample(range(len(HEAD), len(content)), 60):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :])
        part = spool_in(tmp_path).take()
        assert part is not None
        found = all_of(part)
        part.put_back()
        assert [record for record in all_records if record in found] == found, at
        assert len(found) >= 4, at


def test_a_damaged_part_is_set_aside_and_counted(tmp_path: Path) -> None:
    content = written(tmp_path)
    path = the_part(tmp_path)
    path.write_bytes(content[:100] + b"\0" + content[101:])
    assert drained(spool_in(tmp_path)) == [a_record(number) for number in range(2, 6)]
    assert spool_in(tmp_path).take() is None
    assert spool_in(tmp_path).state().damaged == 1
    assert path.with_suffix(".damaged").read_bytes()[:100] == content[:100]


@pytest.mark.parametrize("content", [b"", b"taxi", b"\0" * 5_000, b"something else altogether"])
def test_a_file_that_is_none_of_ours_is_no_trouble(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "00000000000000000001-feed.part").write_bytes(content)
    spool = spool_in(tmp_path)
    spool.append([a_record(1)])
    assert drained(spool) == [a_record(1)]
    assert list(tmp_path.glob("*.part")) == []


def test_a_part_of_a_later_format_is_left_to_who_knows_it(tmp_path: Path) -> None:
    """As during a deployment; what is our own goes on."""
    later = tmp_path / "00000000000000000001-feed.part"
    later.write_bytes(b"taxi-spool 2\n" + b"who knows")
    spool = spool_in(tmp_path)
    spool.append([a_record(1)])
    assert drained(spool) == [a_record(1)]
    assert later.exists()
    assert spool.state().size_bytes > 0, "it still waits for somebody"


def test_fields_that_a_later_release_adds_are_passed_over(tmp_path: Path) -> None:
    import msgspec

    from taxi_predictor.adapters.spool import frames

    [row] = msgspec.msgpack.decode(framed([a_record(1)])[frames._FRAME.size :])
    content = msgspec.msgpack.encode([[*row, "later", {"and": "more"}]])
    frame = frames._FRAME.pack(frames.MARK, len(content), frames.crc32(content)) + content
    (tmp_path / "00000000000000000001-feed.part").write_bytes(HEAD + frame)
    assert drained(spool_in(tmp_path)) == [a_record(1)]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from taxi_predictor.adapters.spool.spool import DiskPredictionSpool
from taxi_predictor.domain.errors import StorageFull
from taxi_predictor.ports.testing.records import a_record

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))  # a write beyond it fails, after half of it
spool, appended = DiskPredictionSpool(Path(sys.argv[1]), max_bytes=1 << 30), 0
try:
    while appended < 1_000:
        spool.append([a_record(appended)])
        appended += 1
except StorageFull as error:
    print(error, file=sys.stderr)
try:
    spool.append([a_record(appended)])
except StorageFull:
    print(appended)
"""


def test_a_full_disk_takes_no_half_records(tmp_path: Path) -> None:
    """It says so each time, and what was acknowledged before is there."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True
    )
    appended = int(done.stdout)
    assert 0 < appended < 1_000
    assert str(tmp_path) in done.stderr
    assert drained(spool_in(tmp_path)) == [a_record(number) for number in range(appended)]
    assert spool_in(tmp_path).state().damaged == 0


def fill(spool: PredictionSpool) -> None:
    while True:
        spool.append([a_record(1)])


def test_the_bound_is_for_all_processes_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = spool_in(tmp_path, 5_000), spool_in(tmp_path, 5_000)
    with pytest.raises(StorageFull, match="may hold 5,000"):
        fill(one)
    with pytest.raises(StorageFull):
        other.append([a_record(2)])
    one.close()
    drained(one)
    monkeypatch.setattr("time.monotonic", lambda: 1e9)  # much later, others look what there is
    other.append([a_record(2)])


def test_what_was_given_away_is_not_the_latest(tmp_path: Path) -> None:
    """And so is taken before what is being written."""
    former = spool_in(tmp_path)
    former.append([a_record(1)])
    former.close()
    spool = spool_in(tmp_path)
    spool.append([a_record(2)])
    taken = []
    while part := spool.take():
        taken.append((all_of(part), part.is_latest))
        part.remove()
    assert taken == [([a_record(1)], False), ([a_record(2)], True)]


def test_what_is_not_ours_to_read_keeps_nobody_from_what_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where two containers with different users share a folder."""
    theirs = spool_in(tmp_path)
    theirs.append([a_record(1)])
    theirs.close()
    not_ours, as_ever = the_part(tmp_path), os.open

    def refusing(path: Path, *args: int) -> int:
        if path == not_ours:  # root may read everything, and tests may be run by root
            raise PermissionError(13, "Permission denied")
        return as_ever(path, *args)

    spool = spool_in(tmp_path)
    spool.append([a_record(2)])
    monkeypatch.setattr(os, "open", refusing)
    assert drained(spool) == [a_record(2)]
    monkeypatch.undo()
    assert drained(spool) == [a_record(1)]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    spool = spool_in(tmp_path / "file" / "spool")
    with pytest.raises(Unavailable, match="spool"):
        spool.append([a_record(1)])
    assert spool.take() is None
    assert spool.state().size_bytes == 0


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Who went where is nobody else's business."""
    spool = spool_in(tmp_path / "spool")
    spool.append([a_record(1)])
    assert the_part(tmp_path / "spool").stat().st_mode & 0o777 == 0o600
    spool.close()
    assert os.listdir(tmp_path / "spool")  # noqa: PTH208 # a look, not work
