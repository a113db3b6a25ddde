"""Rows of text, however broken: each line is one, and a bad one spoils no other.

Rows are read from any position, which is a number of bytes: so work that was interrupted goes on there.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

__all__ = ["MAX_LINE_BYTES", "Block", "count_lines", "csv_rows", "read_block"]

BLOCK_BYTES = 1 << 20
"""Some twenty thousand rows: what is lost of the work, and held of it, is no more."""
MAX_LINE_BYTES = 64 << 10
MAX_RECORD_LINES = 100
"""A quoted value with more line breaks than this has lost its closing quote."""


@dataclass(frozen=True, slots=True)
class Block:
    """A run of lines."""

    lines: Sequence[bytes]
    """Without their ends."""
    begins_at: int
    ends_at: int
    is_last: bool

    def end_of(self, lines: int) -> int:
        """Where the first of its *lines* end."""
        if lines == len(self.lines):
            return self.ends_at
        return self.begins_at + sum(len(line) + 1 for line in self.lines[:lines])


def read_block(file: IO[bytes], position: int, *, size: int | None = None) -> Block:
    """The lines of *file* from *position* on: about *size* bytes of them, or one that is longer."""
    size = size or BLOCK_BYTES
    file.seek(position)
    content = file.read(size)
    if len(content) < size:
        return Block(content.split(b"\n"), position, position + len(content), is_last=True)
    length = content.rfind(b"\n") + 1
    if length:
        return Block(content[: length - 1].split(b"\n"), position, position + length, is_last=False)
    # One line, longer than may be: only its end is looked for.
    ends_at = position + size
    while more := file.read(size):
        if (found := more.find(b"\n")) >= 0:
            return Block([content], position, ends_at + found + 1, is_last=False)
        ends_at += len(more)
    return Block([content], position, ends_at, is_last=True)


def count_lines(file: IO[bytes], position: int) -> int:
    """How many lines *file* has from *position* on; the last one need have no end."""
    file.seek(position)
    lines, last = 0, b"\n"
    while content := file.read(BLOCK_BYTES):
        lines += content.count(b"\n")
        last = content[-1:]
    return lines + (last != b"\n")


def csv_rows(block: Block, width: int) -> tuple[list[Sequence[str] | None], int]:
    """The rows of *block*, each of *width* values or None, and how many of its lines they are.

    A value in quotes may run over the ends of lines. Where that makes no row, its first line alone is a
    bad one. Bytes that are no UTF-8 are marked, and blank lines are no rows.
    """
    lines = b"\n".join(block.lines).decode("utf-8", "replace").split("\n")
    rows: list[Sequence[str] | None] = []
    at = 0
    while at < len(lines):
        line = lines[at].rstrip("\r")
        took = 1
        if len(line) > MAX_LINE_BYTES:
            rows.append(None)
        elif '"' in line:
            found = _quoted(lines[at : at + MAX_RECORD_LINES], width)
            if found is None and at + MAX_RECORD_LINES > len(lines) and not block.is_last and at:
                return rows, at  # its end may be in the next block
            fields, took = found or (None, 1)
            rows.append(fields)
        elif line and not line.isspace():
            fields = line.split(",")
            rows.append(fields if len(fields) == width else None)
        at += took
    return rows, at


def _quoted(lines: Sequence[str], width: int) -> tuple[Sequence[str] | None, int] | None:
    """The row that begins with the first of *lines*, and how many it takes; None: a quote is not closed."""
    reader = csv.reader(lines, strict=True)
    try:
        fields = next(reader)
    except csv.Error as error:
        return None if "unexpected end" in str(error) else (None, 1)
    if len(fields) == width:
        return fields, reader.line_num
    return None, 1
