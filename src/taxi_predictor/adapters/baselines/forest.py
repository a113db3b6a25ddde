"""What a first attempt would do: eight plain features and a random forest on seconds."""

from typing import Any

import numpy as np

from taxi_predictor.adapters.columns.arrays import Floats, as_column, encode_batch
from taxi_predictor.domain.arithmetic import Column
from taxi_predictor.domain.city import City
from taxi_predictor.domain.trip import PlanBatch
from taxi_predictor.ports.outbound.baselines import Baseline

__all__ = ["SeedForest", "plain_features"]

MAX_TRIPS = 200_000
ENDS = ("distance_km", "pickup_lat_deg", "pickup_lon_deg", "dropoff_lat_deg", "dropoff_lon_deg")


class SeedForest(Baseline):
    """30 trees with leaves of 5 trips or more, on at most 200,000 trips drawn by *seed*.

    The leaves of one trip that scikit-learn would grow by itself miss more, and take more memory.
    """

    name = "seed's forest"

    def __init__(self, city: City, rows: Floats, duration_s: Floats, *, seed: int) -> None:
        from sklearn.ensemble import RandomForestRegressor  # late: those who serve do without it

        self._city = city
        if len(rows) > MAX_TRIPS:
            drawn = np.sort(np.random.default_rng(seed).choice(len(rows), MAX_TRIPS, replace=False))
            rows, duration_s = rows[drawn], duration_s[drawn]
        forest: Any = RandomForestRegressor(n_estimators=30, min_samples_leaf=5, random_state=seed, n_jobs=-1)
        self._forest = forest.fit(rows, duration_s)
        # Sums of trees in the order of their threads would differ from call to call.
        self._forest.set_params(n_jobs=1)

    def duration_s(self, plans: PlanBatch, /) -> Column:
        if not len(plans):
            return as_column(np.empty(0))
        return as_column(np.asarray(self._forest.predict(plain_features(plans, self._city))))


def plain_features(plans: PlanBatch, city: City) -> Floats:
    """Distance, both places, hour, weekday and month: a row per plan."""
    values = {name: np.asarray(column) for name, column in encode_batch(plans, city).items()}
    hour = values["minute_of_day"] // 60
    return np.column_stack([*(values[name] for name in ENDS), hour, values["weekday"], values["month"]])
