"""What waits for the collector: nobody waits for it, and what is lost is counted."""

import threading
import time
from collections.abc import Sequence

from taxi_predictor.adapters.otel.outbox import BATCH, Outbox
from waiting import until

SOON_S = 10.0


class Collector:
    """Takes what it is sent when it is let to."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.is_away = is_away
        self.received: list[int] = []
        self.open = threading.Event()
        self.open.set()

    def send(self, batch: Sequence[int]) -> bool:
        self.open.wait()
        if self.is_away:
            return False
        self.received += batch
        return True


class Lost:
    def __init__(self) -> None:
        self.number = 0
        self._turn = threading.Lock()

    def __call__(self, number: int) -> None:
        with self._turn:
            self.number += number


def test_all_of_it_arrives_in_its_order() -> None:
    collector, lost = Collector(), Lost()
    outbox = Outbox(collector.send, lost, name="spans")
    for number in range(3 * BATCH + 1):
        outbox.put(number)
    until(lambda: len(collector.received) > 3 * BATCH)
    assert collector.received == list(range(3 * BATCH + 1))
    outbox.close(SOON_S)
    assert lost.number == 0


def test_a_few_arrive_without_more_of_them() -> None:
    collector = Collector()
    outbox = Outbox(collector.send, Lost(), name="spans")
    outbox.put(1)
    until(lambda: collector.received == [1])
    outbox.close(SOON_S)


def test_what_the_collector_does_not_take_is_lost_and_counted() -> None:
    collector, lost = Collector(is_away=True), Lost()
    outbox = Outbox(collector.send, lost, name="spans")
    for number in range(7):
        outbox.put(number)
    until(lambda: lost.number == 7)
    collector.is_away = False
    outbox.put(8)
    until(lambda: collector.received == [8])
    outbox.close(SOON_S)
    assert lost.number == 7


def test_while_the_collector_hangs_nobody_waits_and_no_more_than_so_many_are_kept() -> None:
    collector, lost = Collector(), Lost()
    collector.open.clear()
    outbox = Outbox(collector.send, lost, name="spans", most=1000)
    began_s = time.monotonic()
    for number in range(50_000):
        outbox.put(number)
    assert time.monotonic() - began_s < SOON_S
    assert 50_000 - lost.number <= 1000 + 2 * BATCH  # what waits, and what is on its way
    collector.open.set()
    outbox.close(SOON_S)
    assert len(collector.received) == 50_000 - lost.number


def test_a_failure_of_ours_loses_a_batch_and_no_more() -> None:
    collector, lost = Collector(), Lost()

    def fail_once(batch: Sequence[int]) -> bool:
        if batch[0] == 0:
            raise ValueError("a fault of ours")
        return collector.send(batch)

    outbox = Outbox(fail_once, lost, name="spans")
    outbox.put(0)
    until(lambda: lost.number == 1)
    outbox.put(1)
    until(lambda: collector.received == [1])
    outbox.close(SOON_S)


def test_the_end_sends_what_waits_and_waits_itself_no_longer_than_it_may() -> None:
    collector, lost = Collector(), Lost()
    outbox = Outbox(collector.send, lost, name="spans")
    outbox.put(1)
    outbox.close(SOON_S)
    assert collector.received == [1]
    outbox.put(2)
    assert lost.number == 1

    hanging = Collector()
    hanging.open.clear()
    outbox = Outbox(hanging.send, lost, name="spans")
    for number in range(2 * BATCH):
        outbox.put(number)
    began_s = time.monotonic()
    outbox.close(0.2)
    assert 0.1 < time.monotonic() - began_s < SOON_S / 2
    hanging.open.set()
