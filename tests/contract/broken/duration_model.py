"""Adapters that break what DurationModel promises."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedModel
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.explanation import Explanation
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import BatchEstimate, Manifest
from taxi_predictor.domain.trip import PlanBatch, TripPlan
from taxi_predictor.ports.testing.duration_model import DurationModelContract
from taxi_predictor.ports.testing.samples import a_trip


@breaks(DurationModelContract, "test_answers_stand_in_the_order_of_the_plans")
@breaks(DurationModelContract, "test_a_batch_is_estimated_as_its_trips_are")
class AnswersInReverse(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return super().estimate(plans, level=level)[::-1]


@breaks(DurationModelContract, "test_no_plans_no_answers")
class AnswersUnasked(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return super().estimate(plans or [a_trip(1).plan], level=level)


@breaks(DurationModelContract, "test_every_quantile_is_positive_and_finite")
class SpreadsTheWrongWay(ConstantSpeedModel):
    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest)
        self._sigma *= -1


@breaks(DurationModelContract, "test_a_trip_that_ends_where_it_begins_has_a_duration")
class IsThereAtOnce(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return [
            replace(answer, mu=-math.inf) if plan.pickup == plan.dropoff else answer
            for plan, answer in zip(plans, super().estimate(plans, level=level), strict=True)
        ]


@breaks(DurationModelContract, "test_leaving_later_never_arrives_earlier")
class HurriesAfterHalfPast(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return [
            replace(answer, mu=answer.mu + 3 * (plan.pickup_at.minute < 30))
            for plan, answer in zip(plans, super().estimate(plans, level=level), strict=True)
        ]


@breaks(DurationModelContract, "test_no_median_is_faster_than_a_car")
class Flies(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return [replace(answer, mu=answer.mu - 3) for answer in super().estimate(plans, level=level)]


@breaks(DurationModelContract, "test_a_level_moves_the_median_its_way")
class HearsNoLevel(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return super().estimate(plans)


@breaks(DurationModelContract, "test_an_explanation_adds_up")
class ExplainsWithoutTheLevel(ConstantSpeedModel):
    def explain(self, plan: TripPlan, /, *, level: LiveLevel | None = None) -> Explanation:
        return super().explain(plan)


@breaks(DurationModelContract, "test_a_batch_is_estimated_as_its_trips_are")
class EstimatesBatchesRoughly(ConstantSpeedModel):
    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        exact = super().estimate_batch(plans, level=level)
        return replace(exact, distribution=replace(exact.distribution, mu=exact.distribution.mu + 1e-6))


@breaks(DurationModelContract, "test_a_batch_tells_the_features_it_was_estimated_from")
class MeasuresInMiles(ConstantSpeedModel):
    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        exact = super().estimate_batch(plans, level=level)
        miles = exact.features["distance_km"] / 1.609344
        return replace(exact, features={**exact.features, "distance_km": miles})


@breaks(DurationModelContract, "test_its_batches_can_be_scored")
class TakesKilometresForMiles(ConstantSpeedModel):
    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest)
        self._speed_km_h /= 3


@breaks(DurationModelContract, "test_threads_may_share_it")
class HasOneDesk(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        self._plans = plans
        time.sleep(0.001)
        return super().estimate(self._plans, level=level)
