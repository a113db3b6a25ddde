"""Problem documents (RFC 9457), as a client of the HTTP face gets them."""

from collections.abc import Mapping
from typing import Any

__all__ = ["problem_of"]


def problem_of(response: Any, status: int) -> Mapping[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: Mapping[str, Any] = response.json()
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= problem.keys()
    return problem
