"""The champion in any Python program, without a server, a database or a registry."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from taxi_predictor.apps.extras import needing
from taxi_predictor.apps.home import forests_folder, models_folder
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.city import City
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.shelf import ModelShelf, ServedModel
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["load_champion", "predictor_alone"]


def load_champion(home: str | PathLike[str]) -> DurationPredictor:
    """The predictor of the deployment whose files are in *home*, the folder that ``TAXI_HOME`` names.

    The same use case as behind every face. What a face has besides is not here: a live level, for which
    trips must have ended lately, zones by id, a log, and somebody who stands in for a champion that cannot
    be used. The champion of this moment answers for good: after a promotion, load again.

    Raises:
        NoChampion: no model serves there.
        BrokenModel: its files are damaged.
        NotInstalled: the package came without its extra ``predict``.
    """
    with needing("predict"):
        from taxi_predictor.adapters.disk.shelf import DiskModelShelf
        from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
        from taxi_predictor.adapters.memory.zones import MemoryZoneStore
        from taxi_predictor.adapters.system.clock import SystemClock

    settings = Settings(home=Path(home))
    shelf = DiskModelShelf(models_folder(settings), LightgbmLoader(forests_folder(settings)))
    city = shelf.champion().manifest.city
    return predictor_alone(shelf, city, zones=MemoryZoneStore(), clock=SystemClock())


def predictor_alone(
    shelf: ModelShelf,
    city: City,
    *,
    zones: ZoneStore,
    clock: Clock,
    current_level: Callable[[ServedModel], LiveLevel | None] = lambda _: None,
) -> DurationPredictor:
    """The use case behind every face, by the champion of *shelf* alone, which is loaded and warm.

    Raises:
        NoChampion, BrokenModel: it cannot answer, and nobody stands in.
    """
    from taxi_predictor.adapters.columns.plans import FramePlanColumns
    from taxi_predictor.adapters.columns.speeds import fallback_model
    from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry

    ladder = Ladder(shelf=shelf, fallback=fallback_model(city), lowest=AnswerSource.CHAMPION)
    ladder.refresh()
    telemetry = RecordingTelemetry(last=0)
    return DurationPredictor(
        ladder=ladder,
        zones=zones,
        clock=clock,
        city=city,
        columns=FramePlanColumns(),
        telemetry=telemetry,
        load_telemetry=telemetry,
        current_level=current_level,
    )
