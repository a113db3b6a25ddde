"""Trees that a team grows together: each member from its own share of the trips, all of them the same.

By LightGBM's own data-parallel learner (Q. Meng et al., "A communication-efficient parallel algorithm for
decision tree", 2016): members add up their histograms, so that each split is chosen by all trips.
Three things it does by share, and not by all trips: each feature is binned by one member's trips, the
score that trees begin at and the medians in leaves are means over the members. So a share must look like
all of them do, and like any other: it is drawn by chance over the whole of the time, of equal size.
"""

import ctypes
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.growing import SHARE_TRIPS, grow_in_stages, stages_of
from taxi_predictor.adapters.lightgbm.row_file import STRETCH_ROWS
from taxi_predictor.adapters.lightgbm.rows import TrainingRows
from taxi_predictor.adapters.lightgbm.shares import Share
from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.machines import Member

__all__ = ["GrownShare", "TeamTrees"]

MEMBER_TRIPS = 16 * STRETCH_ROWS
"""Fewer are no fair share: of so few trips, fewer members grow trees."""
SILENCE_MINUTES = 60
"""How long one member, which computes features or reads from a busy disk, may keep the others waiting."""
log = logging.getLogger("lightgbm")
log.setLevel(logging.ERROR)
_LIBRARY = vars(lightgbm.basic)["_LIB"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrownShare:
    """What one member came to."""

    trips: int
    """In its share, of both windows."""
    digest: str
    """Of the trees."""
    text: str
    """The booster, from the first member; empty from others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamTrees:
    """Grow so many trees; sent to every member."""

    data: TrainingData
    """Its batches are read on every machine."""
    recipe: Mapping[str, Any]
    seed: int
    rounds: int
    only_fitted: bool
    """Leave the validation window out."""

    def __call__(self, member: Member) -> GrownShare | None:
        members = max(min(len(member.addresses), self.data.trips // MEMBER_TRIPS), 1)
        if member.place >= members:
            return None
        share = Share(number=member.place, shares=members, trips=self.data.trips, seed=self.seed)
        with (
            _linked(member, members) as network,
            TrainingRows.of(self.data, _unheard, folder=None, share=share) as rows,
        ):
            window = rows.fitted if self.only_fitted else rows.all
            if not len(window):
                raise NotEnoughTrips("there are too few trips to learn from on several machines")
            booster = grow_in_stages(
                {**self.recipe, **network},
                window,
                names=rows.names,
                seed=self.seed,
                rounds=self.rounds,
                stages=stages_of(self.data.trips, SHARE_TRIPS * members),
                advance=_unheard,
            )
            text = booster.model_to_string()
            trips = len(rows)
        # What LightGBM notes of its parameters differs: the trees must not.
        trees = text.partition("\nparameters:")[0]
        return GrownShare(
            trips=trips, digest=sha256(trees.encode()).hexdigest(), text="" if member.place else text
        )


@contextmanager
def _linked(member: Member, members: int) -> Iterator[Mapping[str, Any]]:
    """LightGBM connected with that of the other members, and what it has to be told for it.

    It waits some two minutes for others to come: so this is the first that each does.
    """
    threads = {"num_threads": member.threads}
    if members == 1:
        yield threads
        return
    addresses = member.addresses[:members]
    # Told which it is, it needs not guess by the addresses of its machine.
    machines = ",".join((f"rank={member.place}", *addresses))
    port = int(addresses[member.place].rpartition(":")[2])
    lightgbm.register_logger(log)  # no parameter keeps it from telling of every connection
    _call("LGBM_NetworkInit", machines.encode(), port, SILENCE_MINUTES, members)
    try:
        # The learner is chosen by these two.
        yield {**threads, "tree_learner": "data", "num_machines": members, "pre_partition": True}
    finally:
        _call("LGBM_NetworkFree")


def _call(function: str, *arguments: bytes | int) -> None:
    if getattr(_LIBRARY, function)(*arguments):
        raise RuntimeError(ctypes.string_at(_LIBRARY.LGBM_GetLastError()).decode())


def _unheard(done: float) -> None:
    """Whoever waits is told when all is done."""
