"""Files are answered row for row as single trips are, by one model and level, however often interrupted."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.scoring import MemoryRow, MemoryRows, MemoryScoringFiles
from taxi_predictor.domain.errors import MissingSource, StorageFull
from taxi_predictor.domain.level import STRATA, LiveLevel
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.files.scoring import Scored, Scoring
from taxi_predictor.ports.outbound.scoring import Reached, RowForm, RowPiece, TripRows
from taxi_predictor.ports.outbound.shelf import ServedModel
from taxi_predictor.ports.testing.samples import NOON, a_history

TRIPS = [trip.plan for trip in a_history(trips=40)]
ROWS: list[MemoryRow] = [*TRIPS[:7], "missing-field", *TRIPS[7:20], "unknown-zone", *TRIPS[20:]]


class BreaksOff(MemoryRows):
    """Cannot be read on after a piece."""

    async def pieces(self, reached: Reached, /, *, now: datetime) -> AsyncGenerator[RowPiece, None]:
        pieces = 0
        async for piece in super().pieces(reached, now=now):
            if pieces == 1:
                raise StorageFull("there is no room")
            pieces += 1
            yield piece


class BreakingFiles(MemoryScoringFiles):
    breaks_off = True

    async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
        rows = await super().rows(source, form, zones=zones)
        return BreaksOff(source, self.trips[source]) if self.breaks_off else rows


def a_level(height: float) -> LiveLevel:
    return LiveLevel(as_of=NOON, trips=9, city=height, strata=(height,) * STRATA)


def scoring_of(files: MemoryScoringFiles, predictor: DurationPredictor) -> Scoring:
    return Scoring(files=files, predictor=predictor, clock=MemoryClock(NOON))


async def score(files: MemoryScoringFiles, predictor: DurationPredictor, coverage: float = 0.8) -> Scored:
    return await scoring_of(files, predictor).score("trips", "answers", form=RowForm.CSV, coverage=coverage)


@pytest.mark.parametrize("coverage", [0.8, 0.5, 0.99])
async def test_each_row_has_the_numbers_of_a_single_trip(
    predictor: DurationPredictor, coverage: float
) -> None:
    files = MemoryScoringFiles({"trips": ROWS})
    told: list[tuple[int, int | None]] = []

    async def tell(reached: Reached, total: int | None) -> None:
        told.append((reached.rows, total))

    scored = await scoring_of(files, predictor).score(
        "trips", "answers", form=RowForm.CSV, coverage=coverage, tell=tell
    )
    assert scored == Scored(rows=len(ROWS), refused=2, resumed_at=0)
    assert told[0] == (0, len(ROWS))
    assert told[-1] == (len(ROWS), len(ROWS))
    for number, (row, answer) in enumerate(zip(ROWS, files.answered["answers"], strict=True), 1):
        if isinstance(row, str):
            assert answer == (number, f"trip {number}", None, None, None, row)
        else:
            [single] = predictor.predict([row])
            expected = (single.duration_s, *single.interval_s(coverage))
            assert answer == (number, f"trip {number}", *expected, None)


async def test_work_that_is_interrupted_again_and_again_is_done_once(predictor: DurationPredictor) -> None:
    files, whole = BreakingFiles({"trips": ROWS}), MemoryScoringFiles({"trips": ROWS})
    begun_at = []
    while "answers" not in files.answered:
        async with files.answers("answers", RowForm.CSV) as answers:
            begun_at.append((await answers.reached()).rows)
        files.breaks_off = len(begun_at) < 6
        try:
            scored = await score(files, predictor)
        except StorageFull:
            continue
    assert begun_at == [0, 3, 6, 9, 12, 15]
    assert scored.resumed_at == 15
    await score(whole, predictor)
    assert files.answered == whole.answered


async def test_the_city_may_change_meanwhile_and_the_file_does_not(
    predictor: DurationPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows are answered by the level of the beginning."""
    files, level = BreakingFiles({"trips": ROWS}), [a_level(0.25)]

    def current(_: ServedModel) -> LiveLevel:
        return level[0]

    monkeypatch.setattr(predictor, "_current_level", current)
    usual = MemoryScoringFiles({"trips": ROWS})
    await score(usual, predictor)
    with pytest.raises(StorageFull):
        await score(files, predictor)
    level[0], files.breaks_off = a_level(-0.5), False
    await score(files, predictor)
    assert files.answered == usual.answered


@pytest.mark.parametrize("change", ["coverage", "trips"])
async def test_by_other_terms_all_is_begun_anew(predictor: DurationPredictor, change: str) -> None:
    files = BreakingFiles({"trips": ROWS})
    with pytest.raises(StorageFull):
        await score(files, predictor)
    files.breaks_off = False
    if change == "trips":
        files.trips["trips"] = ROWS[::-1]
    scored = await score(files, predictor, 0.9 if change == "coverage" else 0.8)
    assert scored.resumed_at == 0
    anew: Sequence[MemoryRow] = files.trips["trips"]
    whole = MemoryScoringFiles({"trips": anew})
    await score(whole, predictor, 0.9 if change == "coverage" else 0.8)
    assert files.answered == whole.answered


async def test_another_model_begins_anew(
    predictor: DurationPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = BreakingFiles({"trips": ROWS})
    with pytest.raises(StorageFull):
        await score(files, predictor)
    files.breaks_off = False
    served = predictor.serving()
    other = ServedModel(served.version and type(served.version)(served.version + 1), served.model)
    monkeypatch.setattr(predictor._ladder, "serving", lambda: other)
    assert (await score(files, predictor)).resumed_at == 0


async def test_a_file_that_is_not_there_leaves_nothing_begun(predictor: DurationPredictor) -> None:
    files = MemoryScoringFiles({})
    with pytest.raises(MissingSource):
        await score(files, predictor)
    async with files.answers("answers", RowForm.CSV) as answers:
        assert await answers.terms() is None
