"""What was done to models, and how two of them differ."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from taxi_predictor.domain.evaluation import Scores
from taxi_predictor.ports.inbound.models.versions import ModelVersions, WhichModel
from taxi_predictor.ports.outbound.journal import Entry, Journal
from taxi_predictor.ports.outbound.registry import RegisteredModel

__all__ = ["Change", "Difference", "ModelHistory", "ScoreChange"]

Change = tuple[object, object]
"""What it is in the one and in the other; None where it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChange:
    before: float | None
    after: float | None
    relative: float | None
    """(after - before) / |before|; None without both or from zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """From one version to another: only what differs, but all scores.

    Each version was measured on its own held-out trips: where those windows differ, scores differ for
    that reason too.
    """

    before: int
    after: int
    facts: Mapping[str, Change]
    """Windows, trips, sources, fingerprint, seed, engine, city and code version."""
    params: Mapping[str, Change]
    features_added: Sequence[str]
    features_removed: Sequence[str]
    scores: Mapping[str, Mapping[str, ScoreChange]]
    """By ``overall`` or the slice, then by measure."""


class ModelHistory:
    def __init__(self, *, journal: Journal, versions: ModelVersions) -> None:
        self._journal = journal
        self._versions = versions

    async def entries(self, limit: int) -> Sequence[Entry]:
        """The *limit* newest entries of the journal, newest first."""
        return await self._journal.entries(limit=limit)

    async def model(self, which: WhichModel) -> RegisteredModel:
        """All that is kept of a version.

        Raises:
            UnknownModel: there is no such version.
            NoChampion: the champion was asked for, and none was promoted.
        """
        return await self._versions.find(which)

    async def difference(self, before: WhichModel, after: WhichModel) -> Difference:
        """What differs between two versions.

        Raises:
            UnknownModel: there is no such version.
            NoChampion: the champion was asked for, and none was promoted.
        """
        return _difference(await self._versions.find(before), await self._versions.find(after))


def _difference(before: RegisteredModel, after: RegisteredModel) -> Difference:
    old, new = before.manifest.features, after.manifest.features
    slices = {**before.report.slices, **after.report.slices}
    scores = {"overall": _scores(before.report.held_out, after.report.held_out)}
    scores |= {n: _scores(before.report.slices.get(n), after.report.slices.get(n)) for n in slices}
    return Difference(
        before=before.version,
        after=after.version,
        facts=_changes(_facts(before), _facts(after)),
        params=_changes(before.manifest.params, after.manifest.params),
        features_added=[name for name in new if name not in old],
        features_removed=[name for name in old if name not in new],
        scores=scores,
    )


def _facts(model: RegisteredModel) -> Mapping[str, object]:
    manifest = model.manifest
    names = ("engine", "trips", "sources", "fingerprint", "seed", "code_version")
    return {
        "city": manifest.city.name,
        **asdict(manifest.split),
        **{name: getattr(manifest, name) for name in names},
    }


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> Mapping[str, Change]:
    pairs = {name: (before.get(name), after.get(name)) for name in {**before, **after}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _scores(before: Scores | None, after: Scores | None) -> Mapping[str, ScoreChange]:
    old, new = asdict(before) if before else {}, asdict(after) if after else {}
    return {name: _score(old.get(name), new.get(name)) for name in old or new}


def _score(before: float | None, after: float | None) -> ScoreChange:
    relative = None if before is None or after is None or not before else (after - before) / abs(before)
    return ScoreChange(before=before, after=after, relative=relative)
