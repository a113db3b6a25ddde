"""How records get from the spool to the log, whatever goes wrong on the way."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from apps.away_log import AwayLog
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.predictions import MemoryPredictionLog
from taxi_predictor.adapters.memory.spool import MemoryPredictionSpool
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry, Shipped
from taxi_predictor.adapters.spool.spool import DiskPredictionSpool
from taxi_predictor.domain.errors import Invalid, Unavailable
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.inbound.answers import shipping
from taxi_predictor.ports.inbound.answers.shipping import SpoolHandover, SpoolShipping
from taxi_predictor.ports.testing.records import a_record
from taxi_predictor.ports.testing.samples import NOON
from waiting import eventually


def shipped_to(
    log: MemoryPredictionLog,
) -> tuple[SpoolShipping, MemoryPredictionSpool, RecordingTelemetry]:
    spool, telemetry = MemoryPredictionSpool(), RecordingTelemetry()
    use_case = SpoolShipping(spool=spool, log=log, clock=MemoryClock(NOON), telemetry=telemetry)
    return use_case, spool, telemetry


async def test_all_that_waits_is_shipped_once() -> None:
    log = AwayLog()
    use_case, spool, telemetry = shipped_to(log)
    spool.append([a_record(1), a_record(2)])
    spool.append([a_record(3)])
    assert await use_case.ship() == 3
    assert await use_case.ship() == 0
    assert await log.count() == 3
    assert sum(call.predictions for call in telemetry.calls if isinstance(call, Shipped)) == 3
    assert spool.state().size_bytes == 0


@pytest.mark.parametrize("trouble", ["is_away", "loses_answers"])
async def test_what_the_log_did_not_take_stays_and_comes_once_in_the_end(trouble: str) -> None:
    log = AwayLog()
    use_case, spool, _ = shipped_to(log)
    spool.append([a_record(1)])
    setattr(log, trouble, True)
    with pytest.raises(Unavailable):
        await use_case.ship()
    assert spool.state().size_bytes
    setattr(log, trouble, False)
    assert await use_case.ship() == 1
    assert await log.count() == 1


async def test_a_part_that_the_log_refuses_keeps_nobody_waiting() -> None:
    """It is set aside and counted, and what comes after it is shipped."""

    class Picky(AwayLog):
        async def add(self, records: Sequence[PredictionRecord], /) -> int:
            if a_record(1) in records:
                raise Invalid("no place for such a record")
            return await super().add(records)

    log = Picky()
    use_case, spool, _ = shipped_to(log)
    spool.append([a_record(1)])
    assert await use_case.ship() == 0
    spool.append([a_record(2)])
    assert await use_case.ship() == 1
    assert (spool.state().damaged, spool.state().size_bytes) == (1, 0)


async def test_what_is_appended_meanwhile_is_for_the_next_time() -> None:
    """Or under load it would never come to an end."""

    class Busy(AwayLog):
        async def add(self, records: Sequence[PredictionRecord], /) -> int:
            spool.append([a_record(len(self.records) + 100)])
            return await super().add(records)

    log = Busy()
    use_case, spool, _ = shipped_to(log)
    spool.append([a_record(1)])
    assert [await use_case.ship() for _ in range(3)] == [1, 1, 1]


async def test_who_is_cancelled_holds_nothing() -> None:
    """Wherever it was: the next one gets all of it."""

    class Slow(AwayLog):
        async def add(self, records: Sequence[PredictionRecord], /) -> int:
            await asyncio.sleep(0.02)
            return await super().add(records)

    for after_s in (0.0, 0.001, 0.005, 0.01, 0.021, 0.022, 0.025):
        use_case, spool, _ = shipped_to(log := Slow())
        spool.append([a_record(1)])
        shipping_ = asyncio.create_task(use_case.ship())
        await asyncio.sleep(after_s)
        shipping_.cancel()
        with suppress(asyncio.CancelledError):
            await shipping_
        await use_case.ship()
        assert log.records.keys() == {a_record(1).prediction_id}
        assert spool.state().size_bytes == 0


async def test_it_follows_through_an_outage_and_says_how_the_spool_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shipping, "EVERY_S", 0.01)
    monkeypatch.setattr(shipping, "LONGEST_PAUSE_S", 0.02)
    log = AwayLog()
    log.is_away = True
    use_case, spool, telemetry = shipped_to(log)
    spool.append([a_record(1)])
    following = asyncio.create_task(use_case.follow())
    await eventually(lambda: telemetry.spool and telemetry.spool.size_bytes, "it says that something waits")
    log.is_away = False
    await eventually(lambda: telemetry.spool and not telemetry.spool.size_bytes, "nothing waits any more")
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    assert await log.count() == 1
    assert telemetry.spool.size_bytes == 0


async def test_who_hands_over_ships_nothing_and_says_how_the_spool_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process beside it ships, while this one lives."""
    monkeypatch.setattr(shipping, "EVERY_S", 0.01)
    log, telemetry = AwayLog(), RecordingTelemetry()
    mine, beside = (DiskPredictionSpool(tmp_path, max_bytes=1 << 20) for _ in range(2))
    handover = SpoolHandover(spool=mine, clock=MemoryClock(NOON), telemetry=telemetry)
    shipper = SpoolShipping(spool=beside, log=log, clock=MemoryClock(NOON), telemetry=telemetry)
    following = asyncio.create_task(handover.follow())
    for number in range(3):
        mine.append([a_record(number)])
        await eventually(shipper.ship, "something was handed over")
    assert await log.count() == 3
    mine.append([a_record(3)])
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await handover.close()
    assert await shipper.ship() == 1
    assert telemetry.spool is not None


async def test_what_is_left_at_the_end_is_shipped_or_left_to_the_next() -> None:
    log = AwayLog()
    use_case, spool, _ = shipped_to(log)
    spool.append([a_record(1)])
    await use_case.close()
    assert await log.count() == 1

    log.is_away = True
    use_case, spool, _ = shipped_to(log)
    spool.append([a_record(2)])
    await use_case.close()
    assert spool.take() is not None
