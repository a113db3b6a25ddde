"""Predict how long a taxi trip will take before it starts, with an honest distribution around it.

What is named here is the package's own door, as docs/library.md shows it. Importing it loads none of it:
each name is looked up when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taxi_predictor.apps.container import Container, open_container
    from taxi_predictor.apps.library import load_champion
    from taxi_predictor.apps.profiles.outbound import Outbound
    from taxi_predictor.apps.settings import Settings
    from taxi_predictor.domain.errors import TaxiPredictorError
    from taxi_predictor.domain.place import Place, Point
    from taxi_predictor.domain.trip import PlanBatch, TripPlan
    from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
    from taxi_predictor.ports.inbound.answers.prediction import Prediction

__all__ = [
    "Container",
    "DurationPredictor",
    "Outbound",
    "Place",
    "PlanBatch",
    "Point",
    "Prediction",
    "Settings",
    "TaxiPredictorError",
    "TripPlan",
    "__version__",
    "load_champion",
    "open_container",
]

__version__ = "0.1.0"

_KEPT_IN = {
    "Container": "apps.container",
    "DurationPredictor": "ports.inbound.answers.predicting",
    "Outbound": "apps.profiles.outbound",
    "Place": "domain.place",
    "PlanBatch": "domain.trip",
    "Point": "domain.place",
    "Prediction": "ports.inbound.answers.prediction",
    "Settings": "apps.settings",
    "TaxiPredictorError": "domain.errors",
    "TripPlan": "domain.trip",
    "load_champion": "apps.library",
    "open_container": "apps.container",
}

if not TYPE_CHECKING:  # or a misspelt name would be of any type

    def __getattr__(name: str) -> object:
        if name not in _KEPT_IN:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_KEPT_IN[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
