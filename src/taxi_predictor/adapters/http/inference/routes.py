"""The endpoints of the Open Inference Protocol."""

import re
from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from litestar import Response, Router, get, post
from litestar.params import PathParameter
from msgspec import UNSET

from taxi_predictor import __version__
from taxi_predictor.adapters.http.decoding import MalformedBody, decode
from taxi_predictor.adapters.http.inference.bodies import (
    InferAnswer,
    InferBody,
    LiveAnswer,
    ModelMetadata,
    ModelReadyAnswer,
    ReadyAnswer,
    ServerMetadata,
    TensorMetadata,
)
from taxi_predictor.adapters.http.inference.errors import PROTOCOL_HANDLERS, PROTOCOL_ROOT
from taxi_predictor.adapters.http.inference.tensors import InvalidTensor, Tensor, read_tensors, written
from taxi_predictor.adapters.http.inference.trips import INPUTS, REQUIRED, plans_of
from taxi_predictor.adapters.http.problems import NotReady
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import TooMuch, UnknownModel
from taxi_predictor.domain.model import BatchEstimate
from taxi_predictor.ports.outbound.shelf import ServedModel

__all__ = ["INFERENCE"]

HEADER_LENGTH = "Inference-Header-Content-Length"
"""How many bytes of the body are JSON; tensors follow."""
OUTPUTS = ("duration_s", "lower_s", "upper_s")

Name = Annotated[str, PathParameter()]
Version = Annotated[str | None, PathParameter()]


@get("/")
async def server_metadata() -> ServerMetadata:
    return ServerMetadata(name="taxi-predictor", version=__version__, extensions=["binary_tensor_data"])


@get("/health/live")
async def live() -> LiveAnswer:
    return LiveAnswer(live=True)


@get("/health/ready")
async def ready(request: ApiRequest) -> ReadyAnswer:
    readiness = await request.hexagon.health.readiness()
    if not readiness.is_ready:
        raise NotReady(readiness)
    return ReadyAnswer(ready=True)


@get(["/models/{name:str}", "/models/{name:str}/versions/{version:str}"])
async def model_metadata(request: ApiRequest, name: Name, version: Version = None) -> ModelMetadata:
    served = _served(request, name, version)
    return ModelMetadata(
        name=name,
        versions=[served.label],
        platform=served.model.manifest.engine,
        inputs=[TensorMetadata(name=each, datatype=INPUTS[each][0], shape=[-1]) for each in REQUIRED],
        outputs=[TensorMetadata(name=each, datatype="FP64", shape=[-1]) for each in OUTPUTS],
    )


@get(["/models/{name:str}/ready", "/models/{name:str}/versions/{version:str}/ready"])
async def model_ready(request: ApiRequest, name: Name, version: Version = None) -> ModelReadyAnswer:
    _served(request, name, version)
    return ModelReadyAnswer(name=name, ready=True)


@post(
    ["/models/{name:str}/infer", "/models/{name:str}/versions/{version:str}/infer"],
    status_code=200,
    opt={"scope": Scope.PREDICT},
)
async def infer(request: ApiRequest, name: Name, version: Version = None) -> Response[bytes]:
    _served(request, name, version)
    request.refuse_packed()
    body, binary = _parts(await request.body(), request.headers.get(HEADER_LENGTH))
    wanted = _wanted(body)
    tensors = read_tensors(body.inputs, INPUTS, binary)
    predictor, most = request.hexagon.predictor, request.options.max_items
    trips = max(map(len, tensors.values()), default=0)
    if trips > most:
        raise TooMuch(f"{trips:,} trips; at most {most:,} are answered at once")
    request.hexagon.load_telemetry.asked_batch(trips=trips)
    plans = await plans_of(tensors, predictor)
    estimates, served, _ = await predictor.estimate(plans)
    _refuse_other(version, served)  # another may have been promoted meanwhile
    columns = _columns(estimates, body.parameters.coverage)
    outputs, following = written(
        {output: columns[output] for output in wanted},
        [output for output, binary in wanted.items() if binary],
    )
    answer = msgspec.json.encode(
        InferAnswer(model_name=name, model_version=served.label, id=body.id, outputs=outputs)
    )
    if not following:
        return Response(answer, media_type="application/json")
    headers = {HEADER_LENGTH: str(len(answer))}
    content = b"".join((answer, *following))
    return Response(content, media_type="application/octet-stream", headers=headers)


def _served(request: ApiRequest, name: str, version: str | None) -> ServedModel:
    """The model that answers, if it is the one that a path names.

    Raises:
        UnknownModel: it is not.
        NoChampion: none does.
    """
    ours = request.options.model_name
    if name != ours:
        raise UnknownModel(f"there is no model {name!r} here, only {ours!r}")
    return _refuse_other(version, request.hexagon.predictor.serving())


def _refuse_other(version: str | None, served: ServedModel) -> ServedModel:
    if version not in (None, served.label):
        raise UnknownModel(f"version {version!r} does not serve; {served.label} does")
    return served


def _parts(body: bytes, header_length: str | None) -> tuple[InferBody, bytes]:
    """What is asked, and the bytes of tensors after it."""
    if header_length is None:
        return decode(body, InferBody), b""
    if not re.fullmatch("[0-9]{1,15}", header_length) or int(header_length) > len(body):
        raise MalformedBody(f"{HEADER_LENGTH} is not a number of bytes of this body: {header_length!r}")
    length = int(header_length)
    return decode(body[:length], InferBody), body[length:]


def _wanted(body: InferBody) -> dict[str, bool]:
    """The outputs to give, in their order, and whether each follows as bytes."""
    usual = body.parameters.binary_data_output
    if not body.outputs:
        return dict.fromkeys(OUTPUTS, usual)
    wanted: dict[str, bool] = {}
    for output in body.outputs:
        if output.name not in OUTPUTS:
            raise InvalidTensor(f"there is no output {output.name!r}; there are {', '.join(OUTPUTS)}")
        if output.name in wanted:
            raise InvalidTensor(f"output {output.name} is asked for twice")
        as_bytes = output.parameters.binary_data
        wanted[output.name] = usual if as_bytes is UNSET else as_bytes
    return wanted


def _columns(estimates: Sequence[BatchEstimate], coverage: float) -> dict[str, Tensor]:
    """The outputs in seconds, to the millisecond."""
    medians_s = [estimate.distribution.median_s() for estimate in estimates]
    intervals_s = [estimate.distribution.interval_s(coverage) for estimate in estimates]
    pieces = (medians_s, *zip(*intervals_s, strict=True))
    return {
        name: np.round(np.concatenate([np.asarray(piece) for piece in column]), 3)
        for name, column in zip(OUTPUTS, pieces, strict=True)
    }


INFERENCE = Router(
    PROTOCOL_ROOT,
    route_handlers=[server_metadata, live, ready, model_metadata, model_ready, infer],
    exception_handlers=PROTOCOL_HANDLERS,
    # The protocol has a description of its own, which its clients know.
    include_in_schema=False,
)
