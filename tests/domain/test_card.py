"""A model's card names what people have to know, whatever its words."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from taxi_predictor.domain.card import model_card
from taxi_predictor.domain.evaluation import BaselineScores
from taxi_predictor.domain.model import SIMULATION, Manifest
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.verdict import Check, Verdict
from taxi_predictor.ports.outbound.registry import ModelReport
from taxi_predictor.ports.testing.samples import a_report, an_artifact
from taxi_predictor.ports.testing.strategies import A_CITY


def card(manifest: Manifest, report: ModelReport) -> str:
    return model_card(
        manifest,
        held_out=report.held_out,
        slices=report.slices,
        baselines=report.baselines,
        verdict=report.verdict,
    )


def test_the_card_names_every_fact_by_its_value(tmp_path: Path) -> None:
    manifest, report = an_artifact(tmp_path).manifest, a_report()
    text = card(manifest, report)
    split, tz = manifest.split, manifest.city.tz
    facts = [
        manifest.city.name,
        manifest.engine,
        manifest.code_version,
        manifest.created_at.isoformat(),
        manifest.fingerprint,
        report.verdict.artifact,
        "2,000",
        "1,234",
        "123.5",
        "246.9",
        "50.0%",
        *manifest.sources,
        *manifest.features,
        *manifest.files,
        *manifest.files.values(),
        *manifest.params,
        *map(str, manifest.params.values()),
        *report.slices,
        *report.baselines,
        *(check.name for check in report.verdict.checks),
        *(check.detail for check in report.verdict.checks),
        *(f"{getattr(split, name).astimezone(tz):%Y-%m-%d}" for name in split.__slots__),
    ]
    assert [fact for fact in facts if fact not in text] == []


def test_the_days_of_its_windows_are_those_of_its_city(tmp_path: Path) -> None:
    # At ten in the evening there, it is the next day already by UTC.
    split = TimeSplit(
        **{
            name: datetime(2023, month, 1, 22, tzinfo=A_CITY.tz)
            for month, name in enumerate(TimeSplit.__slots__, 1)
        }
    )
    text = card(replace(an_artifact(tmp_path).manifest, split=split), a_report())
    for row in (
        "| fit | 2023-01-01 to 2023-02-01 |",
        "| validation | 2023-02-01 to 2023-03-01 |",
        "| held out | 2023-03-01 to 2023-04-01 |",
        "seen trips from 2023-01-01 to 2023-03-01 only",
    ):
        assert row in text


def test_a_refused_model_of_simulated_trips_says_both_before_all_else(tmp_path: Path) -> None:
    real, good = an_artifact(tmp_path).manifest, a_report()
    simulated, bad = replace(real, sources=(SIMULATION,)), a_report(passed=False)

    def head(manifest: Manifest, report: ModelReport) -> int:
        return card(manifest, report).partition("\n## ")[0].count("**")

    assert [head(real, good), head(simulated, good), head(real, bad), head(simulated, bad)] == [0, 2, 2, 4]


def test_a_bar_in_what_a_check_found_does_not_break_its_row(tmp_path: Path) -> None:
    verdict = Verdict.of([Check("odd", False, "a | b\nc")], artifact="")
    text = card(an_artifact(tmp_path).manifest, replace(a_report(), verdict=verdict))
    assert "| odd | FAIL | a \\| b c |" in text


def test_an_old_report_without_slices_checks_or_baselines_has_a_card(tmp_path: Path) -> None:
    report = a_report()
    old = ModelReport(held_out=report.held_out, slices={}, verdict=Verdict(passed=True, reasons=("fine",)))
    assert f"{report.held_out.mae_s:.1f}" in card(an_artifact(tmp_path).manifest, old)


def test_its_chapters_are_those_of_model_cards(tmp_path: Path) -> None:
    text = card(an_artifact(tmp_path).manifest, a_report())
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        f"# A model of trip durations in {A_CITY.name}",
        "## What it is for",
        "## What it learned from",
        "## How good it is",
        "## Beside simple methods",
        "## Its judgement",
        "## Known limits",
        "## How it was made",
    ]
    assert f"how long a taxi trip in {A_CITY.name} takes" in text


def test_what_was_simulated_judged_and_bound_is_said_in_its_row(tmp_path: Path) -> None:
    real, good, bad = an_artifact(tmp_path).manifest, a_report(), a_report(passed=False)
    accepted = card(real, good)
    refused = card(replace(real, sources=(SIMULATION,)), bad)
    for row in ("| simulated | no |", "It passed.", "| size | pass |", f"| `{good.verdict.artifact}` |"):
        assert row in accepted
    for row in ("| simulated | yes |", f"It was refused: {bad.verdict.reasons[0]}.", "| size | FAIL |"):
        assert row in refused
        assert row not in accepted
    unbound = replace(good, verdict=replace(good.verdict, artifact=""))
    assert "| sha256 of the manifest | not bound to a verdict |" in card(real, unbound)


def test_the_best_of_the_simple_methods_stands_first(tmp_path: Path) -> None:
    baselines = {
        name: BaselineScores(mae_s=mae_s, lift=0.1)
        for name, mae_s in (("a", 300.0), ("b", 200.0), ("c", 250.0))
    }
    lines = card(an_artifact(tmp_path).manifest, replace(a_report(), baselines=baselines)).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("| this model |"))
    assert [line.split(" | ")[0] for line in lines[first + 1 : first + 4]] == ["| b", "| c", "| a"]
