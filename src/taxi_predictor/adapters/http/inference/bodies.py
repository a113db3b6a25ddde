"""What clients of the Open Inference Protocol send and get, as JSON; tensors may follow it as bytes.

The protocol lets bodies have fields that a server does not know.
"""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

__all__ = [
    "ErrorAnswer",
    "InferAnswer",
    "InferBody",
    "InputTensor",
    "LiveAnswer",
    "ModelMetadata",
    "ModelReadyAnswer",
    "OutputTensor",
    "ReadyAnswer",
    "RequestedOutput",
    "ServerMetadata",
    "TensorMetadata",
    "TensorParameters",
]

Size = Annotated[int, Meta(ge=0)]


class TensorParameters(Struct, frozen=True, kw_only=True, omit_defaults=True):
    binary_data_size: Size | UnsetType = UNSET
    """Bytes of the tensor, which follow the JSON."""


class InputTensor(Struct, frozen=True, kw_only=True):
    name: str
    shape: list[Size]
    datatype: str
    parameters: TensorParameters = TensorParameters()
    data: Raw | UnsetType = UNSET


class OutputParameters(Struct, frozen=True, kw_only=True):
    binary_data: bool | UnsetType = UNSET


class RequestedOutput(Struct, frozen=True, kw_only=True):
    name: str
    parameters: OutputParameters = OutputParameters()


class InferParameters(Struct, frozen=True, kw_only=True):
    coverage: Annotated[float, Meta(ge=0.01, le=0.99)] = 0.8
    binary_data_output: bool = False
    """Of outputs that do not say it themselves."""


class InferBody(Struct, frozen=True, kw_only=True):
    inputs: list[InputTensor]
    outputs: list[RequestedOutput] = []
    parameters: InferParameters = InferParameters()
    id: str | UnsetType = UNSET


class OutputTensor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    shape: list[int]
    datatype: str
    parameters: TensorParameters | UnsetType = UNSET
    data: Any = UNSET


class InferAnswer(Struct, frozen=True, kw_only=True):
    model_name: str
    model_version: str
    outputs: list[OutputTensor]
    id: str | UnsetType = UNSET


class TensorMetadata(Struct, frozen=True, kw_only=True):
    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(Struct, frozen=True, kw_only=True):
    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(Struct, frozen=True, kw_only=True):
    name: str
    version: str
    extensions: list[str]


class LiveAnswer(Struct, frozen=True, kw_only=True):
    live: bool


class ReadyAnswer(Struct, frozen=True, kw_only=True):
    ready: bool


class ModelReadyAnswer(Struct, frozen=True, kw_only=True):
    name: str
    ready: bool


class ErrorAnswer(Struct, frozen=True, kw_only=True):
    error: str
