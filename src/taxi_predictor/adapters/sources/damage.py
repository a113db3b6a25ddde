"""Turning whatever libraries raise on damaged files into one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa

from taxi_predictor.domain.errors import TaxiPredictorError, UnreadableSource

__all__ = ["readable", "reason_of"]

MAX_REASON_SHOWN = 300

# What the libraries raise on bytes that make no sense, found by damaging files at random; a panic
# is no Exception, and comes from names and time zones that are no text.
DAMAGE = (
    *(OSError, ValueError, TypeError, OverflowError),
    *(pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException),
)


@contextmanager
def readable(path: Path | str, *, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn what the libraries raise on damaged files into one sentence; *but* is raised as it is.

    Raises:
        UnreadableSource: so they did.
    """
    as_it_is: tuple[type[Exception], ...] = (TaxiPredictorError, *but)
    try:
        yield
    except as_it_is:
        raise
    except DAMAGE as error:
        raise UnreadableSource(f"{path} cannot be read: {reason_of(error)}") from error


def reason_of(error: BaseException) -> str:
    """What a library said, short and on one line."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(error))
    return " ".join(text.split())[:MAX_REASON_SHOWN] or type(error).__name__
