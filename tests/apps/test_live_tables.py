"""What a person sees of a look is what was found."""

from io import StringIO

from rich.console import Console

from taxi_predictor.apps.commands.live_tables import facts, live_tables
from taxi_predictor.domain.live import LiveReport
from taxi_predictor.ports.testing.monitoring import a_live_report
from taxi_predictor.ports.testing.strategies import A_CITY


def shown(report: LiveReport) -> str:
    console = Console(file=StringIO(), width=200)
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
    [live] = [line for line in text.splitlines() if line.startswith("3 ") and " all " in line]
    assert live.split() == [
        "3",
        "7d",
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


def test_of_nothing_little_is_said() -> None:
    text = shown(a_live_report(data_age_s=None))
    assert "no champion" in text
    assert "Bands" not in text
