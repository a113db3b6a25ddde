"""The use cases that take trips in, tell what is there and let it go again, wired to their ports."""

from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.wiring.spans import span_of
from taxi_predictor.domain.city import City
from taxi_predictor.ports.inbound.answers.shipping import SpoolShipping
from taxi_predictor.ports.inbound.retention import LogRetention
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.inbound.trips.archiving import TripArchiving
from taxi_predictor.ports.inbound.trips.intake import TripIntake
from taxi_predictor.ports.inbound.trips.outcome_intake import OutcomeIntake
from taxi_predictor.ports.inbound.trips.stock import Stock

__all__ = ["archiving_of", "intake_of", "outcome_intake_of", "retention_of", "stock_of"]


def intake_of(outbound: Outbound, settings: Settings, runs: RunBook) -> TripIntake:
    return TripIntake(
        catalog=outbound.catalog,
        trips=outbound.trips,
        zones=outbound.zones,
        progress=outbound.progress,
        max_reject_share=settings.max_reject_share,
        runs=runs,
    )


def outcome_intake_of(outbound: Outbound, settings: Settings, intake: TripIntake) -> OutcomeIntake:
    return OutcomeIntake(
        outcomes=outbound.outcomes,
        intake=intake,
        telemetry=outbound.log_telemetry,
        clock=outbound.clock,
        every=span_of(seconds=settings.outcomes_every_s),
    )


def stock_of(outbound: Outbound, city: City) -> Stock:
    return Stock(
        trips=outbound.trips,
        ingest_log=outbound.ingest_log,
        quarantine=outbound.quarantine,
        zones=outbound.zones,
        predictions=outbound.predictions,
        outcomes=outbound.outcomes,
        clock=outbound.clock,
        city=city,
    )


def retention_of(outbound: Outbound, *, intake: TripIntake, shipping: SpoolShipping) -> LogRetention:
    return LogRetention(
        retention=outbound.retention,
        trips=outbound.trip_erasure,
        quarantine=outbound.quarantine,
        intake=intake,
        spool=outbound.spool,
        shipping=shipping,
        clock=outbound.clock,
    )


def archiving_of(outbound: Outbound) -> TripArchiving:
    return TripArchiving(
        trips=outbound.trips,
        erasure=outbound.trip_erasure,
        archive=outbound.archive,
        clock=outbound.clock,
        progress=outbound.progress,
    )
