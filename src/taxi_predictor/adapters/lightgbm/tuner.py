"""Random search over recipes of the centre.

Random points find the few parameters that matter sooner than a grid does (J. Bergstra and Y. Bengio,
"Random search for hyper-parameter optimization", 2012), and the n-th is the same in every run: a search
that was interrupted goes on where it was.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from taxi_predictor.adapters.lightgbm.growing import grow_until_it_stops_helping
from taxi_predictor.adapters.lightgbm.recipe import CENTRE_RECIPE, MAX_ROUNDS
from taxi_predictor.adapters.lightgbm.rows import TrainingRows
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.tuning import RecipeTuner, Trial

__all__ = ["LightgbmTuner"]

SEARCHED: Mapping[str, Sequence[int | float]] = {
    "alpha": (0.08, 0.12, 0.2, 0.3),
    "learning_rate": (0.08, 0.12, 0.16),
    "num_leaves": (63, 127, 255, 511),
    "min_data_in_leaf": (20, 50, 100, 200),
    "path_smooth": (0.0, 1.0, 10.0, 50.0),
    "feature_fraction": (0.3, 0.5, 0.7, 0.9),
    "bagging_fraction": (0.6, 0.8, 0.95),
    "lambda_l2": (0.0, 1.0, 5.0, 20.0),
}


class LightgbmTuner(RecipeTuner):
    def __init__(self, *, seed: int = 1, scratch: Path | None = None) -> None:
        self._seed = seed
        self._scratch = scratch

    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        deadline = monotonic() + budget_s
        number = len(tried)
        with ExitStack() as stack:
            computed = TrainingRows.of(data, lambda _: None, folder=self._scratch)
            rows = await asyncio.to_thread(stack.enter_context, computed)
            while not number or monotonic() < deadline:
                recipe = self.recipe(number)
                with progress.step(f"try recipe {number + 1}", total=float(MAX_ROUNDS)) as step:
                    loss = await asyncio.to_thread(
                        self._loss, rows, recipe, step.advance, deadline if number else None
                    )
                if loss is None:
                    return
                yield Trial(recipe=recipe, loss=loss)
                number += 1

    def recipe(self, number: int) -> dict[str, Any]:
        """The recipe of that number, from 0; always the same."""
        if not number:
            return dict(CENTRE_RECIPE)
        chance = random.Random(f"{self._seed}:{number}")  # noqa: S311 # a search, not a secret
        return CENTRE_RECIPE | {name: chance.choice(values) for name, values in SEARCHED.items()}

    def _loss(
        self, rows: TrainingRows, recipe: Mapping[str, Any], advance: Any, deadline: float | None
    ) -> float | None:
        """The loss on the validation window; None if time ran out before it was known."""

        def is_over() -> bool:
            return deadline is not None and monotonic() > deadline

        booster = grow_until_it_stops_helping(
            recipe, rows, seed=self._seed, rounds=MAX_ROUNDS, advance=advance, is_over=is_over
        )
        if is_over():
            return None
        unseen, missed = rows.unseen, 0.0
        for features, log_s in zip(unseen.features.blocks(), unseen.log_s.blocks(), strict=True):
            missed += float(np.abs(log_s[:, 0] - np.asarray(booster.predict(features))).sum())
        return missed / len(unseen)
