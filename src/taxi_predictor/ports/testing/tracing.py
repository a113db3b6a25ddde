"""The contract of Tracing: who is followed, under which ids, and that telling never fails."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from taxi_predictor.ports.outbound.tracing import Trace, Tracing, calling_span
from taxi_predictor.ports.outbound.watch import Part, Watch
from taxi_predictor.ports.testing.contract import Contract

__all__ = ["ToldSpan", "TracingContract"]

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FOLLOWED, NOT_FOLLOWED = f"00-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-00"
SENSELESS = (
    "",
    "00",
    "kaboom",
    f"00-{TRACE}-{CALLER}",
    f"00-{TRACE}-{CALLER}-1",
    f"00-{TRACE}-{CALLER}-01-more",
    f"00-{TRACE.upper()}-{CALLER}-01",
    f"00-{TRACE}-{CALLER}-01\n",
    f" 00-{TRACE}-{CALLER}-01",
    f"ff-{TRACE}-{CALLER}-01",
    f"00-{'0' * 32}-{CALLER}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE[:-1]}é-{CALLER}-01",
)
"""What is no ``traceparent``, or none that names anything."""
TO_COME = f"cc-{TRACE}-{CALLER}-01-what-the-future-brings"
THREADS, TELLINGS = 4, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSpan:
    """One span as it would be found by whoever looks into the trace; ids are hexadecimal."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    began_ns: int
    ended_ns: int


Told = Callable[[], Sequence[ToldSpan]]


def _watch(**parts: Part) -> Watch:
    watch = Watch("a-request", method="POST", route="/v1/predictions", status=200, parts=parts)
    watch.ended_s = watch.came_s + 0.5
    return watch


class TracingContract(Contract, of=Tracing):
    @abstractmethod
    def open(self, *, share: float) -> AbstractContextManager[tuple[Tracing, Told]]:
        """One that follows *share* of the requests; and what it was told, a span for each and its parts."""

    def test_a_share_is_followed_of_what_nobody_has_decided(self) -> None:
        """All, none, and about as many as asked for."""
        for share, low, high in ((0.0, 0, 0), (1.0, 1000, 1000), (0.2, 120, 280)):  # 6 standard deviations
            with self.open(share=share) as (tracing, _):
                followed = sum(tracing.follow(None) is not None for _ in range(1000))
                assert low <= followed <= high

    def test_each_trace_has_an_id_of_its_own(self) -> None:
        """And each span, in the form that others understand."""
        with self.open(share=1.0) as (tracing, _):
            spans = [calling_span(_followed(tracing).traceparent) for _ in range(100)]
            assert all(span is not None and span.is_followed for span in spans)
            assert len({span.trace_id for span in spans if span}) == len(spans)
            assert len({span.span_id for span in spans if span}) == len(spans)

    @pytest.mark.parametrize("given", [FOLLOWED, TO_COME])
    def test_what_a_caller_follows_goes_on(self, given: str) -> None:
        """Whatever the share: under its id, as another span, whose parent is the caller's."""
        for share in (0.0, 1.0):
            with self.open(share=share) as (tracing, told):
                trace = _followed(tracing, given)
                trace.end(_watch())
                [span] = told()
                assert (span.trace_id, span.parent_id) == (TRACE, CALLER)
                assert span.span_id != CALLER
                assert trace.traceparent == f"00-{TRACE}-{span.span_id}-01"

    def test_what_a_caller_does_not_follow_is_not(self) -> None:
        """Whatever the share."""
        with self.open(share=1.0) as (tracing, _):
            assert tracing.follow(NOT_FOLLOWED) is None

    @pytest.mark.parametrize("given", SENSELESS)
    def test_what_makes_no_sense_is_as_good_as_nothing(self, given: str) -> None:
        """The share decides, and the trace is a new one."""
        with self.open(share=0.0) as (tracing, _):
            assert tracing.follow(given) is None
        with self.open(share=1.0) as (tracing, told):
            _followed(tracing, given).end(_watch())
            [span] = told()
            assert span.trace_id != TRACE
            assert span.parent_id is None

    def test_a_request_is_found_with_its_parts_as_children(self) -> None:
        """By their names, and when they began and ended."""
        with self.open(share=1.0) as (tracing, told):
            watch = _watch()
            watch.parts |= {
                name: Part(watch.came_s + began_s, watch.came_s + ended_s, ended_s - began_s, 1)
                for name, began_s, ended_s in (("features", 0.1, 0.2), ("model", 0.2, 0.4))
            }
            _followed(tracing).end(watch)
            by_name = {span.name: span for span in told()}
            request = by_name["POST /v1/predictions"]
            assert by_name.keys() == {"POST /v1/predictions", "features", "model"}
            assert request.parent_id is None
            assert {span.trace_id for span in by_name.values()} == {request.trace_id}
            for name, began_ns, ended_ns in (("features", 1e8, 2e8), ("model", 2e8, 4e8)):
                child = by_name[name]
                assert child.parent_id == request.span_id
                assert child.began_ns == pytest.approx(watch.came_at_ns + began_ns, abs=1e4)
                assert child.ended_ns == pytest.approx(watch.came_at_ns + ended_ns, abs=1e4)
            assert request.ended_ns == pytest.approx(watch.came_at_ns + 5e8, abs=1e4)

    def test_each_request_is_found_whatever_thread_tells_it(self) -> None:
        """Once, and none with another's id."""
        with self.open(share=1.0) as (tracing, told):

            def tell() -> list[str]:
                traces = [_followed(tracing) for _ in range(TELLINGS)]
                for trace in traces:
                    trace.end(_watch())
                return [trace.traceparent for trace in traces]

            async def in_threads() -> list[list[str]]:
                return await asyncio.gather(*(asyncio.to_thread(tell) for _ in range(THREADS)))

            known = sorted(parent for some in asyncio.run(in_threads()) for parent in some)
            assert sorted(f"00-{span.trace_id}-{span.span_id}-01" for span in told()) == known

    @pytest.mark.parametrize("text", ["", 'a"b\\c', "one\ntwo\x00", "京都 🚕", "x" * 5_000])
    def test_anything_can_be_told(self, text: str) -> None:
        """However odd, and of a request that got no answer, too."""
        with self.open(share=1.0) as (tracing, told):
            watch = Watch(text, method=text, route=text, caller=text, problem=text)
            watch.parts["model"] = Part(watch.came_s + 1, watch.came_s, busy_s=0.0, times=2)
            _followed(tracing).end(watch)
            assert len(told()) == 2


def _followed(tracing: Tracing, traceparent: str | None = None) -> Trace:
    trace = tracing.follow(traceparent)
    assert trace is not None
    return trace
