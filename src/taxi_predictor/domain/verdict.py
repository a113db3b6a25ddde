"""The verdict on a candidate: every check, and whether it may serve."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

__all__ = ["Check", "Verdict"]


@dataclass(frozen=True, slots=True)
class Check:
    """One question that a candidate was asked; *detail* says in words what was found."""

    name: str
    """Stable across releases, such as ``coverage``."""
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision on one artifact; *reasons* say all that spoke against it, or why it passed."""

    passed: bool
    reasons: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    artifact: str = ""
    """Sha256 of the manifest of what was judged, which names every other file with its own; empty
    where a version was judged before verdicts were bound."""

    @classmethod
    def of(cls, checks: Sequence[Check], *, artifact: str) -> Self:
        """Passed if every check did."""
        failed = [check for check in checks if not check.passed]
        return cls(
            passed=not failed,
            reasons=tuple(check.detail for check in failed or checks),
            checks=tuple(checks),
            artifact=artifact,
        )

    @property
    def against(self) -> Sequence[str]:
        """What speaks against letting it serve that an override overrules; empty: nothing."""
        if not self.passed:
            return self.reasons or ("it does not say why",)
        return () if self.artifact else ("its verdict is not bound to its files: train again",)

    @property
    def failed(self) -> Sequence[str]:
        """The names of the checks that did not pass."""
        return [check.name for check in self.checks if not check.passed]
