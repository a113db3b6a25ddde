"""How records lie in a file: a head for the file, then a frame for each append.

A frame is a mark, the length of its content, a CRC-32 of it, and the content: the records of one append
in MessagePack, each an array of its fields. So an append that was cut short is no frame, and after a
damaged one the next is found by its mark.

Fields are only ever added, at the end and with a default. Code that does not know them yet ignores them,
so what a new release wrote can be read by the one before; another :data:`FORMAT` is for what cannot.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import get_type_hints
from zlib import crc32

import msgspec
from msgspec.structs import astuple

from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.flat_record import FlatRecord
from taxi_predictor.domain.record import PredictionRecord

__all__ = ["FORMAT", "HEAD", "Frames", "format_of", "framed"]

FORMAT = 1
MAGIC = b"taxi-spool "
HEAD = MAGIC + b"%d\n" % FORMAT
MARK = b"\xf7rec"
_FRAME = Struct(f"<{len(MARK)}sII")


# Written as the tuple that it is, and read as a struct: that leaves out the fields which it does not know.
_Row = msgspec.defstruct(
    "_Row", list(get_type_hints(FlatRecord).items()), array_like=True, frozen=True, gc=False
)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Row]).decode  # type: ignore[valid-type] # as it is made here


def framed(records: Sequence[PredictionRecord]) -> bytes:
    """*records* as one frame."""
    content = _encode(list(map(FlatRecord.of, records)))
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
            rows = (FlatRecord(*astuple(row)) for row in _decode(payload))
            return [row.to_record() for row in rows], begins + length
        except (msgspec.DecodeError, TaxiPredictorError, ValueError):
            return None

    def _is_cut_short(self, at: int) -> bool:
        """Whether at *at* stands a frame that ends with the file, and too early."""
        rest = self._content[at:]
        if len(rest) < _FRAME.size:
            return (MARK + rest[len(MARK) :]).startswith(rest)
        mark, length, _ = _FRAME.unpack_from(rest)
        return bool(mark == MARK and len(rest) < _FRAME.size + length and MARK not in rest[len(MARK) :])
