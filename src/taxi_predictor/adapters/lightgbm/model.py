"""Answering from trees."""

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.columns.engine_model import MOST_LOG, EngineModel
from taxi_predictor.adapters.columns.speeds import SpeedModel
from taxi_predictor.adapters.lightgbm.artifact import (
    CENTRE_FILE,
    SPREAD_FILE,
    read_spare,
    read_text,
    read_verified,
)
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.evaluators import Evaluator, evaluator_of, trips_asked_at_once
from taxi_predictor.adapters.lightgbm.forest import Forest
from taxi_predictor.adapters.lightgbm.forest_file import kept_forest
from taxi_predictor.adapters.lightgbm.soundness import SoundText, Unsound, sound_text, trees_of
from taxi_predictor.domain.errors import BrokenModel
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import Manifest
from taxi_predictor.ports.outbound.engine import ModelLoader

__all__ = ["LightgbmLoader", "LightgbmModel"]


class LightgbmModel(EngineModel):
    """One booster for the centre of ln(seconds), one for its spread, both asked by an *evaluator*."""

    def __init__(self, manifest: Manifest, centre: lightgbm.Booster, evaluator: Evaluator) -> None:
        ask_trip = trips_asked_at_once(evaluator, manifest)
        super().__init__(manifest, evaluator.ask, evaluator.ask_few, ask_trip)
        self._centre = centre
        self.evaluator = evaluator.name

    def _contributions(self, rows: Floats) -> Floats:
        """By TreeSHAP (S. M. Lundberg et al., "From local explanations to global understanding", 2020)."""
        return np.asarray(self._centre.predict(rows, pred_contrib=True, num_threads=1))


class LightgbmLoader(ModelLoader):
    """Opens artifacts of ours.

    Args:
        tables: a folder for what is made of a model once, and shared by all processes that open it; None:
            each makes its own.
    """

    def __init__(self, tables: Path | None = None) -> None:
        self._tables = tables
        self._farthest: dict[tuple[str, tuple[str, ...]], float] = {}
        """Of boosters that are known to be sound, by their digests and features: their farthest answers."""

    def open(self, folder: Path, /) -> LightgbmModel:
        manifest = read_verified(folder)
        if unknown := set(manifest.features) - set(FEATURE_NAMES):
            raise BrokenModel(f"the model in {folder} wants features that this code does not make: {unknown}")
        try:
            texts = [self._sound(folder, name, manifest) for name in (CENTRE_FILE, SPREAD_FILE)]
            if not texts[1].farthest * max(map(abs, manifest.residuals.values)) < MOST_LOG:
                raise Unsound("its quantiles might be longer than any duration")
            centre, spread = (lightgbm.Booster(model_str=sound.text) for sound in texts)
        except (lightgbm.basic.LightGBMError, OSError, Unsound) as error:
            raise BrokenModel(f"the model in {folder} cannot be served: {error}") from error
        forest = partial(self._forest, manifest, [sound.text for sound in texts])
        return LightgbmModel(manifest, centre, evaluator_of(centre, spread, forest))

    def _sound(self, folder: Path, name: str, manifest: Manifest) -> SoundText:
        """The text of a booster: looked at once, however often it is opened."""
        text, known = read_text(folder, name), (manifest.files[name], manifest.features)
        if known not in self._farthest:
            self._farthest[known] = sound_text(text, manifest.features).farthest
        return SoundText(trees_of(text), self._farthest[known])

    def _forest(self, manifest: Manifest, texts: Sequence[str]) -> Forest:
        if self._tables is None:
            return Forest.of(*texts)
        digests = f"{manifest.files[CENTRE_FILE]} {manifest.files[SPREAD_FILE]}"
        return kept_forest(self._tables, sha256(digests.encode()).hexdigest(), lambda: Forest.of(*texts))

    def open_spare(self, folder: Path, /) -> SpeedModel:
        return SpeedModel(*read_spare(folder))
