"""One trip of every so many is the same one however trips are cut into batches."""

import polars as pl
import pytest

from polars_tables import Polars
from taxi_predictor.adapters.columns.arrays import one_of_every, thinned
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.testing.samples import a_trip


@pytest.mark.parametrize("every", [1, 3, 7, 100])
@pytest.mark.parametrize("sizes", [[50], [1, 48, 1], [10, 0, 40], [2] * 25])
def test_the_cut_does_not_matter(every: int, sizes: list[int]) -> None:
    trips, batches, first = [a_trip(number) for number in range(50)], [], 0
    for size in sizes:
        batches.append(Polars().trip_batch(trips[first : first + size]))
        first += size
    assert list(TripBatch(thinned(batches, every))) == trips[::every]


def test_what_is_chosen_holds_on_to_nothing_else() -> None:
    many = pl.DataFrame({"trip_id": [f"{number:032x}" for number in range(100_000)]})
    assert one_of_every(many, 1_000, 0).estimated_size() < many.estimated_size() / 100
