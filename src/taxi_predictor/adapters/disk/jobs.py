"""Jobs in a folder: a sub-folder for each, with what was sent, what came of it, and how far it is."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import msgspec

from taxi_predictor.adapters.files.writing import write_whole, written_below
from taxi_predictor.domain.errors import StorageFull, UnknownJob
from taxi_predictor.domain.job import Job, JobId, JobNote, JobState
from taxi_predictor.ports.outbound.jobs import JobStore, KeptJob

__all__ = ["DiskJobStore"]

JOB, NOTE = "job.json", "note.json"
SOURCE, TARGET = "trips", "answers"
DRAFT = ".draft-"
DRAFT_MAX_AGE_S = 86_400
"""An upload that nothing was written to for this long has been abandoned."""
PIECE_BYTES = 256 << 10
NEED = "Jobs lie there"
LOOK_BYTES = 16 << 20
"""The room that is left is looked at again after this many bytes."""


class DiskJobStore(JobStore):
    """Processes of one home share the folder; a job becomes one in one step.

    Args:
        min_free_bytes: what is left to others on the disk, such as predictions that wait for the log.
    """

    def __init__(self, folder: Path, *, min_free_bytes: int) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes

    async def add(self, job: Job, content: AsyncIterator[bytes], /) -> KeptJob:
        draft = self._folder / f"{DRAFT}{uuid4().hex}"
        try:
            with written_below(self._folder, NEED):
                await asyncio.to_thread(self._begin, draft)
                with await asyncio.to_thread((draft / SOURCE).open, "wb") as file:
                    written = looked_at = 0
                    async for piece in content:
                        await asyncio.to_thread(file.write, piece)
                        written += len(piece)
                        if written - looked_at >= LOOK_BYTES:
                            looked_at = written
                            await asyncio.to_thread(self._refuse_if_full)
                note = JobNote(state=JobState.QUEUED, at=job.created_at)
                await asyncio.to_thread(self._complete, draft, job, note)
        finally:
            await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)
        return self._kept(job, note)

    async def jobs(self, only: JobId | None = None, /) -> Sequence[KeptJob]:
        return await asyncio.to_thread(self._read_all, only)

    async def note(self, job_id: JobId, note: JobNote, /) -> None:
        await asyncio.to_thread(self._note, job_id, note)

    async def remove(self, job_id: JobId, /) -> None:
        await asyncio.to_thread(self._remove, job_id)

    async def result(self, job_id: JobId, /) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread((self._folder / job_id / TARGET).open, "rb")
        except FileNotFoundError:
            raise UnknownJob(f"job {job_id} has no result") from None
        with file:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                yield piece

    def _kept(self, job: Job, note: JobNote) -> KeptJob:
        folder = self._folder / job.job_id
        return KeptJob(job=job, note=note, source=str(folder / SOURCE), target=str(folder / TARGET))

    def _begin(self, draft: Path) -> None:
        # For its owner's eyes only: it says who goes where.
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.mkdir(mode=0o700)
        for other in self._folder.glob(f"{DRAFT}*"):
            with suppress(OSError):
                if other != draft and time.time() - other.stat().st_mtime > DRAFT_MAX_AGE_S:
                    shutil.rmtree(other, ignore_errors=True)
        self._refuse_if_full()

    def _refuse_if_full(self) -> None:
        if shutil.disk_usage(self._folder).free < self._min_free_bytes:
            raise StorageFull(
                f"less than {self._min_free_bytes:,} bytes are free in {self._folder}:"
                " remove jobs, or whatever else fills the disk"
            )

    def _complete(self, draft: Path, job: Job, note: JobNote) -> None:
        (draft / JOB).write_bytes(msgspec.json.encode(job))
        (draft / NOTE).write_bytes(msgspec.json.encode(note))
        for name in (SOURCE, JOB, NOTE):
            with (draft / name).open("rb") as written:
                os.fsync(written.fileno())
        draft.rename(self._folder / job.job_id)

    def _read_all(self, only: JobId | None) -> Sequence[KeptJob]:
        try:
            names = [only] if only is not None else [entry.name for entry in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        found = [kept for name in names if (kept := self._read(name)) is not None]
        return sorted(found, key=lambda kept: (kept.job.created_at, kept.job.job_id))

    def _read(self, name: str) -> KeptJob | None:
        folder = self._folder / name
        try:
            job = msgspec.json.decode((folder / JOB).read_bytes(), type=Job)
            note = msgspec.json.decode((folder / NOTE).read_bytes(), type=JobNote)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return self._kept(job, note) if job.job_id == name else None

    def _note(self, job_id: JobId, note: JobNote) -> None:
        folder = self._folder / job_id
        with written_below(folder, NEED):
            if not folder.is_dir():
                return
            if note.state is JobState.RUNNING:
                self._refuse_if_full()
            with suppress(FileNotFoundError):
                write_whole(folder / NOTE, msgspec.json.encode(note))
        if not (folder / JOB).exists():  # removed meanwhile: what was written made its folder anew
            shutil.rmtree(folder, ignore_errors=True)
        elif note.state.is_over:
            (folder / SOURCE).unlink(missing_ok=True)
            if note.state is JobState.FAILED:
                shutil.rmtree(folder / f"{TARGET}.parts", ignore_errors=True)

    def _remove(self, job_id: JobId) -> None:
        # Out of sight in one step, then bit by bit.
        gone = self._folder / f"{DRAFT}{uuid4().hex}"
        try:
            (self._folder / job_id).rename(gone)
        except FileNotFoundError:
            return
        shutil.rmtree(gone, ignore_errors=True)
