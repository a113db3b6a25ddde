"""The use cases of whoever answers requests: what is predicted, who may ask, and how the service is."""

from datetime import timedelta

from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.wiring.spans import span_of
from taxi_predictor.domain.city import City
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.levelling import LiveLevelling
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.gatekeeping import Gatekeeper
from taxi_predictor.ports.inbound.health import Health
from taxi_predictor.ports.inbound.repeats import RepeatedRequests
from taxi_predictor.ports.inbound.runs import RunBook

__all__ = ["gatekeeper_of", "health_of", "ladder_of", "levelling_of", "predictor_of", "repeats_of"]

LEASE_MARGIN = timedelta(seconds=30)
"""From a request's deadline until its idempotency key is free: for its answer to be kept, and for clocks."""


def ladder_of(outbound: Outbound, settings: Settings) -> Ladder:
    lowest = AnswerSource(settings.lowest_source)
    return Ladder(shelf=outbound.shelf, fallback=outbound.fallback, lowest=lowest)


def levelling_of(outbound: Outbound, settings: Settings, ladder: Ladder) -> LiveLevelling:
    return LiveLevelling(
        trips=outbound.trips,
        ladder=ladder,
        levels=outbound.levels,
        clock=outbound.clock,
        every=span_of(seconds=settings.live_level_every_s),
    )


def predictor_of(
    outbound: Outbound, city: City, *, ladder: Ladder, levelling: LiveLevelling
) -> DurationPredictor:
    return DurationPredictor(
        ladder=ladder,
        zones=outbound.zones,
        clock=outbound.clock,
        city=city,
        columns=outbound.columns,
        telemetry=outbound.telemetry,
        load_telemetry=outbound.load_telemetry,
        current_level=levelling.current,
        level_trouble=levelling.trouble,
    )


def gatekeeper_of(outbound: Outbound, settings: Settings) -> Gatekeeper:
    return Gatekeeper(
        store=outbound.keys,
        snapshot=outbound.key_snapshot,
        clock=outbound.clock,
        every=timedelta(seconds=settings.api_keys_every_s),
        max_age=timedelta(seconds=settings.api_keys_max_age_s),
        open_predict=settings.api_open_predict,
    )


def repeats_of(outbound: Outbound, settings: Settings) -> RepeatedRequests:
    lease = timedelta(seconds=settings.api_deadline_s) + LEASE_MARGIN
    return RepeatedRequests(answers=outbound.answers, clock=outbound.clock, lease=lease)


def health_of(outbound: Outbound, *, ladder: Ladder, runs: RunBook) -> Health:
    return Health(
        ladder=ladder,
        notes=outbound.sync_notes,
        clock=outbound.clock,
        telemetry=outbound.telemetry,
        pings=outbound.pings,
        load_telemetry=outbound.load_telemetry,
        runs=runs,
        pool_state=outbound.pool_state,
    )
