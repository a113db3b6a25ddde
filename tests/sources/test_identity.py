from datetime import UTC, datetime

import numpy as np
import polars as pl

from taxi_predictor.adapters.sources.identity import content_ids, named_ids

LOCAL = datetime(2022, 1, 1, 0, 30)  # noqa: DTZ001 # as a clock shows it


def one(*values: object, family: str = "tlc-green") -> str:
    """The id of a single row; Python's types choose those of the columns."""
    return str(content_ids(family, [pl.Series([value]) for value in values])[0])


def test_ids_never_change() -> None:
    """Trips are stored under them: whoever changes one of these orphans every store."""
    rows = [
        pl.Series([LOCAL, None], dtype=pl.Datetime("us")),
        pl.Series([None, LOCAL.replace(tzinfo=UTC)], dtype=pl.Datetime("us", "UTC")),
        pl.Series([40.7, -73.98]),
        pl.Series([74, None], dtype=pl.Int32),
        pl.Series([1, 0], dtype=pl.Int16),
        pl.Series([None, None], dtype=pl.Float64),
    ]
    assert content_ids("tlc-green", rows).to_list() == PINNED_CONTENT
    assert named_ids("kaggle", pl.Series(["id2875421", "", "Ünï", None])).to_list() == PINNED_NAMES


PINNED_CONTENT = ["f57e8c3e3315b387a414e93610e54e0c", "698d7b26deece86ffd76018f2bdc87d6"]
PINNED_NAMES: list[str | None] = [
    "fd236cc4dd35005117e1409591228a3c",
    "a32ba86ff46449aa8f0fe399ed194c50",
    "a0c4a2fa943f07f15608eb126e34a025",
    None,
]


def test_an_id_is_of_the_row_alone() -> None:
    """Not of its neighbours, their number, or where in a block it stands."""
    numbers = pl.Series(np.random.default_rng(1).normal(size=20_000))
    whole = content_ids("x", [numbers, numbers * 2])
    for row in (0, 1, 8_191, 8_192, 19_999):
        assert content_ids("x", [numbers[row : row + 1], numbers[row : row + 1] * 2])[0] == whole[row]


def test_rows_that_differ_have_other_ids() -> None:
    ids = {one(1.0, 2.0), one(2.0, 1.0), one(1.0, None), one(None, 1.0), one(0.0, 1.0), one(1, 2), one(1.0)}
    assert len(ids) == 7


def test_families_keep_apart() -> None:
    assert one(1.0) != one(1.0, family="tlc-yellow")
    names = pl.Series(["a"])
    assert named_ids("x", names)[0] != named_ids("y", names)[0]


def test_both_zeros_are_one_and_nothing_is_another() -> None:
    assert one(-0.0) == one(0.0)
    assert one(0.0) != content_ids("tlc-green", [pl.Series([None], dtype=pl.Float64)])[0]
    assert one(0) != content_ids("tlc-green", [pl.Series([None], dtype=pl.Int64)])[0]


def test_the_width_of_a_number_does_not_matter() -> None:
    for dtype in (pl.Int8, pl.Int32, pl.Int64, pl.UInt16):
        assert content_ids("tlc-green", [pl.Series([74], dtype=dtype)])[0] == one(74)
    for text in ("40.7", "-73.9812345", "1e-3", "1700.01"):
        single = pl.Series([text]).cast(pl.Float32)
        assert content_ids("tlc-green", [single])[0] == one(float(text))


def test_floats_beyond_single_precision_are_no_trouble() -> None:
    assert one(1e300) == one(float("inf"))
    assert one(1e300) != one(-1e300)


def test_a_million_rows_do_not_collide() -> None:
    rng = np.random.default_rng(7)
    values = [
        pl.Series(rng.integers(0, 3_600, 1_000_000)),
        pl.Series(rng.integers(1, 266, 1_000_000), dtype=pl.Int32),
        pl.Series(rng.integers(0, 200, 1_000_000) / 100),
    ]
    rows = pl.DataFrame({str(number): column for number, column in enumerate(values)})
    ids = content_ids("tlc-green", values)
    assert ids.n_unique() == rows.n_unique()
    # Neither does either half: the lanes are good hashes by themselves.
    halves = pl.DataFrame({"left": ids.str.head(16), "right": ids.str.tail(16)})
    assert halves["left"].n_unique() == halves["right"].n_unique() == rows.n_unique()


def test_ids_are_32_hexadecimal_digits_also_of_no_rows() -> None:
    assert content_ids("x", [pl.Series([1.0, 2.0])]).str.contains("^[0-9a-f]{32}$").all()
    assert content_ids("x", [pl.Series([], dtype=pl.Float64)]).to_list() == []
    assert named_ids("x", pl.Series([], dtype=pl.String)).to_list() == []
    assert named_ids("x", pl.Series(["a"])).str.contains("^[0-9a-f]{32}$").all()
