"""Who walks the trees: our own machine code, or LightGBM where that cannot be."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.columns.timetable import Ask, AskFew, AskTrip, Timetable
from taxi_predictor.adapters.lightgbm.booster_text import Unwalkable
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.forest import Forest
from taxi_predictor.adapters.lightgbm.scorer import RowScorer
from taxi_predictor.domain.level import STRATA, LiveLevel
from taxi_predictor.domain.model import Manifest
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import TripPlan

if TYPE_CHECKING:
    from taxi_predictor.adapters.lightgbm.walker import Walker

__all__ = ["LIGHTGBM", "WALKER", "Evaluator", "asking", "by_lightgbm", "evaluator_of", "trips_asked_at_once"]

log = logging.getLogger(__name__)

WALKER, LIGHTGBM = "walker", "lightgbm"
SMALLEST_SPREAD = 0.02
"""The smallest spread of ln(seconds), about 2 %: no trip is more certain than that."""
PROBES, TRIPS = 64, 16
YEAR_S = 366 * 86_400
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Two boosters as one engine: the first says the centre, the second the spread."""

    name: str
    ask: Ask
    ask_few: AskFew
    walker: "Walker | None" = None


def evaluator_of(
    centre: lightgbm.Booster, spread: lightgbm.Booster, forest: Callable[[], Forest] | None = None
) -> Evaluator:
    """The quickest that can answer with both; the log tells which, and why it is not our own.

    Args:
        forest: makes or finds the two as tables; None: from what they say of themselves.
    """
    try:
        # It needs a library that need not be there.
        from taxi_predictor.adapters.lightgbm.walker import Walker

        walker = Walker(forest() if forest else Forest.of(centre.model_to_string(), spread.model_to_string()))
        _compare(walker, centre, spread)
    except (ImportError, OSError, RuntimeError, Unwalkable) as error:
        _tell(LIGHTGBM, str(error))
        return by_lightgbm(centre, spread)
    _tell(WALKER, None)
    return _by_walker(walker)


@cache
def _tell(evaluator: str, reason: str | None) -> None:
    """Once per process: a model on the disk is opened every few seconds, to see that it still can be."""
    level = logging.INFO if reason is None else logging.WARNING
    log.log(level, "model.evaluator", extra={"evaluator": evaluator, "reason": reason})


def _compare(walker: "Walker", *boosters: lightgbm.Booster) -> None:
    """See that it says what LightGBM says, at values around its thresholds and where some are missing.

    Raises:
        Unwalkable: it does not.
    """
    rng = np.random.default_rng(0)
    rows = np.zeros((PROBES, boosters[0].num_feature()))
    for feature in range(rows.shape[1]):
        known = [*walker.splits_of(feature), 0.0]
        rows[:, feature] = rng.choice(known, PROBES) + rng.choice([-1e-6, 0.0, 1e-6], PROBES)
    rows[rng.random(rows.shape) < 1 / 8] = np.nan
    expected = np.stack([booster.predict(rows, num_threads=1) for booster in boosters])
    few = [walker.of_few(rows[number : number + 1].tolist()) for number in range(PROBES)]
    for said in (walker.of_rows(rows), np.transpose(few)):
        if not np.allclose(said, expected, rtol=TOLERANCE, atol=TOLERANCE):
            raise Unwalkable("it would answer something else than LightGBM")


def _by_walker(walker: "Walker") -> Evaluator:
    def ask(rows: Floats, threads: int) -> tuple[Floats, Floats]:
        mu, sigma = walker.of_rows(rows, threads=threads)
        return mu, np.maximum(sigma, SMALLEST_SPREAD)

    def ask_few(rows: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
        said = walker.of_few(rows)
        return [
            (mu, sigma if sigma > SMALLEST_SPREAD else SMALLEST_SPREAD)
            for mu, sigma in zip(said[: len(rows)], said[len(rows) :], strict=True)
        ]

    return Evaluator(WALKER, ask, ask_few, walker)


def trips_asked_at_once(evaluator: Evaluator, manifest: Manifest) -> AskTrip | None:
    """What answers one trip of a model at once; None: nothing of ours can, and the log tells why."""
    if evaluator.walker is None:
        return None
    try:
        from taxi_predictor.adapters.lightgbm.trip_walker import TripWalker

        ask_trip = TripWalker(
            evaluator.walker, manifest.city, manifest.features, smallest_spread=SMALLEST_SPREAD
        )
        _compare_trips(manifest, evaluator.ask_few, ask_trip)
    except (OSError, RuntimeError, Unwalkable) as error:
        _tell(WALKER, f"trips are asked step by step: {error}")
        return None
    return ask_trip


def _compare_trips(manifest: Manifest, ask_few: AskFew, ask_trip: AskTrip) -> None:
    """See that trips all over the city and the year are answered as step by step, to the last bit.

    Raises:
        Unwalkable: they are not.
    """
    rng, city = np.random.default_rng(0), manifest.city
    by_steps, at_once = (
        Timetable(city, manifest.features, manifest.residuals, _nobody, ask_few, ask)
        for ask in (None, ask_trip)
    )
    bounds = city.bounds
    low, high = (bounds.south_deg, bounds.west_deg), (bounds.north_deg, bounds.east_deg)
    level = LiveLevel(
        as_of=manifest.created_at, trips=1, city=0.0, strata=tuple(rng.uniform(-0.5, 0.5, STRATA).tolist())
    )
    for _ in range(TRIPS):
        pickup, dropoff = (Place(Point(*rng.uniform(low, high).tolist())) for _ in range(2))
        at = manifest.created_at + timedelta(seconds=float(rng.uniform(0, YEAR_S)))
        plan = TripPlan(pickup=pickup, dropoff=dropoff, pickup_at=at)
        for now in (None, level):
            if by_steps.estimate([plan], now) != at_once.estimate([plan], now):
                raise Unwalkable("a trip would be answered otherwise at once than step by step")


def _nobody(rows: Floats, threads: int) -> tuple[Floats, Floats]:
    raise AssertionError("many rows are not asked here")


def by_lightgbm(centre: lightgbm.Booster, spread: lightgbm.Booster) -> Evaluator:
    """LightGBM itself, which can answer with any booster."""
    score = RowScorer(centre, spread)

    def ask_few(rows: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
        return [(mu, max(sigma, SMALLEST_SPREAD)) for mu, sigma in map(score, rows)]

    return Evaluator(LIGHTGBM, asking(centre, spread), ask_few)


def asking(centre: lightgbm.Booster, spread: lightgbm.Booster) -> Ask:
    """What LightGBM says of many rows; for boosters that are asked once, as while a model is trained."""

    def ask(rows: Floats, threads: int) -> tuple[Floats, Floats]:
        mu = centre.predict(rows, num_threads=threads)
        sigma = spread.predict(rows, num_threads=threads)
        return np.asarray(mu), np.maximum(np.asarray(sigma), SMALLEST_SPREAD)

    return ask
