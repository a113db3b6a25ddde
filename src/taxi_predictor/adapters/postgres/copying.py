"""Columns into and out of PostgreSQL by COPY, without a Python object per row."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from io import BytesIO

import asyncpg
import polars as pl

__all__ = ["copy_in", "copy_out", "copy_records_in"]

BYTES_PER_BATCH = 24 << 20
LOST_S = 0.5  # enough for asyncpg to say itself why the connection was lost, where it can


async def copy_in(connection: asyncpg.Connection, table: str, rows: pl.DataFrame) -> None:
    """Append *rows* to *table*, columns by name."""
    if rows.is_empty():
        return
    text = BytesIO()
    await asyncio.to_thread(rows.write_csv, text, include_header=False)
    text.seek(0)
    await _unless_lost(
        connection, connection.copy_to_table(table, source=text, columns=rows.columns, format="csv")
    )


async def copy_records_in(
    connection: asyncpg.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    """Append *rows*, which are Python objects already, to *columns* of *table*."""
    if rows:
        await _unless_lost(connection, connection.copy_records_to_table(table, records=rows, columns=columns))


async def _unless_lost(connection: asyncpg.Connection, copy: Coroutine[object, object, object]) -> None:
    copying = asyncio.create_task(copy)

    def give_up(_: object) -> None:
        # asyncpg 0.32 waits for ever for a lost connection to take more, if it was full when it went.
        asyncio.get_running_loop().call_later(LOST_S, copying.cancel)

    connection.add_termination_listener(give_up)
    try:
        await copying
    except (asyncio.CancelledError, AttributeError):
        task = asyncio.current_task()
        if connection.is_closed() and not (task and task.cancelling()):
            raise asyncpg.ConnectionDoesNotExistError("connection lost in the middle of a COPY") from None
        raise
    finally:
        connection.remove_termination_listener(give_up)


async def copy_out(
    connection: asyncpg.Connection, query: str, *args: object, types: Mapping[str, pl.DataType]
) -> AsyncGenerator[pl.DataFrame, None]:
    """Yield the rows of *query* in frames of a bounded size; its columns are named by *types*.

    A reader who leaves early closes it before giving *connection* back: that ends the COPY on the server.
    """
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=8)
    has_left = False

    async def send() -> None:
        try:
            await connection.copy_from_query(query, *args, output=chunks.put, format="csv")
        finally:
            if not has_left:  # or there may be no place in the queue ever again
                await chunks.put(None)

    sending = asyncio.create_task(send())
    try:
        pending: list[bytes] = []
        size = 0
        while (chunk := await chunks.get()) is not None:
            pending.append(chunk)
            size += len(chunk)
            if size >= BYTES_PER_BATCH:
                lines, _, rest = b"".join(pending).rpartition(b"\n")
                pending, size = [rest], len(rest)
                yield await asyncio.to_thread(_frame, lines, types)
        if text := b"".join(pending):
            yield await asyncio.to_thread(_frame, text, types)
        await sending
    finally:
        has_left = True
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


def _frame(text: bytes, types: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.read_csv(text, has_header=False, schema=dict(types))
