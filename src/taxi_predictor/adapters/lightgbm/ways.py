"""Two ways of growing the trees of a model: on this machine alone, and by several together."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.growing import (
    PATIENCE_ROUNDS,
    grow_in_stages,
    grow_until_it_stops_helping,
    stages_of,
)
from taxi_predictor.adapters.lightgbm.rows import TrainingRows, Window
from taxi_predictor.adapters.lightgbm.shares import Share
from taxi_predictor.adapters.lightgbm.team import TeamTrees
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.machines import Machines

__all__ = ["Alone", "Together", "Way"]

Advance = Callable[[float], None]

SAMPLE_TRIPS = 1_500_000
"""Of which a team's driver computes features itself: spread, speeds and the number of trees are theirs."""


class Way(Protocol):
    """How trees are grown; *advance* hears of each, or of all when they are done."""

    @abstractmethod
    def rows(self, data: TrainingData, advance: Advance) -> AbstractContextManager[TrainingRows]:
        """The trips that this machine looks at itself: all, or a fair share of them."""
        ...

    @abstractmethod
    async def trial(
        self, data: TrainingData, rows: TrainingRows, recipe: Mapping[str, Any], rounds: int, advance: Advance
    ) -> lightgbm.Booster:
        """At most *rounds* trees of the fit window; ``best_iteration`` help on the validation window."""
        ...

    @abstractmethod
    async def centre(
        self, data: TrainingData, rows: TrainingRows, recipe: Mapping[str, Any], rounds: int, advance: Advance
    ) -> lightgbm.Booster:
        """*rounds* trees of both windows."""
        ...


class Alone(Way):
    """Args:
    scratch: a folder for features; None: where the system keeps what is temporary.
    """

    def __init__(self, *, seed: int, scratch: Path | None) -> None:
        self._seed = seed
        self._scratch = scratch

    def rows(self, data: TrainingData, advance: Advance) -> AbstractContextManager[TrainingRows]:
        return TrainingRows.of(data, advance, folder=self._scratch)

    async def trial(
        self, data: TrainingData, rows: TrainingRows, recipe: Mapping[str, Any], rounds: int, advance: Advance
    ) -> lightgbm.Booster:
        return await asyncio.to_thread(
            grow_until_it_stops_helping, recipe, rows, seed=self._seed, rounds=rounds, advance=advance
        )

    async def centre(
        self, data: TrainingData, rows: TrainingRows, recipe: Mapping[str, Any], rounds: int, advance: Advance
    ) -> lightgbm.Booster:
        return await asyncio.to_thread(
            grow_in_stages,
            recipe,
            rows.all,
            names=rows.names,
            seed=self._seed,
            rounds=rounds,
            stages=stages_of(len(rows)),
            advance=advance,
        )


class Together(Way):
    """Every machine grows the same trees from its own share of the trips.

    Args:
        scratch: as in :class:`Alone`, for what this machine looks at.
    """

    def __init__(
        self, machines: Machines, *, seed: int, scratch: Path | None, sample_trips: int = SAMPLE_TRIPS
    ) -> None:
        self._machines = machines
        self._seed = seed
        self._scratch = scratch
        self._sample_trips = sample_trips

    def rows(self, data: TrainingData, advance: Advance) -> AbstractContextManager[TrainingRows]:
        shares = stages_of(data.trips, self._sample_trips)
        share = Share(shares=max(shares, 1), trips=data.trips, seed=self._seed)
        return TrainingRows.of(data, advance, folder=self._scratch, share=share)

    async def trial(
        self, data: TrainingData, rows: TrainingRows, recipe: Mapping[str, Any], rounds: int, advance: Advance
    ) -> lightgbm.Booster:
        # No member may stop before another does: all grow all trees, and then it is seen how many help.
        booster = await self._grown(data, recipe, rounds, advance, only_fitted=True)
        booster.best_iteration = await asyncio.to_thread(rounds_that_help, booster, rows.unseen)
        return booster

    async def centre(
        self, data: TrainingData, rows: TrainingRows, recipe: Mapping[str, Any], rounds: int, advance: Advance
    ) -> lightgbm.Booster:
        return await self._grown(data, recipe, rounds, advance, only_fitted=False)

    async def _grown(
        self,
        data: TrainingData,
        recipe: Mapping[str, Any],
        rounds: int,
        advance: Advance,
        *,
        only_fitted: bool,
    ) -> lightgbm.Booster:
        """What all members have grown, if that is the same.

        Raises:
            Unavailable: it is not; or as the port says.
        """
        trees = TeamTrees(
            data=data, recipe=dict(recipe), seed=self._seed, rounds=rounds, only_fitted=only_fitted
        )
        grown = [one for one in await self._machines.together(trees) if one is not None]
        learned = sum(one.trips for one in grown)
        if learned != data.trips or len({one.digest for one in grown}) != 1:
            raise Unavailable(
                f"the machines of the cluster have not grown the same trees of {data.trips:,} trips together:"
                f" {learned:,} trips, {len({one.digest for one in grown})} different boosters"
            )
        advance(float(rounds))
        return lightgbm.Booster(model_str=grown[0].text)


def rounds_that_help(booster: lightgbm.Booster, unseen: Window) -> int:
    """How many of its trees, by the rule by which LightGBM stops early."""
    rounds = booster.current_iteration()
    missed = np.zeros(rounds)
    for features, log_s in zip(unseen.features.blocks(), unseen.log_s.blocks(), strict=True):
        said = np.zeros(len(features))
        for number in range(rounds):
            said += np.asarray(booster.predict(features, start_iteration=number, num_iteration=1))
            missed[number] += np.abs(log_s[:, 0] - said).sum()
    best = 0
    for number in range(1, rounds):
        if missed[number] < missed[best]:
            best = number
        elif number - best >= PATIENCE_ROUNDS:
            break
    return best + 1
