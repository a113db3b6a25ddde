"""Fixed values for the suites: a trip, a history to train on, an artifact to keep."""

import hashlib
import json
import math
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import City
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.drift import ReferenceBins
from taxi_predictor.domain.evaluation import BaselineScores, Scores
from taxi_predictor.domain.model import MANIFEST_FILE, Manifest, ModelArtifact
from taxi_predictor.domain.place import Place, Point, ZoneId, great_circle_km
from taxi_predictor.domain.reference import Band, Measure, TrainingReference
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import FinishedTrip, TripId, TripPlan
from taxi_predictor.domain.verdict import Check, Verdict
from taxi_predictor.ports.outbound.registry import ModelReport
from taxi_predictor.ports.testing.strategies import A_CITY

__all__ = [
    "NOON",
    "SPLIT",
    "a_history",
    "a_report",
    "a_trip",
    "an_artifact",
]

NOON = datetime(2023, 1, 15, 17, tzinfo=UTC)
"""Noon in the city of the samples."""

SPLIT = TimeSplit(
    fit_from=datetime(2023, 1, 1, 5, tzinfo=UTC),
    validate_from=datetime(2023, 1, 31, 5, tzinfo=UTC),
    held_out_from=datetime(2023, 2, 10, 5, tzinfo=UTC),
    until=datetime(2023, 2, 15, 5, tzinfo=UTC),
)


def a_trip(number: int, *, at: datetime = NOON, duration_s: float = 600.0) -> FinishedTrip:
    """A trip whose id sorts by *number*."""
    return FinishedTrip(
        trip_id=TripId(f"{number:032x}"),
        plan=TripPlan(
            pickup=Place(Point(40.75, -73.98), ZoneId(161)),
            dropoff=Place(Point(40.77, -73.95)),
            pickup_at=at,
            passenger_count=1,
        ),
        duration_s=duration_s,
        metered_distance_km=5.5,
        total_amount=19.25,
    )


def a_history(*, trips: int = 2_000, speed_km_h: float = 20.0, city: City = A_CITY) -> list[FinishedTrip]:
    """Trips through the fit and the validation window of :data:`SPLIT`, oldest first, always the same.

    Slower in the afternoon, with a scatter of a fifth.
    """
    random, bounds = Random(20230101), city.bounds  # noqa: S311 # a sample, not a secret
    span_s = (SPLIT.held_out_from - SPLIT.fit_from).total_seconds()

    def somewhere() -> Place:
        return Place(
            Point(
                random.uniform(bounds.south_deg, bounds.north_deg),
                random.uniform(bounds.west_deg, bounds.east_deg),
            )
        )

    history = []
    for number in range(trips):
        # Two at a time: the order of equal instants is not part of the data.
        pickup_at = SPLIT.fit_from + timedelta(seconds=round(span_s * (number // 2 * 2) / trips))
        pickup, dropoff = somewhere(), somewhere()
        ends = pickup.point, dropoff.point
        distance_km = great_circle_km(
            SCALAR, ends[0].lat_deg, ends[0].lon_deg, ends[1].lat_deg, ends[1].lon_deg
        )
        slowness = 1.3 if 19 <= pickup_at.hour <= 22 else 1.0
        scatter = math.exp(random.gauss(0, 0.2))
        history.append(
            FinishedTrip(
                trip_id=TripId(f"{random.getrandbits(128):032x}"),
                plan=TripPlan(pickup=pickup, dropoff=dropoff, pickup_at=pickup_at),
                duration_s=max(distance_km / speed_km_h * 3600 * slowness * scatter, 60.0),
            )
        )
    return history


def an_artifact(
    folder: Path, *, name: str = "trees.txt", content: bytes = b"\x00a model\r\n\xff"
) -> ModelArtifact:
    """An artifact of no engine, for those who keep artifacts without opening them.

    It is written into *folder*: a manifest and one file beside it.
    """
    (folder / name).write_bytes(content)
    manifest = Manifest(
        engine="none",
        city=A_CITY,
        features=("distance_km", "minute_of_day"),
        residuals=ScaledResiduals((0.1, 0.5, 0.9), (-1.25, 0.0, 1.5)),
        split=SPLIT,
        trips=2_000,
        sources=("sample", "tlc-green"),
        fingerprint=hashlib.sha256(content).hexdigest(),
        seed=7,
        params={"num_leaves": 63, "learning_rate": 0.05, "objective": "regression"},
        created_at=NOON,
        code_version="0.0.0",
        reference=TrainingReference(
            features={"distance_km": ReferenceBins((0.5, 2.25, 9.0), (0.4, 0.6), 1.75)},
            bands={
                Measure.MAE: Band(lower=0.0, upper=260.5, day_deviation=12.25),
                Measure.COVERAGE: Band(lower=0.72, upper=0.88, day_deviation=0.0),
            },
        ),
        files={name: hashlib.sha256(content).hexdigest()},
    )
    (folder / MANIFEST_FILE).write_text(json.dumps(asdict(manifest), default=_iso))
    return ModelArtifact(folder, manifest)


def a_report(*, mae_s: float = 123.456789, passed: bool = True) -> ModelReport:
    scores = Scores(
        n=1_234,
        mae_s=mae_s,
        rmse_s=200.5,
        mape=0.25,
        rmsle=0.3,
        r2=0.75,
        bias_s=-3.5,
        within_5_min=0.875,
        pinball_s=60.25,
        coverage_80=0.8,
        width_80_s=500.0,
    )
    checks = [
        Check("champion", True, f"MAE {mae_s:.1f} s against no champion"),
        Check("size", passed, "0.1 MB, 64 MB are allowed"),
    ]
    return ModelReport(
        held_out=scores,
        slices={"under 1.5 km": scores, "night": scores},
        verdict=Verdict.of(checks, artifact="5e" * 32),
        baselines={"shrunk lookup": BaselineScores(mae_s=2 * mae_s, lift=0.5)},
    )


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a manifest holds no {type(value).__name__}")
