"""Tensors of the Open Inference Protocol, in JSON or as the bytes after it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from taxi_predictor.adapters.http.inference.bodies import InputTensor, OutputTensor, TensorParameters
from taxi_predictor.domain.errors import Invalid

__all__ = ["InvalidTensor", "Tensor", "read_tensors", "written"]

Tensor = NDArray[Any]

_LAYOUTS = {"FP64": "<f8", "FP32": "<f4", "INT64": "<i8", "INT32": "<i4"}
"""How numbers lie in memory: little-endian, without gaps."""


class InvalidTensor(Invalid):
    """An input or an output that is not what was asked for."""

    slug = "invalid-tensor"


def read_tensors(
    given: Sequence[InputTensor], allowed: Mapping[str, Sequence[str]], binary: bytes
) -> Mapping[str, Tensor]:
    """The values of each input by its name, all equally many; *binary* is what follows the JSON.

    *allowed* are the datatypes that an input of a name may have.

    Raises:
        InvalidTensor: an input is unknown, given twice, of another datatype or size, or empty.
    """
    tensors: dict[str, Tensor] = {}
    offset = 0
    for tensor in given:
        if tensor.name not in allowed:
            raise InvalidTensor(f"there is no input {tensor.name!r}; there are {', '.join(allowed)}")
        if tensor.name in tensors:
            raise InvalidTensor(f"input {tensor.name} is given twice")
        if tensor.datatype not in allowed[tensor.name]:
            raise InvalidTensor(
                f"input {tensor.name} is {' or '.join(allowed[tensor.name])}, not {tensor.datatype!r}"
            )
        size = tensor.parameters.binary_data_size
        if size is UNSET:
            tensors[tensor.name] = _from_json(tensor)
        else:
            tensors[tensor.name] = _from_bytes(tensor, binary[offset : offset + size], size)
            offset += size
    if offset != len(binary):
        raise InvalidTensor(f"{len(binary):,} bytes follow the JSON, but its inputs have {offset:,}")
    if len({len(values) for values in tensors.values()}) > 1:
        sizes = ", ".join(f"{name} {len(values):,}" for name, values in tensors.items())
        raise InvalidTensor(f"every input has one value for each trip, but their lengths differ: {sizes}")
    return tensors


def written(columns: Mapping[str, Tensor], as_bytes: Iterable[str]) -> tuple[list[OutputTensor], list[bytes]]:
    """FP64 tensors for an answer, and the bytes that follow it: of those named in *as_bytes*."""
    tensors: list[OutputTensor] = []
    following: list[bytes] = []
    for name, column in columns.items():
        shape = [len(column)]
        if name in as_bytes:
            content = column.astype(_LAYOUTS["FP64"]).tobytes()
            size = TensorParameters(binary_data_size=len(content))
            tensors.append(OutputTensor(name=name, shape=shape, datatype="FP64", parameters=size))
            following.append(content)
        else:
            tensors.append(OutputTensor(name=name, shape=shape, datatype="FP64", data=column.tolist()))
    return tensors, following


def _from_bytes(tensor: InputTensor, content: bytes, size: int) -> Tensor:
    if tensor.data is not UNSET:
        raise InvalidTensor(f"input {tensor.name} has both data and binary_data_size")
    if len(content) < size:
        raise InvalidTensor(f"input {tensor.name} has {size:,} bytes, but only {len(content):,} follow")
    layout = np.dtype(_LAYOUTS[tensor.datatype])
    count = _count(tensor)
    if size != count * layout.itemsize:
        raise InvalidTensor(
            f"input {tensor.name} of shape {tensor.shape} has {count * layout.itemsize:,} bytes, not {size:,}"
        )
    return np.frombuffer(content, layout)


def _from_json(tensor: InputTensor) -> Tensor:
    if tensor.data is UNSET:
        raise InvalidTensor(f"input {tensor.name} has neither data nor binary_data_size")
    number = float if tensor.datatype.startswith("FP") else int
    try:
        column = np.array(_flat(tensor.data, number), dtype=_LAYOUTS[tensor.datatype])
    except (msgspec.ValidationError, OverflowError) as error:
        raise InvalidTensor(f"input {tensor.name} is not {tensor.datatype} throughout: {error}") from error
    if len(column) != _count(tensor):
        raise InvalidTensor(
            f"input {tensor.name} of shape {tensor.shape} has {_count(tensor):,} values, not {len(column):,}"
        )
    return column


def _flat(data: msgspec.Raw, number: type[float] | type[int]) -> Sequence[float]:
    """The numbers of a list, or of a list of rows: the protocol lets a client write a column as either."""
    if not bytes(data).lstrip()[1:].lstrip().startswith(b"["):
        return msgspec.json.decode(data, type=list[number])  # type: ignore[valid-type] # one of two
    row_type = Annotated[list[number], msgspec.Meta(min_length=1, max_length=1)]  # type: ignore[valid-type] # as above
    rows = msgspec.json.decode(data, type=list[row_type])
    return [row[0] for row in rows]


def _count(tensor: InputTensor) -> int:
    """How many values its shape asks for: one for each trip.

    Raises:
        InvalidTensor: it is neither a list nor a column.
    """
    match tensor.shape:
        case [count] | [count, 1] if count:
            return count
    raise InvalidTensor(f"input {tensor.name} has the shape [trips] or [trips, 1], not {tensor.shape}")
