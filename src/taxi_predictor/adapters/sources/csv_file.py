"""Reading CSV as text, strictly: what does not fit the header is an error, never a guess."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from taxi_predictor.domain.errors import UnreadableSource

__all__ = ["csv_batches", "csv_columns"]

BLOCK_BYTES = 16 << 20
MAX_HEADER_BYTES = 1 << 20
LINE_BREAKS = (10, 13)


def csv_columns(path: Path) -> list[str]:
    """The names in the header, as they are written there.

    Raises:
        UnreadableSource: there is none, or it is no text.
    """
    try:
        return next(csv.reader([_header(path)[0]]))
    except csv.Error as error:
        raise UnreadableSource(f"{path} cannot be read: its first line is no header: {error}") from error


def csv_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows, every value as text; nothing between two commas is null.

    Raises:
        UnreadableSource: a value runs over the end of its line, as after a quote that is not closed.
    """
    _, has_rows = _header(path)
    if not has_rows:
        return
    names = csv_columns(path)
    options = arrow_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False)  # so that errors name the row
    as_text = arrow_csv.ConvertOptions(
        column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
    )
    line = 2  # blank ones are not counted, hence "near"
    with _stream(path) as stream, arrow_csv.open_csv(stream, options, convert_options=as_text) as reader:
        if reader.schema.names != names:
            raise UnreadableSource(f"{path} cannot be read: its header makes no sense: {', '.join(names)}")
        for batch in reader:
            if any(_has_line_break(column) for column in batch.columns):
                raise UnreadableSource(
                    f"{path} cannot be read: a value runs over the end of its line,"
                    f" near line {line + _first_row_with_line_break(batch):,}: is a quote not closed?"
                )
            line += batch.num_rows
            yield batch


def _stream(path: Path) -> pa.NativeFile:
    return pa.input_stream(str(path), compression="gzip" if path.suffix.lower() == ".gz" else None)


def _header(path: Path) -> tuple[str, bool]:
    """The first line that is not blank, and whether another one follows."""
    with _stream(path) as stream:
        head = stream.read(MAX_HEADER_BYTES)
        is_all = len(head) < MAX_HEADER_BYTES
    first, _, rest = head.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n").lstrip(b"\n").partition(b"\n")
    if not first:
        raise UnreadableSource(f"{path} cannot be read: it is empty")
    try:
        header = first.decode()
    except UnicodeDecodeError as error:
        raise UnreadableSource(f"{path} cannot be read: its first line is not UTF-8 text") from error
    if "\0" in header:
        raise UnreadableSource(f"{path} cannot be read: its first line is not UTF-8 text")
    return header, not is_all or bool(rest.strip())


def _has_line_break(column: pa.Array) -> bool:
    data = column.buffers()[2]
    if data is None:
        return False
    letters = np.frombuffer(data, np.uint8)
    return any(bool((letters == letter).any()) for letter in LINE_BREAKS)


def _first_row_with_line_break(batch: pa.RecordBatch) -> int:
    broken = pl.DataFrame(batch).select(pl.any_horizontal(pl.all().str.contains("[\r\n]")))
    return int(broken.to_series().fill_null(False).arg_max() or 0)
