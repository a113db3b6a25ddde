"""A caller's trace is followed where what it says makes sense."""

import pytest

from taxi_predictor.ports.outbound.tracing import CallingSpan, calling_span

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("told", "is_followed"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"00-{TRACE}-{SPAN}-02", False),
        (f"01-{TRACE}-{SPAN}-01-of-a-version-to-come", True),
    ],
)
def test_what_makes_sense_is_followed_as_it_says(told: str, is_followed: bool) -> None:
    assert calling_span(told) == CallingSpan(trace_id=TRACE, span_id=SPAN, is_followed=is_followed)


@pytest.mark.parametrize(
    "told",
    [
        "",
        "nonsense",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
    ],
)
def test_what_makes_no_sense_is_not(told: str) -> None:
    assert calling_span(told) is None
