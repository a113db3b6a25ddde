"""Whether a trained model may serve: everything that can be asked of it, and what each answer must be.

How the bounds were chosen is told in the decision on the gate (docs/adr/0008).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import add

from taxi_predictor.domain.bootstrap import Difference, relative_difference
from taxi_predictor.domain.city import City
from taxi_predictor.domain.evaluation import Evaluation, Tally
from taxi_predictor.domain.model import Manifest
from taxi_predictor.domain.verdict import Check, Verdict

__all__ = ["Champion", "Evidence", "PromotionPolicy", "same_city"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """What the model that serves did on the candidate's held-out days."""

    days: Sequence[Evaluation]
    """In the order of the candidate's."""
    learned_until: datetime
    is_refit: bool = False
    """It had seen some of those days, so its recipe was trained again on the candidate's cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of a candidate when it is judged."""

    manifest: Manifest
    artifact: str
    """Sha256 of its manifest file."""
    size_bytes: int
    median_latency_ms: float
    """Of a prediction for one trip."""
    days: Sequence[Evaluation]
    """One of each held-out day that has trips, with what the baselines did on it."""
    champion: Champion | None
    city: City
    """The one that is served here."""
    newest_trip_at: datetime
    sanity: Sequence[Check] = ()

    @property
    def total(self) -> Evaluation:
        return reduce(add, self.days, Evaluation(self.city))


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionPolicy:
    """The bounds; shares are fractions, biases relative to the mean duration of the same trips."""

    min_training_trips: int = 500
    min_held_out_trips: int = 50
    min_slice_trips: int = 500
    min_slice_days: int = 3
    """A slice of fewer days, such as one holiday, shows those days and not the model."""
    coverage_80: tuple[float, float] = (0.72, 0.88)
    slice_coverage_80: tuple[float, float] = (0.65, 0.93)
    bias: tuple[float, float] = (-0.25, 0.15)
    """A median lies below the mean of skewed durations, so good models are a little low."""
    slice_bias: tuple[float, float] = (-0.32, 0.13)
    max_worse_share: float = 0.005
    """How much larger its MAE may surely be than the champion's: within it the fresher model wins."""
    max_measured_worse_share: float = 0.02
    max_slice_worse_share: float = 0.05
    too_good_lift: float = 0.5
    max_latency_ms: float = 20.0
    max_size_bytes: int = 64 * 2**20
    max_older_days: int = 30
    max_data_age_days: int = 540

    def judge(self, evidence: Evidence) -> Verdict:
        """Ask everything, whatever the first answers are."""
        return Verdict.of(
            [*self._checks(evidence, evidence.total), *evidence.sanity], artifact=evidence.artifact
        )

    def _checks(self, evidence: Evidence, total: Evaluation) -> Iterator[Check]:
        yield from self._enough(evidence, total)
        yield from self._calibrated(evidence, total)
        yield from self._against_baselines(total)
        yield from self._against_champion(evidence, total)
        yield from self._fit_to_serve(evidence)
        yield from self._fresh(evidence)

    def _enough(self, evidence: Evidence, total: Evaluation) -> Iterator[Check]:
        for name, trips, least in (
            ("training", evidence.manifest.trips, self.min_training_trips),
            ("held-out", round(total.overall.n), self.min_held_out_trips),
        ):
            enough = trips >= least
            text = f"{trips:,} {name} trips" if enough else f"only {trips:,} {name} trips, {least} are needed"
            yield Check(f"{name}-trips", enough, text)

    def _calibrated(self, evidence: Evidence, total: Evaluation) -> Iterator[Check]:
        judged = self._judged(evidence, total)
        yield _within("coverage", {"all trips": _coverage(total.overall)}, self.coverage_80, "{:.1%}")
        by_slice = {name: _coverage(tally) for name, tally in judged.items()}
        yield _within("slice-coverage", by_slice, self.slice_coverage_80, "{:.1%}")
        yield _within("bias", {"all trips": _bias(total.overall)}, self.bias, "{:+.1%}")
        biases = {name: _bias(tally) for name, tally in judged.items()}
        yield _within("slice-bias", biases, self.slice_bias, "{:+.1%}")

    def _judged(self, evidence: Evidence, total: Evaluation) -> Mapping[str, Tally]:
        """The slices that have enough trips, on enough days, to say something."""
        least_days = min(self.min_slice_days, len(evidence.days))
        return {
            name: tally
            for name, tally in total.slices.items()
            if tally.n >= self.min_slice_trips
            and sum(name in day.slices for day in evidence.days) >= least_days
        }

    def _against_baselines(self, total: Evaluation) -> Iterator[Check]:
        scores, baselines = total.scores(), total.baselines()
        if scores is None or not baselines:
            yield Check("baselines", False, "no baseline was measured on the held-out trips")
            return
        best, of_best = min(baselines.items(), key=lambda item: item[1].mae_s)
        against = f"MAE {scores.mae_s:.1f} s against {of_best.mae_s:.1f} s of the baseline {best}"
        yield Check("baselines", scores.mae_s < of_best.mae_s, against)
        plausible = of_best.lift <= self.too_good_lift
        text = "is plausible" if plausible else "is too good to be true: looks like a leak"
        yield Check("plausible", plausible, f"{of_best.lift:.1%} below the best baseline {text}")

    def _against_champion(self, evidence: Evidence, total: Evaluation) -> Iterator[Check]:
        champion = evidence.champion
        if champion is None:
            yield Check("champion", True, f"MAE {_mae_s(total.overall):.1f} s against no champion")
            return
        rival = "the champion" if not champion.is_refit else "the champion's recipe on the same cut"
        pairs = list(zip(evidence.days, champion.days, strict=True))
        found = relative_difference([_errors_s(mine.overall, its.overall) for mine, its in pairs])
        if found is None:
            yield Check("champion", False, f"{rival} has no error to compare with")
            return
        is_worse = found.low > self.max_worse_share or found.share > self.max_measured_worse_share
        yield Check("champion", not is_worse, f"MAE {_words(found)} {rival}")

        worse = {}
        for name in self._judged(evidence, total):
            per_day = [
                _errors_s(mine.slices[name], its.slices.get(name, Tally()))
                for mine, its in pairs
                if name in mine.slices
            ]
            of_slice = relative_difference(per_day)
            if of_slice and of_slice.share > self.max_slice_worse_share and of_slice.low > 0:
                worse[name] = of_slice
        text = "; ".join(f"{name}: MAE {_words(found)} {rival}" for name, found in worse.items())
        yield Check("slice-champion", not worse, text or f"no slice is worse than that of {rival}")

    def _fit_to_serve(self, evidence: Evidence) -> Iterator[Check]:
        manifest, city = evidence.manifest, evidence.city
        yield same_city(manifest, city)
        latency_ms = evidence.median_latency_ms
        text = f"{latency_ms:.2f} ms for one prediction, {self.max_latency_ms:g} ms are allowed"
        yield Check("latency", latency_ms <= self.max_latency_ms, text)
        text = f"{evidence.size_bytes / 2**20:.1f} MB, {self.max_size_bytes / 2**20:g} MB are allowed"
        yield Check("size", evidence.size_bytes <= self.max_size_bytes, text)

    def _fresh(self, evidence: Evidence) -> Iterator[Check]:
        split, champion = evidence.manifest.split, evidence.champion
        older = champion.learned_until - split.held_out_from if champion else timedelta(0)
        text = f"the champion learned until {older.days} days later, {self.max_older_days} are allowed"
        is_fresh = older <= timedelta(days=self.max_older_days)
        yield Check("not-older", is_fresh, text if older > timedelta(0) else "no older than the champion")
        age = max(evidence.newest_trip_at - split.until, timedelta(0))
        text = f"the newest trip is {age.days} days after its data, {self.max_data_age_days} are allowed"
        yield Check("data-age", age <= timedelta(days=self.max_data_age_days), text)


def same_city(manifest: Manifest, city: City) -> Check:
    """Whether the model is of the city that is served: its name, its clock, its bounds."""
    mine = (manifest.city.name, manifest.city.time_zone, manifest.city.bounds)
    is_same = mine == (city.name, city.time_zone, city.bounds)
    text = f"a model of {manifest.city.name}"
    return Check("city", is_same, text if is_same else f"{text} does not serve {city.name} as it is set up")


def _within(name: str, found: Mapping[str, float], bounds: tuple[float, float], form: str) -> Check:
    low, high = bounds
    allowed = f"{form.format(low)} to {form.format(high)} are allowed"
    what = "80 % intervals hold {} of the trips" if "coverage" in name else "the answers are off by {}"
    # Written so that NaN fails too.
    wrong = [
        f"{where}: {what.format(form.format(value))}"
        for where, value in found.items()
        if not low <= value <= high
    ]
    if wrong:
        return Check(name, False, f"{'; '.join(wrong)}; {allowed}")
    worst = [f"{where} {form.format(value)}" for where, value in found.items()]
    return Check(name, True, f"{name}: {', '.join(worst) or 'no slice has enough trips'}")


def _words(found: Difference) -> str:
    return f"{found.share:+.1%} ({found.low:+.1%} to {found.high:+.1%}) against"


def _errors_s(mine: Tally, its: Tally) -> tuple[float, float]:
    return mine.abs_error_s, its.abs_error_s


def _coverage(tally: Tally) -> float:
    return tally.covered / tally.n if tally.n else 0.0


def _bias(tally: Tally) -> float:
    return tally.error_s / tally.actual_s if tally.n else 0.0


def _mae_s(tally: Tally) -> float:
    return tally.abs_error_s / tally.n if tally.n else 0.0
