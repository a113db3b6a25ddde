"""The champion that was left answers, by the trees and not by what stands in for them."""

import os
from datetime import UTC, datetime

from taxi_predictor import Place, Point, TripPlan, load_champion

champion = load_champion(os.environ["TAXI_HOME"])
plan = TripPlan(
    pickup=Place(Point(40.7580, -73.9855)),
    dropoff=Place(Point(40.6465, -73.7865)),
    pickup_at=datetime(2024, 3, 1, 13, 30, tzinfo=UTC),
)
[prediction] = champion.predict([plan])
low_s, high_s = prediction.interval_s(0.8)
assert 600 < low_s < prediction.duration_s < high_s < 7200, prediction
assert (prediction.source, prediction.degraded) == ("champion", None)
assert champion.explain(prediction).parts
