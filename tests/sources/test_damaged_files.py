"""A file that is damaged, cut short or another is refused in one sentence."""

import gzip
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from sources.files import CSV, HEADER, LINES, batches, many, read, source, trips, write
from taxi_predictor.domain.errors import (
    UnknownSchema,
    UnreadableSource,
)

# Files that are damaged


def without_second_half(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "it is empty"),
        ("\n\r\n", "it is empty"),
        (HEADER + LINES[0] + "2022-01-01 09:00:00,40.75\n" + LINES[1], "Row #3: Expected 8 columns, got 2"),
        (HEADER + LINES[0].replace("fine", "fine,1") + LINES[1], "Row #2: Expected 8 columns, got 9"),
        (
            HEADER + LINES[0] + LINES[1].replace("fine", '"fine') + LINES[2],
            "near line 3: is a quote not closed",
        ),
        (CSV.replace("fine", '"fine'), "near line 2: is a quote not closed"),
        (HEADER + "".join(LINES).replace("fine", '"', 1), "is a quote not closed"),
        (CSV.replace("fine", "two\rlines", 1), "Expected 8 columns"),
        (CSV.replace("fine", '"two\nlines"', 1), "near line 2"),
        (CSV.encode().replace(b"fine", b"f\xefne"), "Row #2: .*invalid UTF8 data"),
        (CSV.encode("utf-16"), "not UTF-8 text"),
        ("\xff\n".encode("latin-1") + CSV.encode(), "not UTF-8 text"),
        (b"PAR1" + bytes(range(256)), "not UTF-8 text"),
        (HEADER.replace("note", "x" * 200_000), "no header"),
    ],
)
async def test_csv_that_cannot_be_read_says_so_in_one_sentence(
    tmp_path: Path, content: str | bytes, says: str
) -> None:
    path = write(tmp_path / "trips.csv", content)
    with pytest.raises(UnreadableSource, match=says) as refusal:
        await read(path)
    text = str(refusal.value)
    assert text.startswith(f"{path} cannot be read: ")
    assert text.isprintable()
    assert len(text) < 600


async def test_nothing_comes_after_a_broken_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches before it may have been seen; the reading ends with the error, never quietly."""
    monkeypatch.setattr("taxi_predictor.adapters.sources.csv_file.BLOCK_BYTES", 1_000)
    path = write(tmp_path / "trips.csv", HEADER + "".join(LINES) * 50 + "1,2\n" + "".join(LINES) * 50)
    [part] = await source(path).parts()
    seen = 0
    with pytest.raises(UnreadableSource, match="Row #252"):  # noqa: PT012 # what was seen before it
        async for batch in part.batches():
            seen += batch.read
    assert seen < 251


@pytest.mark.parametrize("name", ["a.csv.gz", "a.parquet"])
@pytest.mark.parametrize(
    "damage",
    [
        without_second_half,
        lambda path: write(path, path.read_bytes()[:-1]),
        lambda path: write(path, b""),
        lambda path: write(path, CSV),
        lambda path: write(path, bytes(2_000)),
    ],
    ids=["half", "one byte less", "empty", "plain csv", "zeros"],
)
async def test_a_file_that_is_cut_short_or_another_is_refused(
    tmp_path: Path, name: str, damage: Callable[[Path], Path]
) -> None:
    rows = many(20_000)
    if name.endswith("gz"):
        write(tmp_path / name, gzip.compress(rows.write_csv().encode()))
    else:
        rows.write_parquet(tmp_path / name)
    path = damage(tmp_path / name)
    with pytest.raises(UnreadableSource) as refusal:
        await read(path)
    assert str(refusal.value).startswith(f"{path} cannot be read: ")


async def test_bytes_changed_at_random_are_refused_or_read_and_never_worse(tmp_path: Path) -> None:
    """Polars panics on a few such files, and aborts the process on some: it is not asked."""
    chance = random.Random(5)
    path = tmp_path / "a.parquet"
    rows = many(300).with_columns(note=pl.Series([f"ride {row % 7}" for row in range(300)]))
    outcomes: Counter[str] = Counter()
    for compression in ("uncompressed", "snappy", "zstd"):
        rows.write_parquet(path, compression=compression)  # type: ignore[arg-type] # one of polars' words
        good = path.read_bytes()
        for _attempt in range(60):
            bad = bytearray(good)
            for _flip in range(chance.choice((1, 1, 5, 50))):
                bad[chance.randrange(len(bad))] = chance.randrange(256)
            write(path, bytes(bad))
            try:
                found = await read(path)
            except (UnreadableSource, UnknownSchema):
                outcomes["refused"] += 1
            else:
                outcomes["read"] += 1
                assert sum(batch.read for batch in found) == 300
    assert min(outcomes["refused"], outcomes["read"]) > 10


async def test_text_that_is_none_in_parquet_is_refused(tmp_path: Path) -> None:
    invalid = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    parquet.write_table(many(1).to_arrow().append_column("note", invalid), tmp_path / "a.parquet")
    with pytest.raises(UnreadableSource, match="UTF8"):
        await read(tmp_path / "a.parquet")


async def test_notes_beside_a_column_are_not_read(tmp_path: Path) -> None:
    """Polars panics where they are no text."""
    table = many(3).to_arrow()
    field = table.schema.field("duration_s").with_metadata({b"unit": b"\xff"})
    noted = table.set_column(table.column_names.index("duration_s"), field, table["duration_s"])
    parquet.write_table(noted, tmp_path / "a.parquet")
    assert len(trips(await read(tmp_path / "a.parquet"))) == 3


async def test_a_panic_of_the_engine_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is no Exception, so nobody else would catch it. Here: a note inside a column."""
    inside = pa.struct([pa.field("a", pa.int64(), metadata={b"unit": b"\xff"})])
    table = many(3).to_arrow().append_column("outer", pa.array([{"a": 1}] * 3, inside))
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UnreadableSource, match=r"a\.parquet cannot be read") as refusal:
        await read(tmp_path / "a.parquet")
    assert isinstance(refusal.value.__cause__, pl.exceptions.PanicException)


async def test_a_file_that_vanished_since_it_was_recognised_is_refused(tmp_path: Path) -> None:
    many(3).write_parquet(tmp_path / "a.parquet")
    write(tmp_path / "b.csv")
    parts = await source(tmp_path).parts()
    for part, name in zip(parts, ("a.parquet", "b.csv"), strict=True):
        (tmp_path / name).unlink()
        with pytest.raises(UnreadableSource, match=r"cannot be read: .*No such file"):
            await batches(part)


async def test_a_file_that_changed_since_it_was_recognised_is_refused(tmp_path: Path) -> None:
    """Its rows were announced, so fewer of them are no success."""
    many(30).write_parquet(tmp_path / "a.parquet")
    [part] = await source(tmp_path).parts()
    many(20).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(UnreadableSource, match="20 rows"):
        await batches(part)
