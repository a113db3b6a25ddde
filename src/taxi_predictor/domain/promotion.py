"""Whether a trained model may serve: the candidate against the champion, on the same held-out days."""

from dataclasses import dataclass

from taxi_predictor.domain.evaluation import Scores

__all__ = ["PromotionPolicy", "Verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision on a candidate; *reasons* say all that spoke against it, or why it passed."""

    passed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionPolicy:
    """What a candidate must show on its held-out days."""

    min_held_out_trips: int = 50
    max_worse_share: float = 0.005
    """How much larger its MAE may be than the champion's: within it the fresher model wins."""
    coverage_80: tuple[float, float] = (0.72, 0.88)

    def judge(self, candidate: Scores, *, champion: Scores | None) -> Verdict:
        """Judge *candidate*; both scores are of the same held-out trips."""
        against: list[str] = []
        if candidate.n < self.min_held_out_trips:
            against.append(f"only {candidate.n} held-out trips, {self.min_held_out_trips} are needed")
        if candidate.r2 is None or not candidate.r2 > 0:
            against.append("no better than answering the mean duration: R2 is not positive")
        low, high = self.coverage_80
        if not low <= candidate.coverage_80 <= high:
            against.append(
                f"80 % intervals cover {candidate.coverage_80:.1%} of the trips, not {low:.0%} to {high:.0%}"
            )
        if champion is not None and candidate.mae_s > champion.mae_s * (1 + self.max_worse_share):
            against.append(f"MAE {candidate.mae_s:.1f} s against the champion's {champion.mae_s:.1f} s")
        if against:
            return Verdict(passed=False, reasons=tuple(against))
        rival = f"the champion's {champion.mae_s:.1f} s" if champion else "no champion"
        return Verdict(passed=True, reasons=(f"MAE {candidate.mae_s:.1f} s against {rival}",))
