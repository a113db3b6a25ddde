"""The file of a job on its way here, and how files are described."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from taxi_predictor.adapters.http.decoding import MalformedBody
from taxi_predictor.adapters.http.idempotency import begin_once
from taxi_predictor.adapters.http.idempotency_key import begin_fingerprint, key_of
from taxi_predictor.adapters.http.lines import NDJSON
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.domain.errors import TooMuch
from taxi_predictor.ports.outbound.answers import Answer, Claim
from taxi_predictor.ports.outbound.scoring import RowForm

__all__ = ["FORMS", "MEDIA_TYPES", "Repeated", "ResultOperation", "Upload", "UploadOperation"]

FORMS = {
    "text/csv": RowForm.CSV,
    NDJSON: RowForm.NDJSON,
    "application/jsonl": RowForm.NDJSON,
    "application/vnd.apache.parquet": RowForm.PARQUET,
}
MEDIA_TYPES = {form: media_type for media_type, form in reversed(FORMS.items())}


@dataclass
class UploadOperation(Operation):
    """Says that the body is a file."""

    def __post_init__(self) -> None:
        file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY, min_length=1)
        self.request_body = RequestBody(
            required=True, content={media_type: OpenAPIMediaType(schema=file) for media_type in FORMS}
        )


@dataclass
class ResultOperation(Operation):
    """Says that the answer is a file."""

    def __post_init__(self) -> None:
        # No type: a reader of one line of JSON takes it for the object that it is.
        file = Schema(description="The answers, a row for each row of the file.")
        success = (self.responses or {})["200"]
        if isinstance(success, OpenAPIResponse):
            success.content = {
                media_type: OpenAPIMediaType(schema=file) for media_type in MEDIA_TYPES.values()
            }


class Repeated(Exception):
    """The upload is a repeat of an earlier one."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Upload:
    """A file on its way here, and whether it came before: only its end can tell."""

    def __init__(self, request: ApiRequest) -> None:
        self._request = request
        self._key = key_of(request.scope)
        self.claim: Claim | None = None
        """Of the one that is done under the key, if there is a key."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of it.

        Raises:
            TooMuch: it is larger than may be.
            MalformedBody: it is empty.
            Repeated: it is a repeat, which is answered already.
            IdempotencyKeyReused, IdempotencyKeyInUse, Unavailable: as those of any request with a key.
        """
        scope = self._request.scope
        most, length = self._request.options.jobs_max_bytes, self._request.content_length
        digest, received = begin_fingerprint(scope), 0
        _refuse_more_than(most, length or 0)
        async for piece in self._request.stream():
            received += len(piece)
            _refuse_more_than(most, received)
            if piece:
                digest.update(piece)
                yield piece
        if not received:
            raise MalformedBody("the body is empty: send a file of trips")
        if self._key is not None:
            begun = await begin_once(self._request.hexagon.repeats, scope, self._key, digest.digest())
            if isinstance(begun, Answer):
                raise Repeated(begun)
            self.claim = begun


def _refuse_more_than(most: int, received: int) -> None:
    if received > most:
        raise TooMuch(f"a job's file has at most {most:,} bytes: send it in several jobs")
