"""What differs between two versions, of a registry in memory."""

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from rich.console import Console

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedLoader
from taxi_predictor.adapters.memory.journal import MemoryJournal
from taxi_predictor.adapters.memory.models import MemoryModelRegistry
from taxi_predictor.apps.commands.journal import journal_table
from taxi_predictor.apps.commands.models import difference_tables
from taxi_predictor.domain.errors import NoChampion, UnknownModel
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.inbound.models.history import ModelHistory
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.outbound.journal import Deed, Entry
from taxi_predictor.ports.testing.samples import NOON, a_report, an_artifact
from taxi_predictor.ports.testing.strategies import A_CITY


async def test_a_difference_names_what_differs_and_nothing_else(tmp_path: Path) -> None:
    registry = MemoryModelRegistry(clock=MemoryClock(NOON))
    versions = ModelVersions(city=A_CITY, registry=registry, loader=ConstantSpeedLoader())
    history = ModelHistory(journal=MemoryJournal(), versions=versions)
    first = an_artifact(tmp_path)
    params = {**first.manifest.params, "num_leaves": 127}
    manifest = replace(first.manifest, trips=3_000, params=params, features=("distance_km", "month"))
    await registry.register(first, a_report(mae_s=200.0))
    await registry.register(ModelArtifact(tmp_path, manifest), a_report(mae_s=150.0))
    found = await history.difference(ModelVersion(1), "latest")
    assert (found.before, found.after) == (1, 2)
    assert found.facts == {"trips": (2_000, 3_000)}
    assert found.params == {"num_leaves": (63, 127)}
    assert (found.features_added, found.features_removed) == (["month"], ["minute_of_day"])
    assert set(found.scores) == {"overall", *a_report().slices}
    assert found.scores["overall"]["mae_s"].relative == -0.25
    assert found.scores["overall"]["bias_s"].relative == 0
    assert msgspec.json.decode(msgspec.json.encode(found))["facts"]["trips"] == [2_000, 3_000]
    text = StringIO()
    for table in difference_tables(found):
        Console(file=text, width=120).print(table)
    for line in (r"num_leaves +63 +127", r"feature month +added", r"overall +mae_s +200 +150 +-25.0%"):
        assert re.search(line, text.getvalue()), text.getvalue()
    with pytest.raises(NoChampion):
        await history.difference("champion", "latest")
    with pytest.raises(UnknownModel):
        await history.difference(ModelVersion(1), ModelVersion(9))


def test_a_long_reason_does_not_fill_the_screen() -> None:
    long = "coverage: night 77.6%; " * 40
    said = [
        Entry(at=NOON, actor="ann", deed=Deed.PROMOTED, version=ModelVersion(1), reason=reason)
        for reason in (long, "to look around")
    ]
    console = Console(file=StringIO(), width=80)
    with console.capture() as shown:
        console.print(journal_table(said, ZoneInfo("UTC")))
    assert "to look around" in shown.get()
    assert "…" in shown.get()
    assert len(shown.get().splitlines()) < 12
