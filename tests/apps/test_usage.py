"""What the command line says to a command that was typed wrongly."""

import signal

import pytest

from taxi_predictor.apps.cli import main


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["serve", "--port", "1"], "See taxi-predictor serve --help"),
        (["ingset", "trips.csv"], 'Did you mean "ingest"?'),
        (["ingset", "trips.csv"], "See taxi-predictor --help"),
    ],
)
def test_a_wrong_command_names_the_help_to_read(
    typed: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            main(typed)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 2
    assert told in capfd.readouterr().err
