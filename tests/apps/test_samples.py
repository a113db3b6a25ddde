"""Rows that were refused are shown, but no more of them than are asked for."""

import pytest

from polars_tables import Polars
from taxi_predictor.apps.container import open_container
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.outbound.trips import PartName
from taxi_predictor.ports.testing.tables import Reject, stream

SHORT = Rejection.TOO_SHORT


@pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.memory.NotForProduction")
@pytest.mark.parametrize(("limit", "shown"), [(1, [1]), (3, [3]), (4, [3, 1]), (9, [3, 2])])
async def test_so_many_are_shown_part_by_part(limit: int, shown: list[int]) -> None:
    async with open_container(Settings(profile="memory")) as container:
        for name, refused in (("a", 3), ("b", 2)):
            rejects: list[Reject] = [(number, SHORT, "{}") for number in range(1, refused + 1)]
            batch = Polars().clean_batch(rejects=rejects)
            await container.outbound.trips.add(PartName(family="some", name=name), stream(batch))
        found = await container.stock.samples(SHORT, limit)
        assert [len(rows) for _, rows in found] == shown
        assert [part.name for part, _ in found] == ["a", "b"][: len(shown)]
