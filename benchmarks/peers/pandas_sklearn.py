"""The usual way: all trips in a data frame, features by numpy, trees by scikit-learn.

    python pandas_sklearn.py FOLDER TREES

Refuses what our cleaning refuses of such files, and makes as many features of the same kind.
"""

import json
import resource
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

EARTH_KM, KM_PER_DEG = 6371.0, 111.2
TURN = np.radians(29.0)
BOUNDS = {"lat": (40.48, 40.93), "lon": (-74.28, -73.65)}


def read(folder: Path) -> pd.DataFrame:
    trips = pd.concat([pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))], ignore_index=True)
    for end in ("pickup_at", "dropoff_at"):
        trips[end] = pd.to_datetime(trips[end])
    trips["duration_s"] = (trips["dropoff_at"] - trips["pickup_at"]).dt.total_seconds()
    believable = trips["duration_s"].between(60, 3 * 3600)
    for end in ("pickup", "dropoff"):
        for axis, (least, most) in BOUNDS.items():
            believable &= trips[f"{end}_{axis}"].between(least, most)
    return trips[believable].drop_duplicates().sort_values("pickup_at")


def features(trips: pd.DataFrame) -> np.ndarray:
    start_lat, start_lon, end_lat, end_lon = (
        trips[name].to_numpy() for name in ("pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon")
    )
    lat, lon = np.radians(start_lat), np.radians(start_lon)
    north, east = np.radians(end_lat) - lat, np.radians(end_lon) - lon
    half = np.sin(north / 2) ** 2 + np.cos(lat) * np.cos(np.radians(end_lat)) * np.sin(east / 2) ** 2
    distance_km = 2 * EARTH_KM * np.arcsin(np.sqrt(half))
    north_km, east_km = EARTH_KM * north, EARTH_KM * east * np.cos(lat)
    along_km = north_km * np.cos(TURN) + east_km * np.sin(TURN)
    across_km = east_km * np.cos(TURN) - north_km * np.sin(TURN)
    at = trips["pickup_at"].dt
    minute = (at.hour * 60 + at.minute).to_numpy()
    weekday = at.weekday.to_numpy()
    ends = [
        (latitude - 40.75) * KM_PER_DEG * turned + (longitude + 73.98) * KM_PER_DEG * 0.76 * other
        for latitude, longitude in ((start_lat, start_lon), (end_lat, end_lon))
        for turned, other in ((np.cos(TURN), np.sin(TURN)), (-np.sin(TURN), np.cos(TURN)))
    ]
    return np.column_stack(
        [
            *(start_lat, start_lon, end_lat, end_lon),
            *((start_lat + end_lat) / 2, (start_lon + end_lon) / 2),
            *(distance_km, east_km, north_km, np.degrees(np.arctan2(east_km, north_km))),
            *(along_km, across_km, np.abs(along_km) + np.abs(across_km)),
            *ends,
            *(minute, weekday, weekday * 1440 + minute),
            *(at.day.to_numpy() == 1, weekday >= 5),
        ]
    )


def main() -> None:
    began_s = perf_counter()
    trips = read(Path(sys.argv[1]))
    log_s = np.log(trips["duration_s"].to_numpy())
    matrix = features(trips)
    read_s = perf_counter() - began_s
    HistGradientBoostingRegressor(
        loss="absolute_error",
        learning_rate=0.12,
        max_iter=int(sys.argv[2]),
        max_leaf_nodes=127,
        min_samples_leaf=50,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=1,
    ).fit(matrix, log_s)
    found = {
        "trips": len(trips),
        "read_s": read_s,
        "seconds": perf_counter() - began_s,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
