"""What is old is forgotten, and what belongs to somebody can be erased wherever it went."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from warnings import catch_warnings, simplefilter

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.retention import MemoryRetention
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.profiles.memory import NotForProduction
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Invalid, Unavailable
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.inbound import retention
from taxi_predictor.ports.inbound.answers.feedback import Report
from taxi_predictor.ports.outbound.retention import Forgotten
from taxi_predictor.ports.outbound.spool import SpoolState
from taxi_predictor.ports.testing.records import a_prediction_id, a_record, an_outcome
from taxi_predictor.ports.testing.samples import NOON

LATER = NOON + timedelta(hours=1)
MINE, YOURS = "rider-7", "rider-8"


def opened(clock: MemoryClock, home: Path) -> AbstractAsyncContextManager[Container]:
    def at(outbound: Outbound) -> Outbound:
        return replace(outbound, clock=clock)

    with catch_warnings():
        simplefilter("ignore", NotForProduction)
        return open_container(Settings(profile="memory", home=home), swap=at)


async def stored(container: Container) -> int:
    return sum([len(batch) async for batch in container.outbound.trips.between(None, None)])


async def predict(container: Container, *records: PredictionRecord) -> None:
    await container.outbound.predictions.add(records)


async def report(container: Container, *numbers: int, duration_s: float = 700.0) -> None:
    reports = [Report(prediction_id=a_prediction_id(number), duration_s=duration_s) for number in numbers]
    await container.feedback.report(reports, owner="dispatch")


pytestmark = pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.memory.NotForProduction")


async def test_predictions_and_outcomes_go_with_age_and_trips_stay(tmp_path: Path) -> None:
    clock = MemoryClock(LATER)
    async with opened(clock, tmp_path) as container:
        await predict(container, a_record(1), a_record(2))
        await report(container, 1)
        clock.advance(timedelta(minutes=1))
        await container.outcome_intake.take_in()
        clock.advance(timedelta(days=30))
        assert (
            await container.retention.prune(keep_for=timedelta(days=31), blur_after=None)
        ).forgotten == Forgotten(predictions=0, outcomes=0)
        pruned = await container.retention.prune(keep_for=timedelta(days=30), blur_after=None)
        assert pruned.forgotten == Forgotten(predictions=2, outcomes=1)
        again = await container.retention.prune(keep_for=timedelta(days=30), blur_after=None)
        assert again.forgotten == Forgotten(predictions=0, outcomes=0)
        assert await stored(container) == 1


async def test_an_outcome_whose_prediction_never_came_goes_with_age_too(tmp_path: Path) -> None:
    clock = MemoryClock(LATER)
    async with opened(clock, tmp_path) as container:
        await report(container, 1)
        clock.advance(timedelta(days=30))
        pruned = await container.retention.prune(keep_for=timedelta(days=30), blur_after=None)
        assert pruned.forgotten == Forgotten(predictions=0, outcomes=1)


async def test_places_are_rounded_once_they_are_old(tmp_path: Path) -> None:
    exact = a_record(1)
    point = replace(exact.plan.pickup.point, lat_deg=40.756789)
    exact = replace(exact, plan=replace(exact.plan, pickup=replace(exact.plan.pickup, point=point)))
    clock = MemoryClock(LATER)
    async with opened(clock, tmp_path) as container:
        await predict(container, exact)
        for days, blurred in ((1, 0), (2, 1), (1, 0)):
            clock.advance(timedelta(days=days))
            pruned = await container.retention.prune(keep_for=None, blur_after=timedelta(days=3))
            assert pruned.blurred == blurred
        [found] = (await container.outbound.predictions.find([exact.prediction_id])).values()
        assert found.plan.pickup.point.lat_deg == 40.757


async def test_what_is_about_one_rider_is_erased_with_the_trips_that_were_made_of_it(tmp_path: Path) -> None:
    clock = MemoryClock(LATER)
    async with opened(clock, tmp_path) as container:
        await predict(
            container, *(a_record(n, reference=MINE) for n in (1, 2, 3)), a_record(4, reference=YOURS)
        )
        await report(container, 1, 2, 4)
        clock.advance(timedelta(minutes=1))
        assert (await container.outcome_intake.take_in()).added == 3
        erased = await container.retention.erase(reference=MINE)
        assert (erased.predictions, erased.outcomes, erased.trips) == (3, 2, 2)
        assert erased.is_all_shipped
        assert await stored(container) == 1
        clock.advance(timedelta(minutes=1))
        assert (await container.outcome_intake.take_in()).added == 0
        nothing = await container.retention.erase(reference=MINE)
        assert (nothing.predictions, nothing.outcomes, nothing.trips) == (0, 0, 0)


async def test_where_owner_and_reference_are_named_only_what_has_both_is_erased(tmp_path: Path) -> None:
    async with opened(MemoryClock(LATER), tmp_path) as container:
        await predict(
            container,
            a_record(1, owner="app", reference=MINE),
            a_record(2, owner="board", reference=MINE),
            a_record(3, owner="app"),
        )
        assert (await container.retention.erase(owner="app", reference=MINE)).predictions == 1
        assert (await container.retention.erase(owner="app")).predictions == 1
        assert (await container.retention.erase(owner="board")).predictions == 1


async def test_an_order_that_names_nobody_is_refused(tmp_path: Path) -> None:
    async with opened(MemoryClock(LATER), tmp_path) as container:
        await predict(container, a_record(1))
        with pytest.raises(Invalid):
            await container.retention.erase()
        assert (await container.stock.log()).predictions == 1


async def test_rows_of_the_erased_in_the_quarantine_are_erased_too(tmp_path: Path) -> None:
    clock = MemoryClock(LATER)
    async with opened(clock, tmp_path) as container:
        outcomes = [an_outcome(n, duration_s=1.0, reported_at=LATER) for n in (1, 2)]
        await container.outbound.outcomes.attach(outcomes)
        await predict(container, a_record(1, reference=MINE), a_record(2, reference=YOURS))
        clock.advance(timedelta(minutes=1))
        await container.outcome_intake.take_in()
        assert [count.rows for count in await container.outbound.quarantine.counts()] == [2]
        await container.retention.erase(reference=MINE)
        assert [count.rows for count in await container.outbound.quarantine.counts()] == [1]
        clock.advance(timedelta(days=40))
        await container.retention.prune(keep_for=timedelta(days=30), blur_after=None)
        assert not await container.outbound.quarantine.counts()


async def test_what_waits_in_the_spool_is_shipped_and_erased(tmp_path: Path) -> None:
    async with opened(MemoryClock(LATER), tmp_path) as container:
        container.outbound.spool.append([a_record(1, reference=MINE)])
        assert (await container.retention.erase(reference=MINE)).predictions == 1
        await container.shipping.ship()
        assert (await container.stock.log()).predictions == 0


async def test_a_spool_that_is_not_emptied_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of a service that runs and cannot reach the log."""
    monkeypatch.setattr(retention, "SPOOL_TRIES", 2)
    monkeypatch.setattr(retention, "SPOOL_PAUSE_S", 0.001)
    async with opened(MemoryClock(LATER), tmp_path) as container:
        held = SpoolState(size_bytes=250, oldest_at=NOON, damaged=0)
        monkeypatch.setattr(container.outbound.spool, "state", lambda: held)
        await predict(container, a_record(1, reference=MINE))
        erased = await container.retention.erase(reference=MINE)
    assert (erased.predictions, erased.is_all_shipped) == (1, False)


async def test_what_was_erased_in_part_is_found_again(tmp_path: Path) -> None:
    """The log goes away after the trips were erased."""

    class AwayOnce(MemoryRetention):
        was_away = False

        async def erase(self, *, owner: str | None = None, reference: str | None = None) -> Forgotten:
            if not self.was_away:
                self.was_away = True
                raise Unavailable("away")
            return await super().erase(owner=owner, reference=reference)

    clock = MemoryClock(LATER)

    def fragile(outbound: Outbound) -> Outbound:
        log, outcomes = outbound.predictions, outbound.outcomes
        return replace(outbound, clock=clock, retention=AwayOnce(log, outcomes, outbound.shadows))  # type: ignore[arg-type] # of profile memory

    async with open_container(Settings(profile="memory", home=tmp_path), swap=fragile) as container:
        await predict(container, a_record(1, reference=MINE))
        await report(container, 1)
        clock.advance(timedelta(minutes=1))
        await container.outcome_intake.take_in()
        with pytest.raises(Unavailable):
            await container.retention.erase(reference=MINE)
        await container.outcome_intake.take_in()  # makes the trip anew
        erased = await container.retention.erase(reference=MINE)
        assert (erased.predictions, erased.outcomes) == (1, 1)
        assert await stored(container) == 0
