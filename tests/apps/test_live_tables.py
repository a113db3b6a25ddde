"""What a person sees of a look is what was found."""

from dataclasses import replace
from io import StringIO

from rich.console import Console

from taxi_predictor.apps.commands.live_tables import facts, live_tables
from taxi_predictor.domain.live import LiveReport
from taxi_predictor.ports.testing.monitoring import a_live_report
from taxi_predictor.ports.testing.strategies import A_CITY


def shown(report: LiveReport, *, width: int = 200) -> str:
    console = Console(file=StringIO(), width=width)
    for line in facts(report, A_CITY.tz):
        console.print(line)
    for table in live_tables(report):
        console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_measures_bands_drift_level_and_delays_are_there() -> None:
    text = shown(a_live_report(3, error_s=150.0))
    for words in (
        "version 3 is the champion",
        "The live level is on: times 1.11, by 9 trips",
        "50% within 30 s, 90% within 5 min",
        "Bands of version 3, over 7d",
        "0.050",
        "0.20 deviations",
    ):
        assert words in text
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert rows["mae"].split()[1:] == ["150.0", "0.0", "0.0", "130.0", "300", "out"]
    assert rows["bias"].endswith("in") or rows["bias"].split()[-1] == "in"
    assert "Version 3, over 7d" in text
    assert rows["all"].split() == [
        "all",
        "300",
        "150.0",
        "90.0",
        "150.0",
        "-20.0",
        "80.0%",
        "90.0%",
        "400",
    ]


def test_of_few_trips_nothing_is_said_for_sure() -> None:
    """No band is left by them, their drift is chance, and a slice of them has no row."""
    few = shown(a_live_report(3, error_s=900.0, trips=199, answered=199))
    rows = {line.split()[0]: line for line in few.splitlines() if line.strip()}
    assert [rows[name].split()[-3:] for name in ("mae", "bias", "coverage")] == [["too", "few", "trips"]] * 3
    assert "With fewer than 200 trips it is mostly chance" in " ".join(few.split())
    of_airport = shown(a_live_report(3, slice_name="airport", trips=199))
    assert "airport" not in of_airport
    assert "Slices of fewer than 200 trips are in --json only" in " ".join(of_airport.split())


def test_of_enough_trips_no_such_thing_is_said() -> None:
    enough = shown(a_live_report(3, error_s=900.0, slice_name="airport", trips=200, answered=200))
    assert "airport" in enough
    assert "200" in enough
    for words in ("too few trips", "chance", "--json"):
        assert words not in enough


def test_names_and_numbers_are_whole_in_80_columns() -> None:
    report = a_live_report(
        3, slice_name="pickup in Staten Island", error_s=1234.5, trips=123_456, answered=1_234_567
    )
    [one] = report.measures
    assert one.scores is not None
    whole = replace(one, scores=replace(one.scores, coverage_80=1.0, within_5_min=1.0))
    text = shown(replace(report, measures=[whole]), width=80)
    for number in ("1234.5", "-20.0", "100.0% 100.0%", "1,234,567\n"):
        assert number in text
    assert "…" not in text
    assert "\npickup in Staten Island 123,456 " in text


def test_of_nothing_little_is_said() -> None:
    text = shown(a_live_report(data_age_s=None))
    assert "no champion" in text
    assert "No prediction was answered" in text
    assert "Bands" not in text
