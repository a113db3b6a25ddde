"""The folder that a deployment keeps its files in: the one city that it is for, and where its models are."""

from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from taxi_predictor.apps.settings import InvalidSettings, Settings
from taxi_predictor.domain.city import City

__all__ = ["claim_home", "forests_folder", "models_folder"]

CITY = "city"
"""The file that holds the city's name."""


def claim_home(home: Path, city: City) -> None:
    """Let *home* be the home of *city*, as it stays from then on: trips and models of two do not mix.

    Several processes may do so at once.

    Raises:
        InvalidSettings: it is the home of another city.
    """
    kept = home / CITY
    # What cannot be written takes in neither trips nor models, and whoever tries will say so.
    with suppress(OSError):
        if not kept.exists():
            # For its owner: it says who went where. What is there already stays as somebody wanted it.
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = home / f".{CITY}-{uuid4().hex}"
            draft.write_text(f"{city.name}\n", "utf-8")
            try:
                kept.hardlink_to(draft)  # of two that come at once the first has it
            finally:
                draft.unlink()
    try:
        owner = kept.read_text("utf-8").strip()
    except OSError:
        return
    if owner != city.name:
        raise InvalidSettings(
            f"{home} is the home of {owner}, not of {city.name}: set TAXI_CITY to it,"
            f" or give {city.name} a home of its own with TAXI_HOME"
        )


def models_folder(settings: Settings) -> Path:
    """Where the models are that this deployment serves, unless it keeps them in memory."""
    return settings.home / "models"


def forests_folder(settings: Settings) -> Path:
    """Where the tables are that models are walked by, made once for all processes."""
    return settings.home / "forests"
