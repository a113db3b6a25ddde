"""One row at a time gives what LightGBM gives for all rows."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.scorer import RowScorer

FEATURES = 7


@pytest.fixture(scope="module")
def booster() -> lightgbm.Booster:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(3_000, FEATURES))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    target = np.nansum(rows, axis=1) + rng.normal(size=len(rows))
    params = {"verbosity": -1, "num_threads": 1, "num_leaves": 63}
    return lightgbm.train(params, lightgbm.Dataset(rows, target), num_boost_round=60)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Some that the model never saw, some of them far out, some with holes."""
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(500, FEATURES)) * rng.choice([1.0, 1e6], size=(500, 1))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


def test_each_row_is_predicted_as_among_all(booster: lightgbm.Booster, rows: np.ndarray) -> None:
    score = RowScorer(booster)
    assert [score(row) for row in rows.tolist()] == [[said] for said in booster.predict(rows).tolist()]


def test_several_boosters_are_asked_about_the_same_row(booster: lightgbm.Booster, rows: np.ndarray) -> None:
    other = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=7))
    score = RowScorer(booster, other)
    expected = np.column_stack([booster.predict(rows), other.predict(rows)]).tolist()
    assert [score(row) for row in rows.tolist()] == expected


def test_threads_do_not_get_each_others_answers(booster: lightgbm.Booster, rows: np.ndarray) -> None:
    score = RowScorer(booster)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(score, rows.tolist() * 20))
    assert found == [[said] for said in booster.predict(rows).tolist()] * 20


def test_scorers_come_and_go(booster: lightgbm.Booster, rows: np.ndarray) -> None:
    expected = booster.predict(rows[:1])[0]
    for _ in range(200):
        assert RowScorer(booster)(rows[0].tolist()) == [expected]
    gc.collect()
    assert RowScorer(booster)(rows[0].tolist()) == [expected]


def test_a_row_of_another_length_is_an_error(booster: lightgbm.Booster) -> None:
    with pytest.raises(ValueError, match="size"):
        RowScorer(booster)([0.0] * (FEATURES - 1))
