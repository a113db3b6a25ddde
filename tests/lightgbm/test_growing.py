"""Rows beside the memory are those that were laid there, and trees grown from shares of them are as good."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.evaluators import evaluator_of
from taxi_predictor.adapters.lightgbm.forest import Forest
from taxi_predictor.adapters.lightgbm.growing import (
    grow,
    grow_in_stages,
    grow_until_it_stops_helping,
    stages_of,
)
from taxi_predictor.adapters.lightgbm.recipe import CENTRE_RECIPE
from taxi_predictor.adapters.lightgbm.row_file import RowFile, Rows
from taxi_predictor.adapters.lightgbm.rows import TrainingRows
from taxi_predictor.domain.errors import Unavailable

ROWS, NAMES = 20_000, ("a", "b", "c")
QUICK = CENTRE_RECIPE | {"num_leaves": 15, "learning_rate": 0.2, "alpha": 1.0}


@contextmanager
def some_rows(folder: Path | None = None, *, rows: int = ROWS) -> Iterator[TrainingRows]:
    """What there is to learn changes from one end to the other, so that a share of one end would not do."""
    rng = np.random.default_rng(7)
    features = np.column_stack([rng.normal(size=rows), rng.integers(0, 7, rows), np.arange(rows) / rows])
    log_s = features[:, 0] + 0.1 * features[:, 1] + 3 * features[:, 2] + 0.2 * rng.normal(size=rows)
    with RowFile.opened(3, 1, folder=folder) as (file, targets):
        for first in range(0, rows, 7_000):
            file.append(features[first : first + 7_000])
            targets.append(log_s[first : first + 7_000, np.newaxis])
        yield TrainingRows(NAMES, file, targets, rows * 9 // 10)


def quiet(done: float) -> None:
    """Nobody watches."""


def grown_in_stages(rows: TrainingRows, *, rounds: int, stages: int) -> lightgbm.Booster:
    return grow_in_stages(QUICK, rows.all, names=NAMES, seed=1, rounds=rounds, stages=stages, advance=quiet)


def test_rows_are_read_as_they_were_appended(tmp_path: Path) -> None:
    with some_rows(tmp_path) as rows:
        everything = rows.features.read(0, ROWS)
        some = np.array([0, 1, 6_999, 7_000, ROWS - 1])
        window = rows.fitted.features
        assert everything.shape == (ROWS, 3)
        assert (np.diff(everything[:, 2]) > 0).all()
        assert (rows.features.take(some) == everything[some]).all()
        assert (window[17] == everything[17]).all()
        assert (window[17:9_000] == everything[17:9_000]).all()
        assert (window[[3, 17]] == everything[[3, 17]]).all()
        assert (rows.unseen.features[:] == everything[ROWS * 9 // 10 :]).all()
        assert (rows.all.labels() == rows.log_s.read(0, ROWS)[:, 0].astype(np.float32)).all()
        assert list(tmp_path.iterdir()) == [], "nobody else sees the file"


@pytest.mark.parametrize("shares", [1, 2, 3, 7])
def test_shares_are_all_rows_once_and_each_is_spread_over_them(shares: int) -> None:
    with some_rows() as rows:
        everything = rows.fitted.features[:]
        found = []
        for number in range(shares):
            share = rows.fitted.share(number, shares, seed=1)
            read = np.vstack(list(share.features.blocks()))
            assert len(share) == len(read)
            assert (np.diff(read[:, 2]) > 0).all(), "in the order of time"
            assert (
                np.array([share.features[place] for place in (0, 1_500, -1 % len(read))])
                == read[[0, 1_500, -1]]
            ).all()
            some = np.arange(0, len(read), 97)
            assert (share.features.take(some) == read[some]).all()
            assert read[:, 2].mean() == pytest.approx(0.45, abs=0.15)
            found.append(read)
        together = np.vstack(found)
        assert (together[np.argsort(together[:, 2])] == everything).all()


def test_stages_make_one_booster_that_says_what_they_say_together() -> None:
    with some_rows() as rows:
        booster = grown_in_stages(rows, rounds=50, stages=stages_of(ROWS, 6_000))
        whole = grow(
            QUICK, rows.all.features, rows.all.labels(), names=NAMES, seed=1, rounds=50, advance=quiet
        )
        asked, actual = rows.features.read(0, ROWS), rows.log_s.read(0, ROWS)[:, 0]
    assert booster.num_trees() == whole.num_trees() == 50
    assert booster.feature_name() == list(NAMES)
    missed, usual = (float(np.abs(one.predict(asked) - actual).mean()) for one in (booster, whole))
    assert missed < 1.05 * usual < 0.25
    text = booster.model_to_string()
    again = lightgbm.Booster(model_str=text)
    assert (again.predict(asked) == booster.predict(asked)).all()
    evaluator = evaluator_of(again, again, lambda: Forest.of(text, text))
    assert np.allclose(evaluator.ask(asked[:500], 1)[0], booster.predict(asked[:500]), rtol=1e-9)


def test_one_share_is_a_plain_training_and_no_row_is_left_out_for_want_of_rounds() -> None:
    with some_rows() as rows:
        plain = grow(
            QUICK, rows.all.features, rows.all.labels(), names=NAMES, seed=1, rounds=5, advance=quiet
        )
        staged = grown_in_stages(rows, rounds=5, stages=stages_of(ROWS))
        few = grown_in_stages(rows, rounds=2, stages=stages_of(ROWS, 1_000))
    assert staged.model_to_string() == plain.model_to_string()
    assert few.num_trees() == 2


def test_a_share_says_when_to_stop() -> None:
    with some_rows() as rows:
        known = grow_until_it_stops_helping(QUICK, rows, seed=1, rounds=200, advance=quiet)
        shared = grow_until_it_stops_helping(
            QUICK, rows, seed=1, rounds=200, advance=quiet, share_trips=5_000
        )
    assert 1 < shared.best_iteration <= 200
    assert shared.best_score["valid_0"]["l1"] == pytest.approx(known.best_score["valid_0"]["l1"], rel=0.2)


def test_a_file_that_was_cut_is_an_error_and_no_endless_loop(tmp_path: Path) -> None:
    with RowFile.opened(3, folder=tmp_path) as [file]:
        file.append(np.zeros((2, 3)))
        with pytest.raises(Unavailable):
            Rows(file, 0, 9)[:]


def test_rows_far_into_a_file_are_found(tmp_path: Path) -> None:
    """LightGBM asks for them by numbers of 32 bits, and bytes are more than these can count."""
    rows = 100_000_000
    with RowFile.opened(3, folder=tmp_path) as [file]:
        file._file.truncate(rows * 3 * 8)  # it takes no room on the disk
        file.rows = rows
        for window in (Rows(file, 0, rows), Rows(file, 0, rows).share(1, 2, seed=1)):
            assert (window[np.int32(len(window) - 1)] == 0).all()
            assert (window[np.int32(1)] == 0).all()
