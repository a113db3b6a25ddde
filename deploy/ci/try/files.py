"""All files are in the wheel, and all that serves can be imported."""

from importlib.metadata import files
from importlib.resources import files as inside

from taxi_predictor.apps.api import create

names = {str(name) for name in files("taxi-predictor") or ()}
missing = {"taxi_predictor/py.typed", "taxi_predictor/adapters/postgres/queries.sql"} - names
assert not missing, f"not in the wheel: {missing}"
assert any(name.name.endswith(".toml") for name in inside("taxi_predictor.apps.cities").iterdir()), "no city"
assert callable(create)
