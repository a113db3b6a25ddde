"""The commands that forget: what they say, and that nobody erases by mistake."""

import json
from io import StringIO

import pytest

from taxi_predictor.apps.commands.retention import erase, prune
from taxi_predictor.apps.container import Container
from taxi_predictor.domain.errors import Invalid

pytestmark = pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.memory.NotForProduction")


@pytest.fixture(autouse=True)
def _in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAXI_PROFILE", "memory")


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


async def test_pruning_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    await prune(keep_days=30, json=True)
    assert printed(capsys) == {"predictions": 0, "outcomes": 0, "blurred": 0}
    await prune(keep_days=30, blur_after_days=7)
    assert capsys.readouterr().out.splitlines() == [
        "0 predictions and 0 outcomes removed",
        "The places of 0 predictions rounded",
    ]
    await prune(keep_days=0)
    assert "kept for ever" in capsys.readouterr().out


async def test_erasing_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    await erase(reference="rider-7", yes=True, json=True)
    assert printed(capsys) == {"predictions": 0, "outcomes": 0, "trips": 0, "is_all_shipped": True}


@pytest.mark.parametrize(("said", "why"), [("n\n", "nothing was erased"), ("", "--yes")])
async def test_whoever_is_not_sure_erases_nothing(
    monkeypatch: pytest.MonkeyPatch, said: str, why: str
) -> None:
    def refuse(*_: object) -> Container:
        raise AssertionError("opened")

    monkeypatch.setattr("taxi_predictor.apps.commands.retention.opened", refuse)
    monkeypatch.setattr("sys.stdin", StringIO(said))
    with pytest.raises(Invalid, match=why):
        await erase(owner="ada")


async def test_whoever_is_sure_erases(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))
    await erase(owner="ada")
    assert "0 predictions, 0 outcomes and 0 trips erased" in capsys.readouterr().out
