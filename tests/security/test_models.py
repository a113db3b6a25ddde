"""A model from a registry that somebody else can write to: it answers, or it is refused; it does no more."""

import json
import re
import shutil
from pathlib import Path

import pytest

from security.artifacts import reseal
from security.changes import Change, head, measured, swap
from taxi_predictor.adapters.columns.speeds import SPEEDS_FILE, SpeedProfile
from taxi_predictor.adapters.disk.shelf import DiskModelShelf
from taxi_predictor.adapters.lightgbm import artifact
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, SPREAD_FILE
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.errors import BrokenModel
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import MANIFEST_FILE, ModelArtifact, ModelVersion
from taxi_predictor.ports.testing.samples import a_trip


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of the sound model, to be changed."""
    return Path(shutil.copytree(sound, tmp_path / "model"))


def first(name: str, value: str) -> Change:
    """Let *value* stand first in the line *name* of the first tree."""
    return lambda text: re.sub(rf"(?m)^({name})=\S+", rf"\1={value}", text, count=1)


def last(name: str, value: str) -> Change:
    return lambda text: re.sub(rf"(?m)^({name}=.*?)\S+$", rf"\g<1>{value}", text, count=1)


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
