"""A model as a folder: LightGBM's text files, and a manifest that names them with their sha256."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from taxi_predictor.domain.errors import BrokenModel
from taxi_predictor.domain.model import MANIFEST_FILE, SERVED_FORMATS, Manifest

if TYPE_CHECKING:  # late: who only looks whether a model is whole needs no frames
    from taxi_predictor.adapters.columns.speeds import SpeedProfile

__all__ = [
    "CENTRE_FILE",
    "ENGINE",
    "SPREAD_FILE",
    "read_spare",
    "read_text",
    "read_verified",
    "write_manifest",
]

ENGINE = "lightgbm"
CENTRE_FILE = "centre.txt"
SPREAD_FILE = "spread.txt"
MAX_FILE_BYTES = 256 << 20
"""Ours have 4 MB: who serves reads a file whole, and is not to run out of memory over it."""


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Seal the files in *folder*: write *manifest* with their digests, and return it so."""
    from taxi_predictor.adapters.columns.speeds import SPEEDS_FILE

    files = {name: _sha256(folder / name) for name in (CENTRE_FILE, SPREAD_FILE, SPEEDS_FILE)}
    sealed = replace(manifest, files=files)
    (folder / MANIFEST_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(sealed), indent=1))
    return sealed


def read_verified(folder: Path) -> Manifest:
    """Read the manifest in *folder* and check every file against it.

    Raises:
        BrokenModel: something is missing, altered, or of a format that this code does not serve.
    """
    with _read(folder) as manifest:
        for name in {CENTRE_FILE, SPREAD_FILE, *manifest.files}:
            _verify(folder, name, manifest)
        return manifest


def read_spare(folder: Path) -> tuple[Manifest, "SpeedProfile"]:
    """Read the manifest in *folder*, and the profile of speeds beside it; no other file is looked at.

    Raises:
        BrokenModel: one of the two is missing, altered, or of a format that this code does not serve.
    """
    from taxi_predictor.adapters.columns.speeds import SPEEDS_FILE, SpeedProfile

    with _read(folder) as manifest:
        _verify(folder, SPEEDS_FILE, manifest)
        try:
            return manifest, SpeedProfile.from_json(_content(folder / SPEEDS_FILE))
        except (ValueError, RecursionError) as error:
            raise BrokenModel(f"the speeds in {folder} cannot be read: {error}") from error


def read_text(folder: Path, name: str) -> str:
    """A file that :func:`read_verified` has verified."""
    return _content(folder / name).decode("utf-8", "replace")


@contextmanager
def _read(folder: Path) -> Iterator[Manifest]:
    try:
        text = _content(folder / MANIFEST_FILE)
        form = msgspec.json.decode(text, type=_Form)
        if form.engine != ENGINE or form.format not in SERVED_FORMATS:
            raise BrokenModel(
                f"the model in {folder} is {form.engine} format {form.format};"
                f" this code serves {ENGINE} formats {SERVED_FORMATS}"
            )
        yield msgspec.json.decode(text, type=Manifest)
    except OSError as error:
        raise BrokenModel(f"the model in {folder} is incomplete: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenModel(f"the manifest in {folder} cannot be read: {error}") from error


def _verify(folder: Path, name: str, manifest: Manifest) -> None:
    if _sha256(folder / Path(name).name) != manifest.files.get(name):
        raise BrokenModel(f"{folder / name} is not the file that was trained: its sha256 differs")


class _Form(msgspec.Struct):
    engine: str
    format: int


def _sha256(path: Path) -> str:
    return hashlib.sha256(_content(path)).hexdigest()


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise BrokenModel(f"{path} is larger than {MAX_FILE_BYTES >> 20} MB, and no file of a model")
    return content
