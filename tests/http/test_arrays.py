"""Arrays of numbers written without an object per number, held against writers that make them."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from taxi_predictor.adapters.http.arrays import PIECE_CELLS, Numbers, encoded, in_json, in_msgpack
from taxi_predictor.adapters.http.formats import Format

MATRICES = arrays(np.float64, array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=20))


def with_nulls(cells: Any) -> Any:
    if isinstance(cells, list):
        return [with_nulls(cell) for cell in cells]
    return cells if math.isfinite(cells) else None


@given(MATRICES)
def test_json_says_the_same_as_lists_of_numbers(values: Numbers) -> None:
    assert msgspec.json.decode(in_json(values)) == with_nulls(values.tolist())


@given(MATRICES)
def test_messagepack_is_what_lists_of_numbers_become(values: Numbers) -> None:
    assert in_msgpack(values) == msgspec.msgpack.encode(with_nulls(values.tolist()))


@pytest.mark.parametrize("rows", [1, 15, 16, 65_535, 65_536])
@pytest.mark.parametrize("columns", [1, 16])
def test_messagepack_tells_any_length(rows: int, columns: int) -> None:
    values = np.full((rows, columns), 0.5)
    values[-1, 0] = math.nan
    assert in_msgpack(values) == msgspec.msgpack.encode(with_nulls(values.tolist()))
    assert in_msgpack(values.T) == msgspec.msgpack.encode(with_nulls(values.T.tolist()))


@pytest.mark.parametrize("shape", [(3, PIECE_CELLS // 2), (2, PIECE_CELLS + 1), (PIECE_CELLS + 1, 1)])
def test_json_is_put_together_from_pieces(shape: tuple[int, int]) -> None:
    values = np.arange(shape[0] * shape[1], dtype=np.float64).reshape(shape)
    assert msgspec.json.decode(in_json(values)) == values.tolist()


@given(st.lists(st.floats(0, 1e5), min_size=1))
def test_a_rounded_number_keeps_its_three_decimals(durations_s: list[float]) -> None:
    rounded = np.round(np.array([durations_s]), 3)
    assert in_json(rounded) == msgspec.json.encode(rounded.tolist())


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize("rows", [2, PIECE_CELLS])
async def test_what_is_written_beside_the_event_loop_is_the_same(form: Format, rows: int) -> None:
    values = np.random.default_rng(1).random((rows, 2))
    write = in_json if form is Format.JSON else in_msgpack
    assert bytes(await encoded(values, form)) == write(values)
