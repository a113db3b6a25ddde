"""What the name of a source or of a zone table means, and whether its files are there.

Nothing is read for it: who mistypes a name is told at once.
"""

import re
from pathlib import Path

from taxi_predictor.domain.errors import InvalidSource, MissingSource, UnreadableSource
from taxi_predictor.domain.model import SIMULATION
from taxi_predictor.domain.record import OUTCOMES

__all__ = [
    "CLOUDS",
    "CSV_ENDINGS",
    "ENDINGS",
    "TLC",
    "files_of",
    "is_of_the_tlc",
    "kind_of",
    "see_zone_table",
]

TLC = "tlc"
CLOUDS = ("s3", "gs")
CSV_ENDINGS = (".csv", ".csv.gz")
ENDINGS = (".parquet", *CSV_ENDINGS)
"""Of files of trips."""
ZONE_ENDINGS = (".csv", ".shp", ".zip")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # of two letters at least: C: is a drive


def kind_of(spec: str) -> str:
    """The scheme of *spec*, such as ``tlc`` or ``s3``; empty: it is a path.

    Raises:
        InvalidSource: there is no such scheme.
    """
    scheme, colon, options = spec.partition(":")
    if colon and (scheme in (OUTCOMES, TLC, SIMULATION) or (scheme in CLOUDS and options.startswith("//"))):
        return scheme
    if "://" in spec or (SCHEME.match(spec) and not spec.lower().endswith(ENDINGS)):
        raise InvalidSource(
            f"{spec}: there is no kind of source {scheme!r}; name a file, a folder, s3://bucket/folder,"
            f" gs://bucket/folder, tlc:green:2024-01, simulation: or outcomes:"
            f" (a file whose name has a colon is written ./{spec})"
        )
    return ""


def files_of(path: Path) -> list[Path]:
    """The file *path*, or every trip file below the folder *path* in the order of their names.

    Raises:
        MissingSource: there is no such file or folder, or no trip file in it.
        InvalidSource: the file is not called like one.
    """
    try:
        is_folder = path.is_dir()
        if not is_folder and not path.exists():
            raise MissingSource(f"{path}: no such file or folder")
    except OSError as error:  # such as a name that is too long
        raise MissingSource(f"{path}: {error.strerror}") from error
    if not is_folder:
        if not path.name.lower().endswith(ENDINGS):
            raise InvalidSource(f"{path}: trip files end in {', '.join(ENDINGS)}")
        return [path]
    found = sorted(file for file in path.rglob("*") if _is_trip_file(file, below=path))
    if not found:
        raise MissingSource(f"{path}: no trip file ({', '.join(ENDINGS)}) in this folder")
    return list({file.resolve(): file for file in reversed(found)}.values())[::-1]


def _is_trip_file(file: Path, *, below: Path) -> bool:
    """Whether it is called like one; what begins with a dot is hidden, or some program's scratch."""
    is_hidden = any(part.startswith(".") for part in file.relative_to(below).parts)
    return not is_hidden and file.name.lower().endswith(ENDINGS) and file.is_file()


def is_of_the_tlc(zones: str) -> bool:
    """Whether *zones* names the TLC's own table, which is downloaded."""
    return zones in (TLC, f"{TLC}:")


def see_zone_table(path: Path) -> None:
    """Return if *path* is called like a table of zones, and there; a folder may turn out to have none.

    Raises:
        MissingSource: there is no such file or folder.
        UnreadableSource: it ends in something else.
    """
    if not path.exists():
        raise MissingSource(f"there is no zone table {path}: no such file or folder")
    if not path.is_dir() and path.suffix.lower() not in ZONE_ENDINGS:
        raise UnreadableSource(f"{path} is no .csv, .shp or .zip file, nor a folder of such")
