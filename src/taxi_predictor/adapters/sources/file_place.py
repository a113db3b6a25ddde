"""Where files are kept: folders of this machine, and buckets of S3 or what speaks like it.

Who may read and write a bucket, and where it is, is said as all of Amazon's tools have it: in
``AWS_ACCESS_KEY_ID``, ``AWS_REGION``, ``AWS_ENDPOINT_URL`` and so on, or by the role of the machine.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from pyarrow import fs

from taxi_predictor.adapters.files.writing import is_full
from taxi_predictor.domain.errors import Invalid, MissingSource, StorageFull, Unavailable

__all__ = ["COPY_BYTES", "FilePlace"]

S3 = "s3://"
DRAFT = ".draft"
SMALL_BYTES = 8 << 20
COPY_BYTES = 1 << 20
MAX_REASON_SHOWN = 300
BY_BUCKET = "AWS Error"
"""Stands in whatever a bucket says, or keeps it from being reached."""
FOR_GOOD = ("ACCESS_DENIED", "NO_SUCH_BUCKET", "INVALID_", "SIGNATURE_DOES_NOT_MATCH", "UNRECOGNIZED_CLIENT")
"""What it says where asking again does not help."""


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file or a folder; a file is written whole or not at all."""

    system: fs.FileSystem
    path: str
    spec: str
    """As it was named, for people."""

    @classmethod
    def of(cls, spec: str) -> "FilePlace":
        """The place that *spec* names.

        Raises:
            Invalid: it names none.
        """
        if not spec.startswith(S3):
            return cls(fs.LocalFileSystem(), os.fspath(Path(spec).absolute()), spec)
        path = spec.removeprefix(S3)
        bucket, _, key = path.partition("/")
        if not bucket or not key:
            raise Invalid(f"{spec}: name a bucket and a file in it, as in s3://bucket/trips.csv")
        with _translated(spec):
            # By an address, for only so is AWS_ENDPOINT_URL heeded.
            system, _ = fs.FileSystem.from_uri(f"{S3}{bucket}")
        return cls(system, path, spec)

    @property
    def is_local(self) -> bool:
        return isinstance(self.system, fs.LocalFileSystem)

    def beside(self, ending: str) -> "FilePlace":
        """The place of the same name with *ending* appended."""
        return FilePlace(self.system, self.path + ending, self.spec + ending)

    def __truediv__(self, name: str) -> "FilePlace":
        return FilePlace(self.system, f"{self.path}/{name}", f"{self.spec}/{name}")

    def facts(self) -> tuple[int, int]:
        """Its size in bytes and when it was changed, in nanoseconds since 1970.

        Raises:
            MissingSource: there is no such file.
        """
        with _translated(self.spec):
            info = self.system.get_file_info(self.path)
        if info.type is not fs.FileType.File:
            raise MissingSource(f"{self.spec}: no such file")
        return info.size, info.mtime_ns

    @contextmanager
    def reading(self) -> Iterator[IO[bytes]]:
        """The file; what goes wrong in reading it is translated too.

        Raises:
            MissingSource: there is no such file.
        """
        with _translated(self.spec):
            try:
                file = self.system.open_input_file(self.path)
            except FileNotFoundError:
                raise MissingSource(f"{self.spec}: no such file") from None
            with file:
                yield file

    def content(self) -> bytes | None:
        """All of a small file; None: there is none."""
        try:
            with self.reading() as file:
                return bytes(file.read())
        except MissingSource:
            return None

    @contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """A file that takes this place once it is whole, in one step, and outlives a loss of power then."""
        with _translated(self.spec):
            if self.is_local:
                draft = Path(self.path + DRAFT)
                with draft.open("wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self.path)
                return
            # What is sent to a bucket and breaks off for a fault of ours would be taken for whole.
            with SpooledTemporaryFile(max_size=SMALL_BYTES) as content:
                yield content
                content.seek(0)
                with self.system.open_output_stream(self.path) as file:
                    shutil.copyfileobj(content, file, COPY_BYTES)

    def make(self) -> None:
        """Let there be a folder; a bucket has none, and none is made."""
        if self.is_local:
            with _translated(self.spec):
                self.system.create_dir(self.path)

    def names(self) -> Sequence[str]:
        """Of the files of a folder, in their order; none where there is no folder."""
        with _translated(self.spec):
            found = self.system.get_file_info(fs.FileSelector(self.path, allow_not_found=True))
        return sorted(info.base_name for info in found if info.type is fs.FileType.File)

    def below(self) -> Sequence[str]:
        """Of the files of a folder and of those below it, by their names from there on; no hidden ones."""
        with _translated(self.spec):
            found = self.system.get_file_info(
                fs.FileSelector(self.path, allow_not_found=True, recursive=True)
            )
        names = sorted(
            info.path[len(self.path) :].lstrip("/") for info in found if info.type is fs.FileType.File
        )
        return [name for name in names if not any(part.startswith(".") for part in name.split("/"))]

    def remove(self) -> None:
        """Let there be no such file."""
        with _translated(self.spec):
            if self.system.get_file_info(self.path).type is fs.FileType.File:
                self.system.delete_file(self.path)

    def remove_folder(self) -> None:
        """Let there be no such folder, and nothing in it."""
        with _translated(self.spec):
            if self.system.get_file_info(self.path).type is fs.FileType.Directory:
                self.system.delete_dir(self.path)


@contextmanager
def _translated(spec: str) -> Iterator[None]:
    """Turn what files and buckets raise into what the ports promise; what is damaged is not their fault."""
    try:
        yield
    except OSError as error:
        text = " ".join(str(error).split())[:MAX_REASON_SHOWN]
        if is_full(error):
            raise StorageFull(f"{spec} cannot be written: there is no room") from error
        if spec.startswith(S3) and BY_BUCKET in text:
            kind = Invalid if any(word in text for word in FOR_GOOD) else Unavailable
            raise kind(f"{spec}: {text}") from error
        if error.errno is not None:
            raise Invalid(f"{spec}: {os.strerror(error.errno)}") from error
        raise
