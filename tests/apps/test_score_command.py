"""The score command: what it writes, says and refuses."""

import json
from pathlib import Path

import polars as pl
import pytest

from buckets import a_bucket
from taxi_predictor.apps.commands.scoring import score
from taxi_predictor.domain.errors import Invalid, MissingSource, NoChampion

pytestmark = pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.memory.NotForProduction")

TRIPS = """\
pickup_at,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,id
2024-03-01T08:30,40.7580,-73.9855,40.6465,-73.7865,a
no trip
"""


@pytest.fixture(autouse=True)
def _in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAXI_PROFILE", "memory")


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    path = tmp_path / "trips.csv"
    path.write_text(TRIPS)
    return path


async def test_the_ending_says_how_answers_are_written(
    trips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("answers.jsonl", "answers.parquet"):
        await score(str(trips), out=str(tmp_path / name), coverage=0.5)
        assert "1 trips predicted, 1 refused" in capsys.readouterr().err
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert pl.read_parquet(tmp_path / "answers.parquet").to_dicts() == lines
    assert [(line["reference"], line["problem"]) for line in lines] == [("a", None), (None, "malformed-row")]


async def test_a_bucket_is_read_and_written(
    trips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await score(str(trips), out=str(tmp_path / "answers.csv"))
    with a_bucket() as bucket:
        with bucket.open_output_stream("trips/in/trips.csv") as file:
            file.write(TRIPS.encode())
        await score("s3://trips/in/trips.csv", out="s3://trips/out/answers.csv")
        with bucket.open_input_stream("trips/out/answers.csv") as file:
            assert bytes(file.read()) == (tmp_path / "answers.csv").read_bytes()


@pytest.mark.parametrize(
    ("source", "target", "coverage", "why"),
    [
        ("trips.csv", "answers.xlsx", 0.8, "ends in none of"),
        ("trips.csv.gz", "answers.csv", 0.8, "ends in none of"),
        ("trips.csv", "trips.csv", 0.8, "the file of trips itself"),
        ("trips.csv", "answers.csv", 1.0, "between 0.01 and 0.99"),
        ("none.csv", "answers.csv", 0.8, "no such file"),
    ],
)
@pytest.mark.usefixtures("trips")
async def test_what_cannot_be_scored_is_refused_and_leaves_nothing(
    tmp_path: Path, source: str, target: str, coverage: float, why: str
) -> None:
    with pytest.raises((Invalid, MissingSource), match=why):
        await score(str(tmp_path / source), out=str(tmp_path / target), coverage=coverage)
    assert [path.name for path in tmp_path.iterdir()] == ["trips.csv"]  # noqa: ASYNC240 # a look, not work


@pytest.mark.parametrize(
    ("source", "target", "cluster", "why"),
    [
        ("trips.csv", "answers.csv", True, "--cluster answers the files of a folder"),
        ("folder", "folder/answers", False, "would mix answers with the trips"),
        ("folder", ".", False, "would mix answers with the trips"),
        ("folder", "folder", False, "would mix answers with the trips"),
        ("folder", "answers.csv", False, "ends in none of"),
        ("trips.csv", "answers", False, "ends in none of"),
        ("none", "answers", False, "is not a folder"),
    ],
)
@pytest.mark.usefixtures("trips")
async def test_folders_that_cannot_be_scored_are_refused_and_nothing_is_left(
    tmp_path: Path, source: str, target: str, cluster: bool, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Invalid, match=why):
        await score(str(tmp_path / source), out=str(tmp_path / target), cluster=cluster)
    with pytest.raises(Invalid, match="not into a bucket"):
        await score(str(tmp_path / "folder"), out="s3://trips/answers")
    assert {path.name for path in tmp_path.iterdir()} == {"trips.csv", "folder"}  # noqa: ASYNC240 # a look


async def test_a_folder_is_answered_by_a_champion_or_not_at_all(trips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(MissingSource, match="no file of trips"):
        await score(str(folder), out=str(tmp_path / "answers"))
    trips.rename(folder / "trips.csv")  # noqa: ASYNC240 # a move, not work
    with pytest.raises(NoChampion, match="train and promote one"):
        await score(str(folder), out=str(tmp_path / "answers"))
