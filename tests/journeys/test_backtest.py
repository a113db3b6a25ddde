"""A backtest from the command line: a table, a picture and numbers, twice the same."""

from pathlib import Path

from journeys.conftest import Deployment
from servers import slow

SPAN = ("--from", "2024-02-05", "--to", "2024-02-08", "--every", "week", "--live-level")


@slow
def test_a_backtest_is_shown_drawn_and_repeated_without_training(
    deployment: Deployment, tmp_path: Path
) -> None:
    before = deployment.json("models", "--json")
    shown = deployment.run("backtest", *SPAN, "--out", str(tmp_path / "backtest.png"))
    assert "2024-02-05" in shown
    assert (tmp_path / "backtest.png").read_bytes().startswith(b"\x89PNG")

    told = deployment.json("backtest", *SPAN, "--json", "-")
    [origin] = told["origins"]
    assert origin["was_kept"] is True
    assert origin["origin"] == "2024-02-05T00:00:00-05:00"
    assert origin["n"] > 500
    assert f"{origin['mae_s']:.1f}" in shown
    assert origin["mae_s"] < min(known["mae_s"] for known in origin["baselines"].values())
    assert origin["live_level"].keys() == {"mae_s", "rmse_s", "bias_s", "coverage_80", "width_80_s"}
    assert told["skipped"] == []
    assert deployment.json("models", "--json") == before


@slow
def test_an_evaluation_tells_what_the_live_level_and_simple_methods_do_only_if_asked(
    deployment: Deployment,
) -> None:
    stored = ("evaluate", "stored", "--from", "2024-02-26", "--json", "-")
    plain = deployment.json(*stored)
    assert (plain["live_level"], plain["baselines"]) == (None, {})
    asked = deployment.json(*stored, "--live-level", "--baselines")
    assert asked["mae_s"] == plain["mae_s"]
    assert 0 < abs(asked["live_level"]["mae_s"] - plain["mae_s"]) < 60
    assert all(known["lift"] > 0 for known in asked["baselines"].values())
    deployment.run("evaluate", "simulation:trips=2000,months=1", "--live-level", code=2)
