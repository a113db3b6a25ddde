"""The contract of Quarantine, which is filled through TripStore."""

import json
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.outbound.trips import Quarantine, RejectCount, TripStore
from taxi_predictor.ports.testing.samples import a_trip
from taxi_predictor.ports.testing.tables import Reject, TableMaker, stream

__all__ = ["QuarantineContract"]

# In the order in which parts are to come: by code points, capitals first.
PARTS = (
    PartName(family="Kaggle", name="train.csv"),
    PartName(family="tlc", name="B.parquet"),
    PartName(family="tlc", name="a.parquet"),
)

RECORDS = {
    "a null": {"zone": None},
    "letters of the world": {"Straße": "京都 🚕 é"},
    "quotes and lines": {'a "b"\\': "one\ntwo\r\n\tthree"},
    "a null character": {"note": "before\x00after"},
    "a long text": {"note": "x" * 100_000},
    "large and small numbers": {"fare": 1.5e300, "id": 2**62, "tip": -0.1},
    "nested": {"point": {"lat": [1, 2.5]}},
    "nothing": {},
}


async def read(
    quarantine: Quarantine, *, part: PartName | None = None, reason: Rejection | None = None
) -> list[tuple[PartName, Reject]]:
    return [
        (name, (row_number, Rejection(why), record))
        async for name, batch in quarantine.rejects(part=part, reason=reason)
        for row_number, why, record in zip(
            *map(batch.table.get_column, ("row_number", "reason", "record")), strict=True
        )
    ]


class QuarantineContract(TableMaker, of=Quarantine):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[TripStore, Quarantine]]:
        """An empty store and its quarantine, fresh each time."""

    async def _filled(self, store: TripStore) -> list[tuple[PartName, Reject]]:
        """Give each part the same rejects and return them all in order."""
        rejects: Sequence[Reject] = [
            (2, Rejection.TOO_SHORT, '{"row": 2}'),
            (3, Rejection.MISSING_FIELD, '{"row": 3}'),
            (10, Rejection.TOO_SHORT, '{"row": 10}'),
        ]
        for part in reversed(PARTS):
            await store.add(
                part,
                stream(self.clean_batch(rejects=rejects[1:][::-1]), self.clean_batch(rejects=rejects[:1])),
            )
        return [(part, reject) for part in PARTS for reject in rejects]

    async def test_rejects_come_by_part_and_row_number(self) -> None:
        """All of them, parts by family and name, rows by number, in whatever order they went in."""
        async with self.open() as (store, quarantine):
            expected = await self._filled(store)
            got = await read(quarantine)
            assert [(part, row, why) for part, (row, why, _) in got] == [
                (part, row, why) for part, (row, why, _) in expected
            ]

    async def test_rejects_of_one_part_and_reason(self) -> None:
        """Either filter, or both, or one that nothing passes."""
        async with self.open() as (store, quarantine):
            everything = await self._filled(store)
            for part in (None, PARTS[1], PartName(family="tlc", name="unheard of")):
                for reason in (None, Rejection.TOO_SHORT, Rejection.WRONG_MONTH):
                    got = await read(quarantine, part=part, reason=reason)
                    assert [(name, row, why) for name, (row, why, _) in got] == [
                        (name, row, why)
                        for name, (row, why, _) in everything
                        if part in (None, name) and reason in (None, why)
                    ]

    async def test_no_batch_of_rejects_is_empty(self) -> None:
        """Nothing quarantined, or nothing of that reason: no batch at all."""
        async with self.open() as (store, quarantine):
            assert [len(batch) async for _, batch in quarantine.rejects()] == []
            await self._filled(store)
            await store.add(PartName(family="tlc", name="clean"), stream(self.clean_batch([a_trip(1)])))
            assert all([len(batch) async for _, batch in quarantine.rejects(reason=Rejection.TOO_SHORT)])
            assert [len(batch) async for _, batch in quarantine.rejects(reason=Rejection.TOO_LONG)] == []

    async def test_rejects_are_counted_by_part_and_reason(self) -> None:
        """In that order, none empty."""
        async with self.open() as (store, quarantine):
            assert list(await quarantine.counts()) == []
            await self._filled(store)
            assert list(await quarantine.counts()) == [
                RejectCount(part=part, reason=reason, rows=rows)
                for part in PARTS
                for reason, rows in ((Rejection.MISSING_FIELD, 1), (Rejection.TOO_SHORT, 2))
            ]

    async def test_former_rejects_of_a_part_are_replaced(self) -> None:
        """Also by none at all; those of other parts stay."""
        async with self.open() as (store, quarantine):
            everything = await self._filled(store)
            others = [part for part, _ in everything if part != PARTS[1]]
            await store.add(PARTS[1], stream(self.clean_batch(rejects=[(7, Rejection.TOO_LONG, "{}")])))
            replaced = await read(quarantine, part=PARTS[1])
            assert [(part, row, why) for part, (row, why, _) in replaced] == [
                (PARTS[1], 7, Rejection.TOO_LONG)
            ]
            await store.add(PARTS[1], stream())
            assert [part for part, _ in await read(quarantine)] == others

    async def test_a_repeated_trip_is_quarantined_as_a_duplicate(self) -> None:
        """Every row but the lowest, between the other rejects; its record is of the trip."""
        trips = [a_trip(1), a_trip(2), a_trip(1), a_trip(1)]
        async with self.open() as (store, quarantine):
            await store.add(
                PARTS[0],
                stream(
                    self.clean_batch(trips[:2], row_numbers=[1, 2]),
                    self.clean_batch(trips[2:], row_numbers=[3, 5], rejects=[(4, Rejection.TOO_LONG, "{}")]),
                ),
            )
            rows = [reject for _, reject in await read(quarantine)]
            assert [(row, why) for row, why, _ in rows] == [
                (3, Rejection.DUPLICATE),
                (4, Rejection.TOO_LONG),
                (5, Rejection.DUPLICATE),
            ]
            for _, why, record in rows:
                if why is Rejection.DUPLICATE:
                    assert json.loads(record)["trip_id"] == a_trip(1).trip_id

    async def test_a_known_trip_is_no_reject(self) -> None:
        """A trip that was stored before is left out silently: the part is not at fault."""
        async with self.open() as (store, quarantine):
            await store.add(PARTS[0], stream(self.clean_batch([a_trip(1)])))
            await store.add(PARTS[1], stream(self.clean_batch([a_trip(1)])))
            assert await read(quarantine) == []

    @pytest.mark.parametrize("kind", RECORDS)
    async def test_a_record_may_be_any_json_object(self, kind: str) -> None:
        """It comes back with the same content, whatever was in the row."""
        row = RECORDS[kind]
        rejects = [
            (1, Rejection.MALFORMED_FIELD, json.dumps(row)),
            (2, Rejection.MALFORMED_FIELD, json.dumps(row, ensure_ascii=False)),
        ]
        async with self.open() as (store, quarantine):
            await store.add(PARTS[0], stream(self.clean_batch(rejects=rejects)))
            assert [json.loads(record) for _, (_, _, record) in await read(quarantine)] == [row, row]
