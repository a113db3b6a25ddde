"""The slice of the application that the dashboard drives."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from taxi_predictor.domain.city import City
from taxi_predictor.ports.inbound.answers.arrivals import Arrivals
from taxi_predictor.ports.inbound.answers.departures import DepartureBoard
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.levelling import LiveLevelling
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.answers.reach import Reach
from taxi_predictor.ports.inbound.health import Health
from taxi_predictor.ports.inbound.models.history import ModelHistory
from taxi_predictor.ports.inbound.models.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.trips.comparing import ComparableTrips
from taxi_predictor.ports.inbound.trips.stock import Stock
from taxi_predictor.ports.inbound.trips.traffic import Traffic
from taxi_predictor.ports.inbound.watching import Watching

__all__ = ["Hexagon", "OpenHexagon"]


class Hexagon(Protocol):
    @property
    def city(self) -> City: ...
    @property
    def predictor(self) -> DurationPredictor: ...
    @property
    def arrivals(self) -> Arrivals: ...
    @property
    def departures(self) -> DepartureBoard: ...
    @property
    def comparing(self) -> ComparableTrips: ...
    @property
    def reach(self) -> Reach: ...
    @property
    def traffic(self) -> Traffic: ...
    @property
    def stock(self) -> Stock: ...
    @property
    def lifecycle(self) -> ModelLifecycle: ...
    @property
    def history(self) -> ModelHistory: ...
    @property
    def ladder(self) -> Ladder: ...
    @property
    def levelling(self) -> LiveLevelling: ...
    @property
    def watching(self) -> Watching: ...
    @property
    def health(self) -> Health: ...


OpenHexagon = Callable[[], AbstractAsyncContextManager[Hexagon]]
"""Opens what is behind the hexagon; leaving the context closes it."""
