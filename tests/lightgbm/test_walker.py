"""Our own evaluator says what LightGBM says, of any booster that it takes; the others it refuses."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.lightgbm.booster_text import Unwalkable
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.evaluators import LIGHTGBM, WALKER, asking, evaluator_of
from taxi_predictor.adapters.lightgbm.forest import MOST_THRESHOLDS, NEARLY_ZERO, Forest
from taxi_predictor.adapters.lightgbm.forest_file import kept_forest
from taxi_predictor.adapters.lightgbm.machine_code import NARROW, WIDE, MachineCode
from taxi_predictor.adapters.lightgbm.soundness import Unsound, sound_text
from taxi_predictor.adapters.lightgbm.walker import Walker

FEATURES, CATEGORICAL = 6, 3
"""The last ones are categories."""
OBJECTIVES = (
    "regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie",
    "binary", "cross_entropy", "cross_entropy_lambda",
)  # fmt: skip

recipes = st.fixed_dictionaries(
    {
        "objective": st.sampled_from(OBJECTIVES),
        "num_leaves": st.sampled_from([2, 3, 7, 31, 200]),
        "min_data_in_leaf": st.sampled_from([1, 5]),
        "boosting": st.sampled_from(["gbdt", "gbdt", "rf", "dart"]),
        "zero_as_missing": st.booleans(),
        "use_missing": st.booleans(),
        "max_bin": st.sampled_from([15, 255, 1_000]),
        "max_cat_to_onehot": st.sampled_from([1, 4, 64]),
        "reg_sqrt": st.booleans(),
        "sigmoid": st.sampled_from([0.5, 2.0]),
    }
)


def some_rows(rng: np.random.Generator, count: int, holes: float) -> np.ndarray:
    """Numbers and categories, with holes, with zeros of several kinds, some far out."""
    rows = rng.normal(size=(count, FEATURES)) * rng.choice([1.0, 1e6], size=(count, 1), p=[0.9, 0.1])
    rows[:, -CATEGORICAL:] = rng.integers(0, [3, 40, 400], size=(count, CATEGORICAL))
    rows[rng.random(rows.shape) < holes] = np.nan
    zeros = rng.choice([0.0, -0.0, NEARLY_ZERO, -NEARLY_ZERO, 2 * NEARLY_ZERO, 1e-300], rows.shape)
    return np.where(rng.random(rows.shape) < holes / 2, zeros, rows)


def asked_rows(rng: np.random.Generator, learned: np.ndarray, forest: Forest) -> np.ndarray:
    """Such as were learned, others, and what lies on thresholds; categories nobody has seen, and odd ones."""
    rows = np.vstack([learned[:100], some_rows(rng, 150, 0.2)])
    odd = [-1.0, -0.5, 2.5, 399.9, 1e9, 1e300, np.inf, -np.inf, -7.0]
    known = [*odd, *chain.from_iterable(map(forest.splits_of, range(FEATURES)))]
    return np.where(rng.random(rows.shape) < 0.3, rng.choice(known, rows.shape), rows)


def grown(recipe: dict[str, Any], seed: int, holes: float = 0.1) -> tuple[lightgbm.Booster, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = some_rows(rng, 400, holes)
    signal = np.abs(np.nansum(np.clip(rows, -3, 3), axis=1) + rows[:, -1] % 3) + rng.random(len(rows))
    target = np.nan_to_num(signal, nan=0.5) + 0.1
    if recipe["objective"] in ("binary", "cross_entropy", "cross_entropy_lambda"):
        target = (target > np.median(target)).astype(float)
    forest_only = {"bagging_freq": 1, "bagging_fraction": 0.6} if recipe.get("boosting") == "rf" else {}
    params = {"verbosity": -1, "num_threads": 1, "seed": seed, "min_data_in_bin": 1, **forest_only, **recipe}
    kinds = list(range(FEATURES - CATEGORICAL, FEATURES))
    data = lightgbm.Dataset(rows, target, categorical_feature=kinds, params={"verbosity": -1})
    return lightgbm.train(params, data, num_boost_round=12), rows


@settings(max_examples=60, deadline=None)
@given(recipe=recipes, seed=st.integers(0, 10_000), holes=st.sampled_from([0.0, 0.1, 0.5]))
def test_any_booster_is_walked_as_lightgbm_walks_it(recipe: dict[str, Any], seed: int, holes: float) -> None:
    booster, learned = grown(recipe, seed, holes)
    forest = Forest.of(booster.model_to_string())
    rows = asked_rows(np.random.default_rng(seed), learned, forest)
    walker, expected = Walker(forest), booster.predict(rows, num_threads=1)
    assert walker.of_rows(rows)[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    one_by_one = [walker.of_few([row])[0] for row in rows.tolist()]
    assert one_by_one == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(recipe=recipes, seed=st.integers(0, 10_000), holes=st.sampled_from([0.0, 0.5]))
def test_any_booster_that_is_one_sum_of_trees_is_sound(
    recipe: dict[str, Any], seed: int, holes: float
) -> None:
    """Whether they split by numbers or by categories; unless it may answer more than any duration, or only
    asks whether a number is missing.
    """
    booster, learned = grown(recipe, seed, holes)
    text = booster.model_to_string()
    try:
        sound = sound_text(text, booster.feature_name())
    except Unsound as error:
        is_endless = re.search(r"(?m)^threshold=.*\binf\b", text) is not None
        assert recipe["boosting"] == "rf" or is_endless or "more than any duration" in str(error)  # noqa: PT017 # or none
        return
    # Each adds leaves up in an order of its own, and so may round otherwise.
    farthest = np.abs(booster.predict(learned, raw_score=True, num_threads=1)).max()
    assert farthest <= sound.farthest * (1 + 1e-12)


@pytest.fixture(scope="module")
def pair() -> tuple[lightgbm.Booster, lightgbm.Booster, np.ndarray]:
    """Of different sizes, and rows."""
    centre, rows = grown({"objective": "l1", "num_leaves": 63}, 1)
    spread, _ = grown({"objective": "quantile", "alpha": 0.8, "num_leaves": 7}, 2)
    return centre, spread, rows


Pair = tuple[lightgbm.Booster, lightgbm.Booster, np.ndarray]


@pytest.fixture(scope="module", params=[NARROW, WIDE])
def code(request: pytest.FixtureRequest) -> MachineCode:
    """As it is made for machines with narrow and with wide words."""
    return MachineCode(request.param)


@pytest.mark.parametrize("count", [1, 2, 16, 17, 63, 64, 65, 255, 256, 257, 400])
def test_both_boosters_answer_for_any_number_of_rows_to_the_last_bit(
    pair: Pair, code: MachineCode, count: int
) -> None:
    *boosters, rows = pair
    walker = Walker(Forest.of(*(booster.model_to_string() for booster in boosters)), code)
    expected = [booster.predict(rows[:count], num_threads=1).tolist() for booster in boosters]
    assert walker.of_rows(rows[:count]).tolist() == expected
    assert walker.of_few(rows[:count].tolist()) == [*expected[0], *expected[1]]


def test_threads_do_not_get_each_others_answers(pair: Pair) -> None:
    *boosters, rows = pair
    walker = Walker(Forest.of(*(booster.model_to_string() for booster in boosters)))
    expected = walker.of_rows(rows)
    with ThreadPoolExecutor(8) as threads:
        many = list(threads.map(walker.of_rows, [rows] * 20))
        few = list(threads.map(walker.of_few, [[row] for row in rows.tolist()] * 5))
    assert all((said == expected).all() for said in many)
    assert few == expected.T.tolist() * 5


@pytest.mark.parametrize("count", [0, 1, 1_000, 2_048, 5_001])
def test_several_threads_say_what_one_says(pair: Pair, count: int) -> None:
    *boosters, rows = pair
    walker = Walker(Forest.of(*(booster.model_to_string() for booster in boosters)))
    many = np.resize(rows, (count, FEATURES))
    assert (walker.of_rows(many, threads=3) == walker.of_rows(many)).all()
    assert (walker.of_rows(many, threads=0) == walker.of_rows(many)).all()


def test_more_thresholds_than_a_byte_can_tell_apart_are_told_apart() -> None:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(3_000, 2))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    rows[rng.random(rows.shape) < 0.1] = 0.0
    params = {"verbosity": -1, "num_threads": 1, "num_leaves": 700, "max_bin": 2_000, "min_data_in_bin": 1}
    data = lightgbm.Dataset(rows, rng.random(len(rows)), params={"verbosity": -1})
    booster = lightgbm.train({**params, "min_data_in_leaf": 1}, data, num_boost_round=5)
    walker = Walker(Forest.of(booster.model_to_string()))
    assert len(walker.splits_of(0)) > 2 * MOST_THRESHOLDS
    known = np.array(walker.splits_of(0) + walker.splits_of(1))
    rows[: len(known), 0] = known
    rows[-len(known) :, 1] = np.nextafter(known, np.inf)
    expected = booster.predict(rows, num_threads=1).tolist()
    assert walker.of_rows(rows)[0].tolist() == expected
    assert [walker.of_few([row])[0] for row in rows[::50].tolist()] == expected[::50]


def test_rows_that_are_alike_and_rows_that_are_not_are_walked_alike(pair: Pair, code: MachineCode) -> None:
    """Equal ones, which never part; ones in any order; and ones of which each goes its own way."""
    *boosters, rows = pair
    walker = Walker(Forest.of(*(booster.model_to_string() for booster in boosters)), code)
    rng = np.random.default_rng(6)
    for some in (np.repeat(rows[:5], 100, axis=0), rng.permutation(np.tile(rows, (3, 1))), rows[::-1]):
        expected = [booster.predict(some, num_threads=1).tolist() for booster in boosters]
        assert walker.of_rows(some).tolist() == expected


def test_rows_of_another_length_are_an_error(pair: Pair) -> None:
    walker = Walker(Forest.of(pair[0].model_to_string()))
    with pytest.raises(ValueError, match="features"):
        walker.of_rows(np.zeros((2, FEATURES + 1)))
    with pytest.raises(ValueError, match="features"):
        walker.of_few([[0.0] * (FEATURES - 1)])


def test_the_walker_answers_where_it_can(pair: Pair) -> None:
    centre, spread, rows = pair
    evaluator, by_lightgbm = evaluator_of(centre, spread), asking(centre, spread)
    assert evaluator.name == WALKER
    for said, expected in zip(evaluator.ask(rows, 1), by_lightgbm(rows, 1), strict=True):
        assert said.tolist() == expected.tolist()


def exotic(**recipe: Any) -> lightgbm.Booster:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(300, FEATURES))
    target = rng.integers(0, 3, 300) if "num_class" in recipe else rows[:, 0]
    params = {"verbosity": -1, "num_threads": 1, **recipe}
    return lightgbm.train(params, lightgbm.Dataset(rows, target), num_boost_round=3)


def test_what_it_cannot_walk_lightgbm_answers(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """And the log says so."""
    linear = exotic(objective="regression", linear_tree=True)
    evaluator = evaluator_of(linear, pair[1])
    assert evaluator.name == LIGHTGBM
    assert "linear" in vars(caplog.records[-1])["reason"]
    rows = np.random.default_rng(4).normal(size=(20, FEATURES))
    few = evaluator.ask_few(rows.tolist())
    assert np.transpose(few).tolist() == [said.tolist() for said in evaluator.ask(rows, 1)]


@pytest.mark.parametrize("recipe", [{"objective": "multiclass", "num_class": 3}, {"linear_tree": True}])
def test_exotic_boosters_are_refused(recipe: dict[str, Any]) -> None:
    with pytest.raises(Unwalkable):
        Forest.of(exotic(**recipe).model_to_string())


def test_a_tree_too_large_for_a_node_to_point_across_it_is_refused() -> None:
    # To the left of the root a chain of splits, to its right one more.
    chain_of = 20_000
    left = [*range(1, chain_of), -1, -2]
    right = [chain_of, *(-(number + 3) for number in range(chain_of))]
    fields = {
        "split_feature": [0] * (chain_of + 1),
        "threshold": range(chain_of + 1),
        "decision_type": [2] * (chain_of + 1),
        "left_child": left,
        "right_child": right,
        "leaf_value": [0.0] * (chain_of + 2),
    }
    tree = "\n".join(f"{name}={' '.join(map(str, values))}" for name, values in fields.items())
    head = "num_tree_per_iteration=1\nmax_feature_idx=0\nobjective=regression\n"
    with pytest.raises(Unwalkable, match="too many leaves"):
        Forest.of(f"{head}\nTree=0\n{tree}\n\nend of trees")


def test_an_objective_nobody_knows_is_refused(pair: Pair) -> None:
    text = pair[0].model_to_string().replace("objective=regression_l1", "objective=tomorrows")
    with pytest.raises(Unwalkable, match="tomorrows"):
        Walker(Forest.of(text))


def test_without_the_compiler_lightgbm_answers(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    for name in (
        "machine_terms",
        "machine_ranks",
        "machine_walks",
        "machine_crowds",
        "machine_code",
        "walker",
    ):
        monkeypatch.delitem(sys.modules, f"taxi_predictor.adapters.lightgbm.{name}")
    assert evaluator_of(pair[0], pair[1]).name == LIGHTGBM
    assert "llvmlite" in vars(caplog.records[-1])["reason"]


def test_tables_that_say_something_else_are_not_believed(pair: Pair) -> None:
    centre, spread, _ = pair
    swapped = Forest.of(spread.model_to_string(), centre.model_to_string())
    assert evaluator_of(centre, spread, lambda: swapped).name == LIGHTGBM


class TestFile:
    def test_it_is_made_once_and_shared(self, pair: Pair, tmp_path: Path) -> None:
        *boosters, rows = pair
        made = []

        def make() -> Forest:
            made.append(Forest.of(*(booster.model_to_string() for booster in boosters)))
            return made[-1]

        first, second = (kept_forest(tmp_path, "a", make) for _ in range(2))
        assert len(made) == 1
        for forest in (first, second):
            assert isinstance(forest.nodes.base, np.memmap)
            assert (Walker(forest).of_rows(rows) == Walker(made[0]).of_rows(rows)).all()
            assert (forest.objectives, forest.trees) == (made[0].objectives, made[0].trees)

    def test_pythons_parser_is_not_asked(self, pair: Pair, tmp_path: Path) -> None:
        """It may fail where two threads are in it, as they are that open two models."""
        forest = Forest.of(pair[0].model_to_string())
        kept_forest(tmp_path, "a", lambda: forest)
        heard: list[str] | None = []

        def listen(event: str, _: object) -> None:  # a hook stays for as long as the process does
            if heard is not None:
                heard.append(event)

        sys.addaudithook(listen)
        try:
            kept_forest(tmp_path, "a", lambda: forest)
            assert "open" in heard
            assert "compile" not in heard
        finally:
            heard = None

    @pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[:900] + b"?" + b[901:], lambda b: b""])
    def test_a_damaged_one_is_made_anew(self, pair: Pair, tmp_path: Path, damage: Any) -> None:
        forest = Forest.of(pair[0].model_to_string())
        kept_forest(tmp_path, "a", lambda: forest)
        [file] = tmp_path.iterdir()
        whole = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(damage(whole))
        again = kept_forest(tmp_path, "a", lambda: forest)
        assert (again.nodes == forest.nodes).all()
        assert file.read_bytes() == whole

    def test_where_nothing_can_be_written_it_stays_in_memory(self, pair: Pair, tmp_path: Path) -> None:
        forest = Forest.of(pair[0].model_to_string())
        (tmp_path / "file").write_text("no folder")
        assert kept_forest(tmp_path / "file", "a", lambda: forest) is forest

    def test_old_ones_are_swept(self, pair: Pair, tmp_path: Path) -> None:
        forest = Forest.of(pair[0].model_to_string())
        for number in range(9):
            kept_forest(tmp_path, str(number), lambda: forest)
        assert sorted(file.name[0] for file in tmp_path.iterdir()) == ["5", "6", "7", "8"]
