"""Versions, aliases and artifacts in MLflow's model registry; importing it takes two seconds, so late."""

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import msgspec

from taxi_predictor.adapters.files.writing import is_full
from taxi_predictor.adapters.mlflow import lineage
from taxi_predictor.adapters.pictures.models import draw_pictures
from taxi_predictor.domain.access import without_credentials
from taxi_predictor.domain.errors import (
    BrokenModel,
    StorageFull,
    TaxiPredictorError,
    Unavailable,
    UnknownModel,
)
from taxi_predictor.domain.model import MANIFEST_FILE, Manifest, ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.registry import Alias, ModelRegistry, ModelReport, RegisteredModel

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion

__all__ = ["MlflowModelRegistry"]

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

MODEL_FOLDER = "model"
REPORT_FILE = "report.json"
CARD_FILE = "model-card.md"
PICTURES_FOLDER = "pictures"

MAX_PARAMS, MAX_METRICS = 100, 1_000
"""As many as MLflow takes in one call."""

ENVIRONMENT = {  # unless the user says otherwise
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
}


class MlflowModelRegistry(ModelRegistry):
    """One registered model, named *name*, whose versions carry their manifest and report as artifacts.

    Args:
        tracking_uri: of a server, or ``sqlite:///path``.
        artifacts: where a file-based store keeps its artifacts; None leaves it to the server.
    """

    def __init__(self, *, tracking_uri: str, name: str, artifacts: Path | None = None) -> None:
        self._tracking_uri = tracking_uri
        self._name = name
        self._artifacts = artifacts
        self._read: dict[str, tuple[Manifest, ModelReport]] = {}
        self._damaged: set[ModelVersion] = set()

    async def register(self, artifact: ModelArtifact, report: ModelReport, /) -> ModelVersion:
        return await _in_thread(self._register, artifact, report)

    async def versions(self) -> Sequence[RegisteredModel]:
        return await _in_thread(self._versions)

    async def fetch(self, version: ModelVersion, folder: Path, /) -> ModelArtifact:
        return await _in_thread(self._fetch, version, folder)

    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        await _in_thread(self._point, alias, version)

    @cached_property
    def _client(self) -> "MlflowClient":
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        from taxi_predictor.adapters.mlflow.calling import say_who_calls

        say_who_calls()
        # It announces every migration of a fresh SQLite file.
        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        return MlflowClient(self._tracking_uri)

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(self._name)
        if found is not None:
            return str(found.experiment_id)
        location = self._artifacts.absolute().as_uri() if self._artifacts else None
        return str(self._client.create_experiment(self._name, artifact_location=location))

    def _register(self, artifact: ModelArtifact, report: ModelReport) -> ModelVersion:
        client, manifest = self._client, artifact.manifest
        run = client.create_run(self._experiment(), tags=lineage.tags(manifest, report))
        run_id = run.info.run_id
        try:
            self._log_values(run_id, manifest, report)
            client.log_artifacts(run_id, str(artifact.folder), MODEL_FOLDER)
            with TemporaryDirectory(prefix="taxi-report-") as folder:
                (Path(folder) / REPORT_FILE).write_bytes(msgspec.json.encode(report))
                (Path(folder) / CARD_FILE).write_text(lineage.card(manifest, report), "utf-8")
                client.log_artifacts(run_id, folder)
            with TemporaryDirectory(prefix="taxi-pictures-") as folder:
                draw_pictures(manifest, report, Path(folder))
                client.log_artifacts(run_id, folder, PICTURES_FOLDER)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, "FINISHED")
        self._ensure_name()
        version = client.create_model_version(
            self._name,
            source=f"{run.info.artifact_uri}/{MODEL_FOLDER}",
            run_id=run_id,
            tags={"verdict": "passed" if report.verdict.passed else "refused"},
            description="; ".join(report.verdict.reasons),
        )
        return ModelVersion(int(version.version))

    def _log_values(self, run_id: str, manifest: Manifest, report: ModelReport) -> None:
        """Log all values in few requests: one by one, each slice would cost a dozen."""
        from mlflow.entities import Metric, Param

        at_ms = time.time_ns() // 1_000_000
        params = [Param(name, str(value)) for name, value in manifest.params.items()]
        metrics = [Metric(name, value, at_ms, 0) for name, value in lineage.metrics(report).items()]
        for first in range(0, len(params), MAX_PARAMS):
            self._client.log_batch(run_id, params=params[first : first + MAX_PARAMS])
        for first in range(0, len(metrics), MAX_METRICS):
            self._client.log_batch(run_id, metrics=metrics[first : first + MAX_METRICS])

    def _ensure_name(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self._name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _versions(self) -> Sequence[RegisteredModel]:
        found = self._client.search_model_versions(f"name = '{self._name}'", max_results=10_000)
        if not found:
            return []
        holders = self._client.get_registered_model(self._name).aliases
        registered = []
        for version in sorted(found, key=lambda version: int(version.version)):
            try:
                registered.append(self._registered(version, holders))
            except BrokenModel as error:
                self._warn_once(ModelVersion(int(version.version)), error)
        return registered

    def _warn_once(self, version: ModelVersion, error: BrokenModel) -> None:
        if version not in self._damaged:
            self._damaged.add(version)
            log.warning("model version %d is left out: %s", version, error)

    def _registered(self, version: "MlflowVersion", holders: dict[str, Any]) -> RegisteredModel:
        run_id = str(version.run_id)
        if run_id not in self._read:
            self._read[run_id] = self._manifest_and_report(run_id)
        manifest, report = self._read[run_id]
        return RegisteredModel(
            version=ModelVersion(int(version.version)),
            aliases=frozenset(alias for alias in Alias if str(holders.get(alias)) == str(version.version)),
            registered_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
            manifest=manifest,
            report=report,
        )

    def _manifest_and_report(self, run_id: str) -> tuple[Manifest, ModelReport]:
        with TemporaryDirectory(prefix="taxi-registry-") as folder:
            manifest = self._download(run_id, f"{MODEL_FOLDER}/{MANIFEST_FILE}", folder)
            report = self._download(run_id, REPORT_FILE, folder)
            try:
                return (
                    msgspec.json.decode(manifest.read_bytes(), type=Manifest),
                    msgspec.json.decode(report.read_bytes(), type=ModelReport),
                )
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TaxiPredictorError) as error:
                raise BrokenModel(f"the registry's record of run {run_id} cannot be read: {error}") from error

    def _download(self, run_id: str, path: str, folder: str) -> Path:
        from mlflow.exceptions import MlflowException

        try:
            return Path(self._client.download_artifacts(run_id, path, folder))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise BrokenModel(
                f"the registry lost {path} of run {run_id}: restore it or train anew"
            ) from error

    def _fetch(self, version: ModelVersion, folder: Path) -> ModelArtifact:
        run_id = str(self._client.get_model_version(self._name, str(version)).run_id)
        with TemporaryDirectory(prefix="taxi-fetch-") as downloads:
            model = self._download(run_id, MODEL_FOLDER, downloads)
            shutil.copytree(model, folder, dirs_exist_ok=True)
        manifest, _ = self._manifest_and_report(run_id)
        return ModelArtifact(folder, manifest)

    def _point(self, alias: Alias, version: ModelVersion | None) -> None:
        if version is not None:
            self._client.get_model_version(self._name, str(version))
            self._client.set_registered_model_alias(self._name, alias, str(version))
        elif self._client.search_registered_models(f"name = '{self._name}'"):
            self._client.delete_registered_model_alias(self._name, alias)


async def _in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run *work* beside the event loop and translate what MLflow raises."""
    return await asyncio.to_thread(_run, work, *args, **kwargs)


def _run(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    with _translated():
        return work(*args, **kwargs)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TaxiPredictorError:
        raise
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"{error.name} is not installed: pip install 'taxi-predictor[train]' for a registry in a file,"
            " 'taxi-predictor[registry]' for one on a server"
        ) from error
    except OSError as error:
        raise _told(error) from error
    except Exception as error:
        # Named only here: importing MLflow takes two seconds.
        from mlflow.exceptions import MlflowException

        if not isinstance(error, (MlflowException, *_database_errors())):
            raise
        # MLflow quotes the whole address that it asked, with the password of whoever may ask.
        reason = without_credentials(" ".join(str(error).split()))[:200]
        if getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST":
            raise UnknownModel(f"the registry knows no such model version: {reason}") from error
        raise Unavailable(f"the model registry does not answer: {reason}") from error


def _told(error: OSError) -> Unavailable:
    """What keeps the registry from working: no room, a file, or, with neither, whoever should answer."""
    reason = without_credentials(str(error))
    if is_full(error):
        return StorageFull(f"the model registry has no room left for its files: {reason}")
    if error.filename is not None or isinstance(error, shutil.Error):  # the latter, where a folder is copied
        return Unavailable(f"the files of the model registry cannot be read or written: {reason}")
    return Unavailable(f"the model registry does not answer: {reason}")


def _database_errors() -> tuple[type[Exception], ...]:
    """What MLflow lets through when its database is away; where only its client is, it has none."""
    try:
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        return ()
    return (SQLAlchemyError,)
