"""What a cluster must not do is refused, with what to do instead; none is needed to see that."""

import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxi_predictor.adapters.dask.machines import open_machines
from taxi_predictor.adapters.lightgbm.growing import PATIENCE_ROUNDS, grow, grow_until_it_stops_helping
from taxi_predictor.adapters.lightgbm.recipe import CENTRE_RECIPE
from taxi_predictor.adapters.lightgbm.row_file import STRETCH_ROWS, RowFile
from taxi_predictor.adapters.lightgbm.rows import TrainingRows
from taxi_predictor.adapters.lightgbm.shares import ALL_TRIPS, Share
from taxi_predictor.adapters.lightgbm.team import GrownShare
from taxi_predictor.adapters.lightgbm.ways import Together, rounds_that_help
from taxi_predictor.adapters.memory.machines import MemoryMachines
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.apps.cities import load_city
from taxi_predictor.apps.cluster import clustered, on_machines
from taxi_predictor.apps.extras import NotInstalled
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Unavailable, UnlikeMachines
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.machines import Machines, Member
from taxi_predictor.ports.testing.samples import NOON

CITY = load_city("new-york")
QUICK = CENTRE_RECIPE | {"num_leaves": 7, "learning_rate": 0.3, "alpha": 1.0}


@dataclass(frozen=True, slots=True)
class Says(Machines):
    """A team that came to this, whatever it was to do."""

    made: Sequence[Any]

    async def count(self) -> int:
        return len(self.made)

    async def each(self, do: Callable[[Any], Any], parts: Sequence[Any], /) -> AsyncGenerator[Any, None]:
        for part in parts:
            yield part

    async def together(self, do: Callable[[Member], Any], /) -> Sequence[Any]:
        return self.made


def unheard(done: float) -> None:
    """Nobody watches."""


def a_share(trips: int, digest: str = "a") -> GrownShare:
    return GrownShare(trips=trips, digest=digest, text="")


@pytest.mark.parametrize(
    "made",
    [
        [a_share(5_000), a_share(4_999)],
        [a_share(5_000), a_share(5_001)],
        [a_share(5_000), a_share(5_000, digest="b")],
        [a_share(5_000), None],
    ],
    ids=["one trip is missing", "one is there twice", "other trees", "half of the team"],
)
async def test_trees_that_not_all_members_grew_of_all_trips_are_no_model(made: Sequence[Any]) -> None:
    fit, validate, held_out, until = (NOON + timedelta(days=day) for day in range(4))
    split = TimeSplit(fit_from=fit, validate_from=validate, held_out_from=held_out, until=until)
    data = TrainingData(city=CITY, split=split, batches=[], trips=10_000, sources=())
    together = Together(Says(made), seed=1, scratch=None)
    with pytest.raises(Unavailable, match="have not grown the same trees of 10,000 trips"):
        await together.centre(data, no_rows(), QUICK, 3, unheard)


def no_rows() -> TrainingRows:
    with RowFile.opened(1, 1, folder=None) as (features, log_s):
        return TrainingRows(("a",), features, log_s, 0)


@pytest.mark.parametrize("shares", [1, 2, 3, 7])
@pytest.mark.parametrize("trips", [1, STRETCH_ROWS * 9, STRETCH_ROWS * 40 + 17])
def test_shares_are_all_trips_once_however_they_come(trips: int, shares: int) -> None:
    seen = np.zeros(trips, dtype=int)
    for number in range(shares):
        share = Share(number=number, shares=shares, trips=trips, seed=1)
        whole = share.mask(0, trips)
        edges = [0, trips // 3, trips // 2, trips]
        cut = np.concatenate([share.mask(*window) for window in pairwise(edges)])
        assert (whole == cut).all()
        assert whole.sum() == pytest.approx(trips / shares, abs=STRETCH_ROWS)
        seen += whole
    assert (seen == 1).all()
    assert ALL_TRIPS.mask(3, 9).all()


def test_the_rounds_that_help_are_those_that_lightgbm_would_have_stopped_at() -> None:
    rng = np.random.default_rng(7)
    features = rng.normal(size=(3_000, 3))
    log_s = features[:, :1] + 0.8 * rng.normal(size=(3_000, 1))
    with RowFile.opened(3, 1, folder=None) as (file, targets):
        file.append(features)
        targets.append(log_s)
        rows = TrainingRows(("a", "b", "c"), file, targets, 2_500)
        stopped = grow_until_it_stops_helping(QUICK, rows, seed=1, rounds=200, advance=unheard)
        window = rows.fitted
        whole = grow(
            QUICK, window.features, window.labels(), names=rows.names, seed=1, rounds=200, advance=unheard
        )
        helped = rounds_that_help(whole, rows.unseen)
    assert stopped.current_iteration() < 200 - PATIENCE_ROUNDS
    assert helped == stopped.best_iteration


async def test_machines_that_do_not_see_the_folder_are_refused_before_they_do_anything(
    tmp_path: Path,
) -> None:
    settings = Settings(profile="memory", cluster_folder=tmp_path / "shared")
    with pytest.raises(
        UnlikeMachines, match=r"host-b of the cluster does not see .*/shared: .*TAXI_CLUSTER_FOLDER"
    ):
        async with on_machines(Says([None, "host-b", "host-b"]), settings):
            pytest.fail("one of them is blind")
    async with on_machines(MemoryMachines(2), settings):
        assert len(list((tmp_path / "shared").iterdir())) == 1  # a look
    assert list((tmp_path / "shared").iterdir()) == []  # as above


async def test_where_dask_is_not_installed_it_is_said_how_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "taxi_predictor.adapters.dask.machines", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(NotInstalled, match=r"pip install 'taxi-predictor\[cluster\]'"):
        async with clustered(Settings(profile="memory"), MemoryProgress()):
            pytest.fail("there is no Dask")


async def test_nobody_at_an_address_is_said_so() -> None:
    with pytest.raises(Unavailable, match="no Dask scheduler answers at tcp"):
        async with open_machines("tcp://127.0.0.1:9", MemoryProgress(), patience_s=0.5):
            pytest.fail("there is one")
    with pytest.raises(Unavailable, match="TLS"):
        async with open_machines("tls://127.0.0.1:9", MemoryProgress(), patience_s=0.5):
            pytest.fail("there is no certificate")
