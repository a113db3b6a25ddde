"""Floors for the API: what a server costs that knows nothing of trips.

``create`` is our own application with one more endpoint, ``/echo``: the same middlewares, the same body
read and checked, a fixed answer. ``unwatched`` is the same, but no request is counted. ``bare`` is the
framework alone, with the same body and answer.
"""

from litestar import Litestar, get, post
from litestar.params import JSONBody

from taxi_predictor.adapters.http.app import BEGINNINGS
from taxi_predictor.adapters.http.beginnings import as_it_begins
from taxi_predictor.adapters.http.bodies import PredictionAnswer, PredictionBody
from taxi_predictor.adapters.http.decoding import Time, read_value
from taxi_predictor.adapters.http.examples import EXAMPLES
from taxi_predictor.adapters.http.telemetry import tell_answered
from taxi_predictor.apps import api
from taxi_predictor.domain.access import Scope

__all__ = ["bare", "create", "unwatched"]

[EXAMPLE] = EXAMPLES[PredictionAnswer]
assert isinstance(EXAMPLE, PredictionAnswer)
ANSWER: PredictionAnswer = EXAMPLE


@post("/echo", status_code=200, opt={"scope": Scope.PREDICT}, include_in_schema=False)
async def echo(data: JSONBody[PredictionBody]) -> PredictionAnswer:
    return ANSWER


@get("/alive", include_in_schema=False)
async def alive() -> None:
    return None


def create() -> Litestar:
    app = api.create()
    app.register(echo)
    return app


def unwatched() -> Litestar:
    app = create()
    app.before_send = [as_it_begins(*(deed for deed in BEGINNINGS if deed is not tell_answered))]  # type: ignore[list-item] # it is async
    return app


def bare() -> Litestar:
    return Litestar(
        [echo, alive],
        type_decoders=[(lambda type_: type_ is Time, read_value)],
        openapi_config=None,
        logging_config=None,
    )
