"""Who answers when the champion cannot."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from polars_tables import Polars
from taxi_predictor.adapters.columns.speeds import SPEEDS_FILE, fallback_model
from taxi_predictor.adapters.disk import shelf as disk
from taxi_predictor.adapters.disk.shelf import DiskModelShelf, champion_folder
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.domain.errors import BrokenModel, NoChampion
from taxi_predictor.domain.model import MANIFEST_FILE, ModelArtifact, ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.answers import ladder as module
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.testing.samples import NOON, a_history, a_trip
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.training import fit
from waiting import eventually

CHAMPION, LAST_GOOD, SPEED_PROFILE, FALLBACK_SPEED = AnswerSource
ONE, TWO = ModelVersion(1), ModelVersion(2)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    trainer = LightgbmTrainer(clock=MemoryClock(NOON))
    return asyncio.run(fit(Polars(), trainer, a_history(), tmp_path_factory.mktemp("model")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def shelf(folder: Path) -> DiskModelShelf:
    return DiskModelShelf(folder, LightgbmLoader())


def a_ladder(folder: Path, lowest: AnswerSource = FALLBACK_SPEED) -> Ladder:
    """That of a process which has nothing in memory yet."""
    shelf = DiskModelShelf(folder, LightgbmLoader())
    return Ladder(shelf=shelf, fallback=fallback_model(A_CITY), lowest=lowest)


def damage(folder: Path, *names: str) -> None:
    """Change files of the champion so that they look sound."""
    champion = champion_folder(folder)
    assert champion is not None
    for name in names:
        path = champion / name
        path.write_bytes(path.read_bytes().replace(b"1", b"2"))


def test_the_champion_answers_where_it_can(
    folder: Path, shelf: DiskModelShelf, artifact: ModelArtifact
) -> None:
    shelf.place(ONE, artifact)
    served = a_ladder(folder).serving()
    assert (served.version, served.source, served.trouble) == (ONE, CHAMPION, None)


def test_the_former_model_stands_in_for_a_damaged_champion(
    folder: Path, shelf: DiskModelShelf, artifact: ModelArtifact
) -> None:
    shelf.place(ONE, artifact)
    shelf.place(TWO, artifact)
    damage(folder, CENTRE_FILE)
    served = a_ladder(folder).serving()
    assert (served.version, served.source) == (ONE, LAST_GOOD)
    assert "sha256 differs" in (served.trouble or "")


def test_the_speeds_that_came_with_it_stand_in_where_there_is_no_former_model(
    folder: Path, shelf: DiskModelShelf, artifact: ModelArtifact
) -> None:
    shelf.place(ONE, artifact)
    trained = a_ladder(folder).serving().model.estimate([a_trip(1).plan])[0].median_s()
    damage(folder, CENTRE_FILE)
    served = a_ladder(folder).serving()
    assert (served.version, served.source) == (ONE, SPEED_PROFILE)
    usual = served.model.estimate([a_trip(1).plan])[0].median_s()
    assert usual == pytest.approx(trained, rel=0.5)


@pytest.mark.parametrize("names", [(CENTRE_FILE, SPEEDS_FILE), (MANIFEST_FILE,)])
def test_without_a_sound_file_the_city_has_one_speed(
    folder: Path, shelf: DiskModelShelf, artifact: ModelArtifact, names: tuple[str, ...]
) -> None:
    shelf.place(ONE, artifact)
    damage(folder, *names)
    served = a_ladder(folder).serving()
    assert (served.version, served.source) == (None, FALLBACK_SPEED)


def test_before_the_first_promotion_the_city_has_one_speed(folder: Path) -> None:
    served = a_ladder(folder).serving()
    assert (served.version, served.source) == (None, FALLBACK_SPEED)
    assert "promote" in (served.trouble or "")
    plan = a_trip(1).plan
    [distribution] = served.model.estimate([plan])
    assert 60 <= distribution.median_s() < 3600
    low_s, high_s = distribution.interval_s(0.8)
    assert low_s < distribution.median_s() < high_s


def test_what_serves_from_memory_does_not_hide_that_its_files_are_damaged(
    folder: Path, shelf: DiskModelShelf, artifact: ModelArtifact
) -> None:
    """And when they are replaced, the one that served before them still stands behind."""
    shelf.place(ONE, artifact)
    shelf.place(TWO, artifact)
    served = shelf.champion()
    damage(folder, CENTRE_FILE)
    assert shelf.champion() is served
    with pytest.raises(BrokenModel):
        shelf.check()
    shelf.place(TWO, artifact)
    shelf.check()
    assert shelf.former().version == ONE


@pytest.mark.parametrize("lowest", AnswerSource)
def test_no_step_below_the_lowest_is_taken(
    folder: Path, shelf: DiskModelShelf, artifact: ModelArtifact, lowest: AnswerSource
) -> None:
    shelf.place(ONE, artifact)
    damage(folder, CENTRE_FILE)
    expected = {SPEED_PROFILE: SPEED_PROFILE, FALLBACK_SPEED: SPEED_PROFILE}.get(lowest)
    ladder = a_ladder(folder, lowest)
    if expected is None:
        with pytest.raises(BrokenModel, match="sha256 differs"):
            ladder.serving()
    else:
        assert ladder.serving().source is expected


def test_what_is_in_memory_goes_on_when_its_successor_is_damaged(
    folder: Path, shelf: DiskModelShelf, artifact: ModelArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when its own files are gone; and a sound successor takes over."""
    shelf.place(ONE, artifact)
    ladder = a_ladder(folder)
    served = ladder.serving()
    own = champion_folder(folder)
    shelf.place(TWO, artifact)
    damage(folder, CENTRE_FILE)
    assert own is not None
    shutil.rmtree(own)
    for _again in range(2):
        standing_in = ladder.refresh()
        assert (standing_in.model, standing_in.source) == (served.model, LAST_GOOD)
    shelf.place(TWO, artifact)
    assert (ladder.refresh().version, ladder.refresh().source) == (TWO, CHAMPION)


def test_a_damaged_champion_is_not_read_again_and_again(
    folder: Path, shelf: DiskModelShelf, artifact: ModelArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But after a while, for a disk may recover."""
    shelf.place(ONE, artifact)
    damage(folder, CENTRE_FILE)
    reads = []

    class Counting(LightgbmLoader):
        def open(self, folder: Path, /):  # type: ignore[no-untyped-def]
            reads.append(folder)
            return super().open(folder)

    ladder = Ladder(
        shelf=DiskModelShelf(folder, Counting()), fallback=fallback_model(A_CITY), lowest=SPEED_PROFILE
    )
    for _ in range(5):
        ladder.refresh()
    assert len(reads) == 1
    monkeypatch.setattr(disk, "LOOK_AGAIN_S", 0.0)
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    ladder.refresh()
    assert len(reads) == 2


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.01)


@pytest.mark.usefixtures("hurried")
async def test_whoever_follows_sees_a_new_champion_by_itself(
    folder: Path, shelf: DiskModelShelf, artifact: ModelArtifact
) -> None:
    """Until then the former one answers, without a wait for the new one to be loaded."""
    ladder = a_ladder(folder)
    assert ladder.serving().source is FALLBACK_SPEED
    following = asyncio.create_task(ladder.follow())
    shelf.place(ONE, artifact)
    await eventually(lambda: ladder.serving().source is CHAMPION, "the champion answers")
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


@pytest.mark.usefixtures("hurried")
async def test_following_survives_whatever_goes_wrong(folder: Path) -> None:
    class Odd(DiskModelShelf):
        def champion(self):  # type: ignore[no-untyped-def]
            calls.append(1)
            raise (RuntimeError if len(calls) == 1 else NoChampion)("odd")

    calls: list[int] = []
    ladder = Ladder(
        shelf=Odd(folder, LightgbmLoader()), fallback=fallback_model(A_CITY), lowest=FALLBACK_SPEED
    )
    following = asyncio.create_task(ladder.follow())
    await eventually(lambda: len(calls) >= 3, "it looks again")
    assert not following.done()
    following.cancel()
    assert ladder.serving().source is FALLBACK_SPEED
