"""Many items in one request, in a body or as lines; each is answered or refused on its own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Generic, TypeVar

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Reference, RequestBody, Schema
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.structs import replace

from taxi_predictor.adapters.http.decoding import decode
from taxi_predictor.adapters.http.formats import Format, sent_as
from taxi_predictor.adapters.http.lines import GROUP_ITEMS, MAX_LINE_BYTES, NDJSON, Line, LineAnswers
from taxi_predictor.adapters.http.problems import FieldProblem, Problem, pointer_of, problem_of
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.domain.errors import Invalid, TaxiPredictorError, TooMuch, Unavailable

__all__ = [
    "LINES",
    "AnswerEach",
    "BatchOperation",
    "EachLine",
    "ItemProblem",
    "answer_all",
    "ref",
]

LINES = (NDJSON, "application/jsonl")
I = TypeVar("I", bound=Struct)  # noqa: E741 # an item

AnswerEach = Callable[[Sequence[I | Invalid]], Awaitable[Sequence[Struct | TaxiPredictorError]]]
"""Answers at most :data:`GROUP_ITEMS` items in their order; those that could not be read stay as they are."""


def ref(body: type[Struct]) -> dict[str, str]:
    """A reference to the schema of *body*."""
    return {"$ref": f"#/components/schemas/{body.__name__}"}


class ItemProblem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why one trip is not answered, or its outcome not kept."""

    problem: Problem
    line: (
        Annotated[int, Meta(ge=1, description="The number of its line; absent: no further line is answered.")]
        | UnsetType
    ) = UNSET


@dataclass
class BatchOperation(Operation):
    """Says that items may come, and are then answered, as lines; subclasses name the bodies."""

    whole: ClassVar[type[Struct]]
    item: ClassVar[type[Struct]]
    answer: ClassVar[type[Struct]]

    def __post_init__(self) -> None:
        whole, item, answer, problem = (
            Reference(ref=ref(body)["$ref"]) for body in (self.whole, self.item, self.answer, ItemProblem)
        )
        self.request_body = RequestBody(
            required=True,
            content={
                Format.JSON.value: OpenAPIMediaType(schema=whole),
                NDJSON: OpenAPIMediaType(schema=item),
            },
        )
        success = (self.responses or {})["200"]
        if isinstance(success, OpenAPIResponse) and success.content is not None:
            success.content[NDJSON] = OpenAPIMediaType(schema=Schema(any_of=[answer, problem]))


async def answer_all(
    contents: Sequence[Raw], item: type[I], answer_each: AnswerEach[I], request: ApiRequest, *, name: str
) -> list[Struct | ItemProblem]:
    """The answer or the problem of each of *contents*, which stand under *name* in the body.

    Raises:
        TooMuch: there are more than may be.
        Unavailable: none is answered at the moment.
    """
    if len(contents) > request.options.max_items:
        raise TooMuch(
            f"{len(contents):,} {name}; at most {request.options.max_items:,} are answered at once,"
            f" and as {NDJSON} as many as you like"
        )
    form = sent_as(request.media_type)
    answers: list[Struct | ItemProblem] = []
    for first in range(0, len(contents), GROUP_ITEMS):
        items = [_read(content, item, form) for content in contents[first : first + GROUP_ITEMS]]
        for number, found in enumerate(await answer_each(items), first):
            answers.append(
                ItemProblem(problem=_within(found, f"#/{name}/{number}"))
                if isinstance(found, TaxiPredictorError)
                else found
            )
    return answers


def _read(content: bytes | Raw, item: type[I], form: Format) -> I | Invalid:
    try:
        return decode(content, item, form)
    except Invalid as error:
        return error


def _within(error: TaxiPredictorError, pointer: str) -> Problem:
    """The problem of an item that stands at *pointer*."""
    inner = (pointer_of(error) or "#").removeprefix("#")
    return replace(problem_of(error), errors=[FieldProblem(pointer=f"{pointer}{inner}", message=str(error))])


class EachLine(LineAnswers, Generic[I]):
    """An answer or a problem for each line, which holds an *item*."""

    def __init__(self, item: type[I], answer_each: AnswerEach[I]) -> None:
        self._item = item
        self._answer_each = answer_each
        self._has_answered = False

    async def __call__(self, lines: Sequence[Line], /) -> bytes:
        """Answer *lines*.

        Raises:
            Unavailable: nothing is answered, and nothing was.
        """
        found: Sequence[Struct | TaxiPredictorError]
        try:
            found = await self._answer_each([self._item_of(line) for line in lines])
        except Unavailable as error:
            if not self._has_answered:
                raise
            found = [error] * len(lines)
        self._has_answered = True
        return _ENCODER.encode_lines(
            ItemProblem(problem=problem_of(one), line=line.number)
            if isinstance(one, TaxiPredictorError)
            else one
            for line, one in zip(lines, found, strict=True)
        )

    def give_up(self, error: TaxiPredictorError, /) -> bytes:
        return _ENCODER.encode_lines([ItemProblem(problem=problem_of(error))])

    def _item_of(self, line: Line) -> I | Invalid:
        if line.content is None:
            return TooMuch(f"the line is longer than {MAX_LINE_BYTES:,} bytes")
        return _read(line.content, self._item, Format.JSON)


_ENCODER = msgspec.json.Encoder()
