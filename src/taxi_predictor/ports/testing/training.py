"""What the suites about models share: trained artifacts, and ways to break them."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from taxi_predictor.domain.model import MANIFEST_FILE, Manifest, ModelArtifact
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.outbound.engine import ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.progress import Progress, Step
from taxi_predictor.ports.testing.samples import SPLIT, a_history
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.tables import TableMaker

__all__ = ["Unwatched", "broken_copies", "files_in", "fit", "forget_trained", "trained", "training_data"]

_trained: dict[tuple[type[TableMaker], float], ModelArtifact] = {}
_folders = ExitStack()


class Unwatched(Progress, Step):
    """Progress that nobody looks at."""

    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        yield self

    def advance(self, done: float, /) -> None: ...
    def say(self, text: str, /) -> None: ...


def training_data(suite: TableMaker, trips: Sequence[FinishedTrip], *, batch_rows: int = 700) -> TrainingData:
    batches = [
        suite.trip_batch(trips[first : first + batch_rows]) for first in range(0, len(trips), batch_rows)
    ]
    return TrainingData(city=A_CITY, split=SPLIT, batches=batches, trips=len(trips), sources=("sample",))


async def fit(
    suite: TableMaker,
    trainer: ModelTrainer,
    trips: Sequence[FinishedTrip],
    folder: Path,
    *,
    batch_rows: int = 700,
) -> ModelArtifact:
    data = training_data(suite, trips, batch_rows=batch_rows)
    return await trainer.fit(data, folder, progress=Unwatched())


async def trained(suite: TableMaker, trainer: ModelTrainer, *, speed_km_h: float = 20.0) -> ModelArtifact:
    """The artifact that *trainer* makes of :func:`a_history`.

    Once for each class of suites: training may take seconds. Copy it before you break it.
    """
    key = type(suite), speed_km_h
    if key not in _trained:
        folder = Path(_folders.enter_context(TemporaryDirectory(prefix="contract-")))
        _trained[key] = await fit(suite, trainer, a_history(speed_km_h=speed_km_h), folder)
    return _trained[key]


def forget_trained() -> None:
    """Remove all that :func:`trained` has kept, which else goes when the process ends.

    For the end of a session whose processes are killed, as those of pytest-xdist are that take long to end.
    """
    _trained.clear()
    _folders.close()


def files_in(folder: Path) -> dict[str, bytes]:
    """What each file of an artifact holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def broken_copies(artifact: ModelArtifact, into: Path) -> Iterator[tuple[str, ModelArtifact]]:
    """Yield copies of *artifact*, each with what is wrong with it."""

    def copy() -> ModelArtifact:
        folder = into / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(artifact.folder, folder)
        return ModelArtifact(folder, artifact.manifest)

    for name in (MANIFEST_FILE, *artifact.manifest.files):
        broken = copy()
        (broken.folder / name).unlink()
        yield f"without {name}", broken

        broken = copy()
        content = (broken.folder / name).read_bytes()
        (broken.folder / name).write_bytes(content[: len(content) // 2])
        yield f"{name} cut short", broken

    for name in artifact.manifest.files:
        broken = copy()
        content = (broken.folder / name).read_bytes()
        (broken.folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        yield f"one bit of {name} altered", broken

    # These say something also of an engine whose manifest is its only file.
    manifest, wanted = artifact.manifest, hashlib.sha256(b"what it should hold").hexdigest()
    naming_one_more = replace(manifest, files={**manifest.files, "extra.bin": wanted})
    yield "a file named that is not there", _rewritten(copy(), naming_one_more)
    broken = _rewritten(copy(), naming_one_more)
    (broken.folder / "extra.bin").write_bytes(b"what it does hold")
    yield "a file that differs from its sum", broken
    yield "of a later format", _rewritten(copy(), replace(manifest, format=manifest.format + 1))


def _rewritten(artifact: ModelArtifact, manifest: Manifest) -> ModelArtifact:
    """*artifact* with another *manifest*, in memory and on disk: in what files it names, and its format."""
    path = artifact.folder / MANIFEST_FILE
    written = json.loads(path.read_bytes())
    path.write_text(json.dumps({**written, "files": dict(manifest.files), "format": manifest.format}))
    return ModelArtifact(artifact.folder, manifest)
