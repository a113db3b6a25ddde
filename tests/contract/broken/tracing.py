"""Adapters that break what Tracing promises."""

import threading
from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.tracing import MemoryTrace, MemoryTracing
from taxi_predictor.ports.outbound.tracing import CallingSpan, Trace
from taxi_predictor.ports.outbound.watch import Watch
from taxi_predictor.ports.testing.tracing import TracingContract


@breaks(TracingContract, "test_a_share_is_followed_of_what_nobody_has_decided")
class FollowsAllOrNothing(MemoryTracing):
    def __init__(self, *, share: float) -> None:
        super().__init__(share=round(share))


@breaks(TracingContract, "test_each_trace_has_an_id_of_its_own")
class KnowsOneTrace(MemoryTracing):
    def _begun(self, parent: CallingSpan | None) -> MemoryTrace:
        trace = super()._begun(parent)
        trace.trace_id = "1" * 32
        return trace


@breaks(TracingContract, "test_what_a_caller_follows_goes_on")
class ForgetsItsCaller(MemoryTracing):
    def _begun(self, parent: CallingSpan | None) -> MemoryTrace:
        trace = super()._begun(parent)
        trace.parent_id = None
        return trace


@breaks(TracingContract, "test_what_a_caller_does_not_follow_is_not")
class DecidesAnew(MemoryTracing):
    def follow(self, traceparent: str | None, /) -> Trace | None:
        return super().follow(traceparent) or super().follow(None)


@breaks(TracingContract, "test_what_makes_no_sense_is_as_good_as_nothing")
class TakesWhatLooksLikeIt(MemoryTracing):
    def follow(self, traceparent: str | None, /) -> Trace | None:
        return super().follow(traceparent and traceparent.strip().lower())


@breaks(TracingContract, "test_a_request_is_found_with_its_parts_as_children")
class TellsNoParts(MemoryTracing):
    def _begun(self, parent: CallingSpan | None) -> MemoryTrace:
        class Whole(MemoryTrace):
            def end(self, watch: Watch, /) -> None:
                super().end(replace(watch, parts={}))

        begun = super()._begun(parent)
        return Whole(
            trace_id=begun.trace_id, span_id=begun.span_id, parent_id=begun.parent_id, ended=begun.ended
        )


@breaks(TracingContract, "test_each_request_is_found_whatever_thread_tells_it")
class HearsItsOwnThread(MemoryTracing):
    def __init__(self, *, share: float) -> None:
        super().__init__(share=share)
        self._thread = threading.get_ident()

    def _begun(self, parent: CallingSpan | None) -> MemoryTrace:
        trace = super()._begun(parent)
        if threading.get_ident() != self._thread:
            trace.ended = []
        return trace


@breaks(TracingContract, "test_anything_can_be_told", by=UnicodeEncodeError)
class TellsInLatin(MemoryTracing):
    def _begun(self, parent: CallingSpan | None) -> MemoryTrace:
        class Latin(MemoryTrace):
            def end(self, watch: Watch, /) -> None:
                watch.route.encode("latin-1")
                super().end(watch)

        begun = super()._begun(parent)
        return Latin(
            trace_id=begun.trace_id, span_id=begun.span_id, parent_id=begun.parent_id, ended=begun.ended
        )
