"""A model from a registry that somebody else can write to: it answers, or it is refused; it does no more."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from security.artifacts import reseal
from taxi_predictor.adapters.columns.speeds import SPEEDS_FILE, SpeedProfile
from taxi_predictor.adapters.disk.shelf import DiskModelShelf
from taxi_predictor.adapters.lightgbm import artifact
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, SPREAD_FILE
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.evaluators import WALKER
from taxi_predictor.adapters.lightgbm.forest import Forest
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.adapters.lightgbm.soundness import Unsound, sound_text
from taxi_predictor.adapters.lightgbm.walker import Walker
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.errors import BrokenModel
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import MANIFEST_FILE, ModelArtifact, ModelVersion
from taxi_predictor.domain.place import ZoneId
from taxi_predictor.ports.testing.samples import a_trip

Change = Callable[[str], str]


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of the sound model, to be changed."""
    return Path(shutil.copytree(sound, tmp_path / "model"))


def swap(name: str, values: str, *, tree: int = 0) -> Change:
    """Let the line *name* of a tree say *values*."""

    def change(text: str) -> str:
        head, *trees = text.split("\nTree=")
        trees[tree], times = re.subn(rf"(?m)^{name}=.*$", f"{name}={values}", trees[tree])
        assert times == 1
        return "\nTree=".join([head, *trees])

    return change


def first(name: str, value: str) -> Change:
    """Let *value* stand first in the line *name* of the first tree."""
    return lambda text: re.sub(rf"(?m)^({name})=\S+", rf"\1={value}", text, count=1)


def last(name: str, value: str) -> Change:
    return lambda text: re.sub(rf"(?m)^({name}=.*?)\S+$", rf"\g<1>{value}", text, count=1)


def head(name: str, value: str) -> Change:
    return lambda text: re.sub(rf"(?m)^{name}=.*$", f"{name}={value}", text, count=1)


def measured(change: Change) -> Change:
    """*change*, and the sizes of trees as they are then: LightGBM would look for them there."""

    def changed(text: str) -> str:
        text = change(text)
        trees, _, _ = text.partition("\nend of trees\n")
        sizes = [len(f"Tree={block}\n".encode()) for block in trees.split("\nTree=")[1:]]
        return head("tree_sizes", " ".join(map(str, sizes)))(text)

    return changed


HOSTILE: dict[str, Change] = {
    "a child far outside of the table": measured(first("left_child", "99999999")),
    "a child one behind the last": measured(first("right_child", "6")),
    "a leaf one behind the last": measured(last("left_child", "-8")),
    "a leaf far outside": measured(last("right_child", "-2147483648")),
    "a root that leads to itself": measured(first("left_child", "0")),
    "a circle": measured(last("right_child", "1")),
    "a part that two lead to": measured(
        lambda text: re.sub(
            r"(?m)^left_child=.*\nright_child=(.*)$", r"left_child=\1\nright_child=\1", text, count=1
        )
    ),
    "more than an integer holds": measured(first("left_child", "9" * 40)),
    "a number in another's clothes": measured(first("left_child", "1e0")),
    "a feature that a row has not": measured(first("split_feature", str(len(FEATURE_NAMES)))),
    "a feature far away": measured(first("split_feature", "2000000000")),
    "a feature before the row": measured(first("split_feature", "-7")),
    "a threshold that is no number": measured(first("threshold", "nan")),
    "a threshold without end": measured(first("threshold", "1e999")),
    "a split by categories without any": measured(first("decision_type", "1")),
    "a way to split that there is not": measured(first("decision_type", "64")),
    "bits of categories beyond all": measured(
        lambda text: re.sub(
            r"(?m)^num_cat=0$",
            "num_cat=1\ncat_boundaries=0 99999999\ncat_threshold=4294967295",
            text,
            count=1,
        )
    ),
    "a leaf that is no number": measured(first("leaf_value", "nan")),
    "a leaf without end": measured(first("leaf_value", "inf")),
    "leaves that add up to more than a float": measured(first("leaf_value", "1e308")),
    "more leaves than there are": measured(swap("num_leaves", "2000000000")),
    "a million leaves and no numbers of them": measured(swap("num_leaves", "1000000")),
    "no leaves": measured(swap("num_leaves", "0")),
    "fewer leaves than none": measured(swap("num_leaves", "-5")),
    "fewer thresholds than splits": measured(swap("threshold", "0.5")),
    "an empty line of children": measured(swap("left_child", "")),
    "too few of what nobody needs": measured(swap("internal_value", "0")),
    "linear leaves": measured(swap("is_linear", "1")),
    "something said twice": measured(lambda text: text.replace("num_cat=0", "num_cat=0\nnum_cat=1", 1)),
    "a line without an end": measured(lambda text: text.replace("shrinkage=1", "shrinkage", 1)),
    "a line nobody knows": measured(lambda text: text.replace("num_cat=0", "num_cat=0\nleaf_coeff=1", 1)),
    "trees elsewhere than said": head("tree_sizes", "1 1 1 1"),
    "trees far behind the end": head("tree_sizes", "9999999999 9999999999 9999999999 9999999999"),
    "fewer trees than there are": head("tree_sizes", "400"),
    "no trees": lambda text: text.partition("\nTree=")[0] + "\nend of trees\n",
    "no end": lambda text: text.partition("\nend of trees\n")[0],
    "cut short": lambda text: text[: len(text) // 2],
    "several classes": head("num_tree_per_iteration", "3"),
    "more features": head("max_feature_idx", "9999"),
    "features by other names": lambda text: text.replace("pickup_lat_deg", "fare_amount"),
    "features in another order": lambda text: text.replace(
        "pickup_lat_deg pickup_lon_deg", "pickup_lon_deg pickup_lat_deg"
    ),
    "an objective with a trick in it": head("objective", "custom:/etc/passwd"),
    "another language": lambda text: text.replace("tree\n", "b\u00e4ume\n", 1),
    "a null byte": lambda text: text.replace("num_leaves", "num\0leaves", 1),
    "lines that end as on Windows": lambda text: text.replace("\n", "\r\n"),
    "nothing": lambda _: "",
}


def place(name: str, place: int, value: str) -> Change:
    """Let *value* stand at a *place* in the line *name* of the first tree."""

    def change(text: str) -> str:
        [line] = re.findall(rf"(?m)^{name}=.*$", text.split("\nTree=")[1])
        values = line.partition("=")[2].split(" ")
        values[place] = value
        return text.replace(line, f"{name}={' '.join(values)}".rstrip(), 1)

    return change


def each(*changes: Change) -> Change:
    def change(text: str) -> str:
        for one in changes:
            text = one(text)
        return measured(lambda same: same)(text)

    return change


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


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", [CENTRE_FILE, SPREAD_FILE])
def test_trees_that_lead_astray_are_refused_before_anybody_follows_them(
    folder: Path, name: str, change: Change
) -> None:
    text = (folder / name).read_text()
    hostile = change(text)
    assert hostile != text
    (folder / name).write_text(hostile, newline="")
    reseal(folder)
    with pytest.raises(BrokenModel):
        LightgbmLoader().open(folder)


def test_what_stands_behind_the_trees_is_not_read(folder: Path, sound: Path) -> None:
    for name in (CENTRE_FILE, SPREAD_FILE):
        path = folder / name
        path.write_text(path.read_text().partition("\nparameters:")[0] + "\nparameters:\n[" + "a: " * 10_000)
    reseal(folder)
    [said], [expected] = (LightgbmLoader().open(one).estimate([a_trip(1).plan]) for one in (folder, sound))
    assert (said.mu, said.sigma) == (expected.mu, expected.sigma)


def test_residuals_that_no_duration_can_have_are_refused(folder: Path) -> None:
    reseal(folder, residuals=ScaledResiduals((0.1, 0.9), (-1e300, 1e300)))
    with pytest.raises(BrokenModel, match="longer than any duration"):
        LightgbmLoader().open(folder)


def test_boosters_of_different_features_are_refused(folder: Path) -> None:
    reseal(folder, features=FEATURE_NAMES[:-1])
    with pytest.raises(BrokenModel, match="other features"):
        LightgbmLoader().open(folder)


def test_a_file_that_is_not_the_one_that_was_named_is_refused(folder: Path) -> None:
    with (folder / CENTRE_FILE).open("a") as file:
        file.write("\n")
    with pytest.raises(BrokenModel, match="sha256"):
        LightgbmLoader().open(folder)


def test_a_file_of_absurd_size_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "MAX_FILE_BYTES", 10_000)
    for name in (MANIFEST_FILE, SPEEDS_FILE, CENTRE_FILE):
        whole = (folder / name).read_bytes()
        with (folder / name).open("r+b") as file:
            file.truncate(20_000_000_000)  # of which the disk holds nothing
        with pytest.raises(BrokenModel, match="larger than"):
            LightgbmLoader().open(folder)
        (folder / name).write_bytes(whole)


MANIFESTS: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"\x80\x04\x95",
    "no text": b'{"engine": "\xff\xfe", "format": 2}',
    "deep": b'{"engine": "lightgbm", "format": 2, "other": ' + b"[" * 100_000,
    "a list": b"[]",
    "a format of tomorrow": b'{"engine": "lightgbm", "format": 99}',
    "another engine": b'{"engine": "pickle", "format": 2}',
    "a huge number": b'{"engine": "lightgbm", "format": ' + b"9" * 5_000 + b"}",
    "no fields": b'{"engine": "lightgbm", "format": 2}',
}


@pytest.mark.parametrize("content", MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_is_none_is_refused(folder: Path, content: bytes) -> None:
    (folder / MANIFEST_FILE).write_bytes(content)
    for open_ in (LightgbmLoader().open, LightgbmLoader().open_spare):
        with pytest.raises(BrokenModel):
            open_(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("city", {"time_zone": "../../../etc/passwd"}),
        ("city", {"fallback_speed_km_h": 0}),
        ("residuals", {"values": [1.0]}),
        ("features", ["__import__('os')"]),
        ("files", {"../../../etc/passwd": "0" * 64}),
        ("files", {"..": "0" * 64}),
        ("files", {"centre.txt": ""}),
    ],
)
def test_a_manifest_with_a_trick_in_it_is_refused(folder: Path, field: str, value: object) -> None:
    manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
    manifest[field] = manifest[field] | value if isinstance(value, dict) else value
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest))
    with pytest.raises(BrokenModel):
        LightgbmLoader().open(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log_s", [float("nan")] * 2),
        ("log_s", [0.0, float("inf")]),
        ("log_s", [0.0, 1e300]),
        ("log_km", [1.0, 0.0]),
        ("log_km", []),
        ("by_hour", [0.0]),
        ("sigma", -1.0),
        ("sigma", 10**400),
        ("residuals", {"probabilities": ["a", "b"], "values": [0, 1]}),
        ("residuals", {"__class__": 1}),
    ],
)
def test_speeds_of_no_city_are_refused(folder: Path, name: str, value: object) -> None:
    speeds = json.loads(SpeedProfile.of_speed(20.0).to_json())
    (folder / SPEEDS_FILE).write_text(json.dumps(speeds | {name: value}))
    reseal(folder)
    with pytest.raises(BrokenModel, match="speeds"):
        LightgbmLoader().open_spare(folder)


def test_speeds_that_go_deep_are_refused(folder: Path) -> None:
    (folder / SPEEDS_FILE).write_text("[" * 100_000)
    reseal(folder)
    with pytest.raises(BrokenModel, match="speeds"):
        LightgbmLoader().open_spare(folder)


def test_what_cannot_serve_never_gets_onto_the_shelf(folder: Path, sound: Path, tmp_path: Path) -> None:
    shelf = DiskModelShelf(tmp_path / "models", LightgbmLoader(tmp_path / "forests"))
    good = LightgbmLoader().open(sound).manifest
    shelf.place(ModelVersion(1), ModelArtifact(sound, good))
    path = folder / CENTRE_FILE
    path.write_text(HOSTILE["a circle"](path.read_text()))
    reseal(folder)
    with pytest.raises(BrokenModel):
        shelf.place(ModelVersion(2), ModelArtifact(folder, good))
    assert shelf.champion().version == 1
    assert [path.name[:2] for path in (tmp_path / "models").iterdir() if path.is_dir()] == ["1-"]


@pytest.mark.parametrize("pointed", ["../../../etc", "/etc", "..", "", "x" * 5_000, "-", "1e9-a"])
def test_a_pointer_that_leads_out_of_the_shelf_leads_nowhere(tmp_path: Path, pointed: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "champion").write_text(pointed)
    with pytest.raises(BrokenModel):
        DiskModelShelf(folder, LightgbmLoader()).champion()
