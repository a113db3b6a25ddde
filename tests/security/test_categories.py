"""Trees that split by sets of categories, which somebody has changed: refused, or of no harm."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from security.changes import Change, each, measured, place, swap
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.evaluators import WALKER
from taxi_predictor.adapters.lightgbm.forest import Forest
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.adapters.lightgbm.soundness import Unsound, sound_text
from taxi_predictor.adapters.lightgbm.walker import Walker
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.place import ZoneId
from taxi_predictor.ports.testing.samples import a_trip

# The first tree has two sets, of 9 and of 8 words, for its first two splits.
HOSTILE_SETS: dict[str, Change] = {
    "a set behind the last": each(place("threshold", 1, "2")),
    "a set far outside": each(place("threshold", 0, "99999999")),
    "a set before the first": each(place("threshold", 0, "-1")),
    "half a set": each(place("threshold", 0, "0.5")),
    "one set for two": each(place("threshold", 1, "0")),
    "sets in another order": each(place("threshold", 0, "1"), place("threshold", 1, "0")),
    "a set that is none": each(place("threshold", 0, "nan")),
    "words far outside": each(place("cat_boundaries", 1, "99999999")),
    "words before the first": each(place("cat_boundaries", 0, "-9")),
    "words behind the last": each(place("cat_boundaries", 2, "18")),
    "words that nobody needs": each(place("cat_boundaries", 2, "16")),
    "a set that leads back": each(place("cat_boundaries", 1, "17"), place("cat_boundaries", 2, "9")),
    "a set without words": each(place("cat_boundaries", 1, "0")),
    "a boundary more than an integer holds": each(place("cat_boundaries", 1, "9" * 40)),
    "a boundary in another's clothes": each(place("cat_boundaries", 1, "9.0")),
    "too few boundaries": each(swap("cat_boundaries", "0 17")),
    "two blanks for one": each(swap("cat_boundaries", "0  9 17")),
    "no boundaries": each(swap("cat_boundaries", "")),
    "a word less than said": each(place("cat_threshold", -1, "")),
    "a word beyond words": each(place("cat_threshold", 0, "4294967296")),
    "a word below words": each(place("cat_threshold", 0, "-1")),
    "a word in another's clothes": each(place("cat_threshold", 0, "1e0")),
    "no words": each(swap("cat_threshold", "")),
    "more sets than splits": each(swap("num_cat", "7")),
    "more sets than there are": each(swap("num_cat", "3")),
    "fewer sets than there are": each(swap("num_cat", "1")),
    "no sets": each(swap("num_cat", "0")),
    "fewer sets than none": each(swap("num_cat", "-1")),
    "a set for a split by numbers": each(place("decision_type", 0, "10")),
    "a split by numbers that takes a set": each(place("decision_type", 2, "1")),
    "where what is missing goes, for categories": each(place("decision_type", 0, "11")),
    "more categories than any city has zones": each(
        swap("cat_boundaries", "0 1000000 1000008"), swap("cat_threshold", " ".join(["4294967295"] * 1000008))
    ),
}


@pytest.mark.parametrize("change", HOSTILE_SETS.values(), ids=HOSTILE_SETS)
def test_categories_that_are_looked_for_elsewhere_are_refused(sound_by_zone: Path, change: Change) -> None:
    text = (sound_by_zone / CENTRE_FILE).read_text()
    hostile = change(text)
    assert hostile != text
    with pytest.raises(Unsound):
        sound_text(hostile, FEATURE_NAMES)


def test_sound_trees_that_take_zones_for_categories_are_followed(sound_by_zone: Path) -> None:
    model = LightgbmLoader().open(sound_by_zone)
    assert model.evaluator == WALKER
    plan = a_trip(1).plan
    zones = [
        replace(
            plan, pickup=replace(plan.pickup, zone=ZoneId(zone)), dropoff=replace(plan.dropoff, zone=None)
        )
        for zone in (0, 1, 20, 263, 264, 8_191, 2**31 - 1)
    ]
    said = [distribution.mu for distribution in model.estimate(zones)]
    assert len(set(said)) > 1, "zones make a difference"


NASTY = (
    "-1", "0", "1", "2", "3", "8", "9", "10", "16", "17", "18", "31", "32", "255", "256", "257", "4294967295",
    "4294967296", "2147483647", "-2147483648", "99999999", "1e9", "0.5", "nan", "inf", "", " ", "0 0", "1 1",
)  # fmt: skip


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_changed_about_categories_is_refused_or_does_no_harm(
    sound_by_zone: Path, data: st.DataObject
) -> None:
    text = (sound_by_zone / CENTRE_FILE).read_text()
    changed = text
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(
            st.sampled_from(["num_cat", "threshold", "decision_type", "cat_boundaries", "cat_threshold"])
        )
        [line] = re.findall(rf"(?m)^{name}=.*$", changed.split("\nTree=")[1])
        number = data.draw(st.integers(0, line.count(" ")))
        changed = place(name, number, data.draw(st.sampled_from(NASTY)))(changed)
    changed = measured(lambda same: same)(changed)
    try:
        sound = sound_text(changed, FEATURE_NAMES)
    except Unsound:
        return
    booster = lightgbm.Booster(model_str=sound.text)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, len(FEATURE_NAMES)))
    odd = [0.0, -1.0, 263.0, 264.0, 287.0, 288.0, 1e9, 1e300, np.inf, -np.inf, np.nan, -0.5, 2.5]
    for name in ("pickup_zone", "dropoff_zone"):
        rows[:, FEATURE_NAMES.index(name)] = rng.choice([*odd, *range(0, 264, 7)], len(rows))
    expected = booster.predict(rows, num_threads=1)
    assert np.abs(expected).max() <= sound.farthest
    assert Walker(Forest.of(sound.text)).of_rows(rows)[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)
