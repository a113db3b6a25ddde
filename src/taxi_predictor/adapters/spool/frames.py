"""How records lie in a file: a head for the file, then a frame for each append.

A frame is a mark, the length of its content, a CRC-32 of it, and the content: the records of one append
in MessagePack, each an array of its fields. So an append that was cut short is no frame, and after a
damaged one the next is found by its mark.

Fields are only ever added, at the end and with a default. Code that does not know them yet ignores them,
so what a new release wrote can be read by the one before; another :data:`FORMAT` is for what cannot.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from struct import Struct
from zlib import crc32

import msgspec

from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import AnswerSource, PredictionRecord
from taxi_predictor.domain.trip import TripPlan

__all__ = ["FORMAT", "HEAD", "Frames", "format_of", "framed"]

FORMAT = 1
MAGIC = b"taxi-spool "
HEAD = MAGIC + b"%d\n" % FORMAT
MARK = b"\xf7rec"
_FRAME = Struct(f"<{len(MARK)}sII")


class _Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    prediction_id: str
    pickup_at: datetime
    pickup_lat_deg: float
    pickup_lon_deg: float
    pickup_zone: int | None
    dropoff_lat_deg: float
    dropoff_lon_deg: float
    dropoff_zone: int | None
    passenger_count: int | None
    mu: float
    sigma: float
    duration_s: float
    lower_s: float
    upper_s: float
    version: int | None
    source: str
    level_factor: float
    degraded: str | None
    owner: str
    reference: str | None

    @classmethod
    def of(cls, record: PredictionRecord) -> "_Row":
        plan = record.plan
        pickup, dropoff = plan.pickup, plan.dropoff
        return cls(
            record.prediction_id,
            plan.pickup_at,
            pickup.point.lat_deg,
            pickup.point.lon_deg,
            pickup.zone,
            dropoff.point.lat_deg,
            dropoff.point.lon_deg,
            dropoff.zone,
            plan.passenger_count,
            record.mu,
            record.sigma,
            record.duration_s,
            record.lower_s,
            record.upper_s,
            record.version,
            record.source.value,
            record.level_factor,
            record.degraded,
            record.owner,
            record.reference,
        )

    def to_record(self) -> PredictionRecord:
        return PredictionRecord(
            prediction_id=PredictionId(self.prediction_id),
            plan=TripPlan(
                pickup=_place(self.pickup_lat_deg, self.pickup_lon_deg, self.pickup_zone),
                dropoff=_place(self.dropoff_lat_deg, self.dropoff_lon_deg, self.dropoff_zone),
                pickup_at=self.pickup_at,
                passenger_count=self.passenger_count,
            ),
            mu=self.mu,
            sigma=self.sigma,
            duration_s=self.duration_s,
            lower_s=self.lower_s,
            upper_s=self.upper_s,
            version=None if self.version is None else ModelVersion(self.version),
            source=AnswerSource(self.source),
            level_factor=self.level_factor,
            degraded=self.degraded,
            owner=self.owner,
            reference=self.reference,
        )


def _place(lat_deg: float, lon_deg: float, zone: int | None) -> Place:
    return Place(Point(lat_deg, lon_deg), None if zone is None else ZoneId(zone))


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Row]).decode


def framed(records: Sequence[PredictionRecord]) -> bytes:
    """*records* as one frame."""
    content = _encode([_Row.of(record) for record in records])
    return _FRAME.pack(MARK, len(content), crc32(content)) + content


def format_of(head: bytes) -> int | None:
    """The format of a file that begins with *head*; None if it is none of ours."""
    magic, number = head[: len(MAGIC)], head[len(MAGIC) : len(HEAD)].strip()
    return int(number) if magic == MAGIC and number.isdigit() else None


class Frames:
    """The records in the bytes of a file, its head included."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.is_damaged = False
        """Whether anything but the end of the last frame was missing, as far as it was read."""

    def __iter__(self) -> Iterator[Sequence[PredictionRecord]]:
        content, at = self._content, len(HEAD)
        while at < len(content):
            found = self._frame(at)
            if found is not None:
                records, at = found
                yield records
            elif self._is_cut_short(at):
                return
            else:
                self.is_damaged = True
                at = content.find(MARK, at + 1)
                if at < 0:
                    return

    def _frame(self, at: int) -> tuple[Sequence[PredictionRecord], int] | None:
        """The records of the sound frame at *at* and where the next one begins; None if there is none."""
        content, begins = self._content, at + _FRAME.size
        if len(content) < begins:
            return None
        mark, length, checksum = _FRAME.unpack_from(content, at)
        payload = content[begins : begins + length]
        if mark != MARK or len(payload) < length or crc32(payload) != checksum:
            return None
        try:
            return [row.to_record() for row in _decode(payload)], begins + length
        except (msgspec.DecodeError, TaxiPredictorError, ValueError):
            return None

    def _is_cut_short(self, at: int) -> bool:
        """Whether at *at* stands a frame that ends with the file, and too early."""
        rest = self._content[at:]
        if len(rest) < _FRAME.size:
            return (MARK + rest[len(MARK) :]).startswith(rest)
        mark, length, _ = _FRAME.unpack_from(rest)
        return bool(mark == MARK and len(rest) < _FRAME.size + length and MARK not in rest[len(MARK) :])
