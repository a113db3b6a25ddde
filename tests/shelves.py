"""Files of trips and of jobs as the suites of their contracts look at them."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from taxi_predictor.adapters.memory.jobs import MemoryJobStore
from taxi_predictor.adapters.memory.scoring import MemoryScoringFiles
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.testing.jobs import JobShelf
from taxi_predictor.ports.testing.scoring import AnswerRow, FileShelf

__all__ = ["JobsInMemory", "JobsOnDisk", "ShelfInMemory", "answers_in", "csv_of"]

COLUMNS = ("pickup_at", "pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon", "reference")


class ShelfInMemory(FileShelf):
    def __init__(self, files: MemoryScoringFiles) -> None:
        self._files = files

    def put(self, rows: Sequence[TripPlan | None], /, *, name: str = "trips") -> str:
        self._files.trips[name] = [row or str(Rejection.MISSING_FIELD) for row in rows]
        return name

    def answers(self, target: str, /) -> Sequence[AnswerRow] | None:
        return self._files.answered.get(target)


class JobsInMemory(JobShelf):
    def __init__(self, jobs: MemoryJobStore) -> None:
        self._jobs = jobs

    def read(self, name: str, /) -> bytes | None:
        return self._jobs.files.get(name)

    def write(self, name: str, content: bytes, /) -> None:
        self._jobs.files[name] = content


class JobsOnDisk(JobShelf):
    def read(self, name: str, /) -> bytes | None:
        return Path(name).read_bytes() if Path(name).exists() else None

    def write(self, name: str, content: bytes, /) -> None:
        Path(name).write_bytes(content)


def csv_of(rows: Sequence[TripPlan | None]) -> bytes:
    """A file of trips; None lacks everything."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, row in enumerate(rows, 1):
        if row is None:
            writer.writerow(("", "", "", "", "", number))
        else:
            ends = (row.pickup.point, row.dropoff.point)
            places = [value for point in ends for value in (point.lat_deg, point.lon_deg)]
            writer.writerow((row.pickup_at.isoformat(), *places, number))
    return text.getvalue().encode()


def answers_in(content: bytes) -> list[AnswerRow]:
    """The rows of a CSV of answers."""
    return [
        (
            int(row["row_number"]),
            row["reference"] or None,
            *(float(row[name]) if row[name] else None for name in ("duration_s", "lower_s", "upper_s")),
            row["problem"] or None,
        )
        for row in csv.DictReader(StringIO(content.decode()))
    ]
