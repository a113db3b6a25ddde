"""All use cases of one city, wired to one adapter per outbound port."""

from datetime import timedelta

from taxi_predictor.apps.hexagon import Container
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.wiring.folder_scoring import folder_scoring_of
from taxi_predictor.apps.wiring.jobs import job_work_of, jobs_of
from taxi_predictor.apps.wiring.learning import backtest_of, evaluation_of, outside_training_of, training_of
from taxi_predictor.apps.wiring.monitoring import monitoring_of, retraining_of, shadowing_of
from taxi_predictor.domain.city import City
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.answers.answering import Answering
from taxi_predictor.ports.inbound.answers.arrivals import Arrivals
from taxi_predictor.ports.inbound.answers.departures import DepartureBoard
from taxi_predictor.ports.inbound.answers.dispatch import Dispatch
from taxi_predictor.ports.inbound.answers.feedback import Feedback
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.levelling import LiveLevelling
from taxi_predictor.ports.inbound.answers.matrices import DurationMatrices
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.answers.reach import Reach
from taxi_predictor.ports.inbound.answers.recording import (
    GroupCommit,
    PredictionRecording,
    Recorder,
    SpoolRecorder,
    Unlogged,
)
from taxi_predictor.ports.inbound.answers.shipping import SpoolHandover, SpoolShipping
from taxi_predictor.ports.inbound.files.scoring import Scoring
from taxi_predictor.ports.inbound.gatekeeping import Gatekeeper
from taxi_predictor.ports.inbound.health import Health
from taxi_predictor.ports.inbound.learning.probing import ModelProbing
from taxi_predictor.ports.inbound.models.deeds import DeedBook
from taxi_predictor.ports.inbound.models.history import ModelHistory
from taxi_predictor.ports.inbound.models.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.models.rechecking import PredictionRecheck
from taxi_predictor.ports.inbound.models.syncing import ModelSync
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.inbound.repeats import RepeatedRequests
from taxi_predictor.ports.inbound.retention import LogRetention
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.inbound.trips.archiving import TripArchiving
from taxi_predictor.ports.inbound.trips.comparing import ComparableTrips
from taxi_predictor.ports.inbound.trips.intake import TripIntake
from taxi_predictor.ports.inbound.trips.outcome_intake import OutcomeIntake
from taxi_predictor.ports.inbound.trips.stock import Stock
from taxi_predictor.ports.inbound.trips.traffic import Traffic
from taxi_predictor.ports.inbound.watching import Watching

__all__ = ["wire"]

LEASE_MARGIN = timedelta(seconds=30)
"""From a request's deadline until its idempotency key is free: for its answer to be kept, and for clocks."""


def wire(outbound: Outbound, settings: Settings, city: City) -> Container:
    """Build the use cases. Pure: opens nothing."""
    ladder = Ladder(
        shelf=outbound.shelf, fallback=outbound.fallback, lowest=AnswerSource(settings.lowest_source)
    )
    levelling = LiveLevelling(
        trips=outbound.trips,
        ladder=ladder,
        levels=outbound.levels,
        clock=outbound.clock,
        every=_span(seconds=settings.live_level_every_s),
    )
    versions = ModelVersions(city=city, registry=outbound.registry, loader=outbound.loader)
    predictor = DurationPredictor(
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
    recording = PredictionRecording(
        recorder=_recorder(outbound, settings),
        unlogged=Unlogged(settings.unlogged),
        clock=outbound.clock,
        telemetry=outbound.log_telemetry,
    )
    runs = RunBook(notes=outbound.run_notes, clock=outbound.clock, telemetry=outbound.run_telemetry)
    intake = TripIntake(
        catalog=outbound.catalog,
        trips=outbound.trips,
        zones=outbound.zones,
        progress=outbound.progress,
        max_reject_share=settings.max_reject_share,
        runs=runs,
    )
    shipping = SpoolShipping(
        spool=outbound.spool,
        log=outbound.predictions,
        clock=outbound.clock,
        telemetry=outbound.log_telemetry,
    )
    handover = SpoolHandover(spool=outbound.spool, clock=outbound.clock, telemetry=outbound.log_telemetry)
    deeds = DeedBook(journal=outbound.journal, clock=outbound.clock, actor=settings.who)
    training = training_of(outbound, city, versions=versions, deeds=deeds, runs=runs)
    lifecycle = ModelLifecycle(
        registry=outbound.registry,
        versions=versions,
        shelf=outbound.shelf,
        ladder=ladder,
        deeds=deeds,
    )
    monitoring = monitoring_of(outbound, settings, city, level_is_on=levelling.is_on)
    scoring = Scoring(files=outbound.scoring_files, predictor=predictor, clock=outbound.clock)
    jobs = jobs_of(outbound, settings)
    return Container(
        city=city,
        intake=intake,
        training=training,
        outside_training=outside_training_of(outbound, intake=intake, training=training),
        evaluation=evaluation_of(outbound, city, versions=versions),
        backtest=backtest_of(outbound, settings, city),
        sync=ModelSync(
            versions=versions,
            shelf=outbound.shelf,
            journal=outbound.journal,
            notes=outbound.sync_notes,
            clock=outbound.clock,
            every=_span(seconds=settings.model_sync_every_s),
        ),
        recheck=PredictionRecheck(predictions=outbound.predictions, versions=versions, clock=outbound.clock),
        shadowing=shadowing_of(outbound, settings, versions),
        lifecycle=lifecycle,
        monitoring=monitoring,
        retraining=retraining_of(outbound, settings, monitoring, training, lifecycle, deeds),
        ladder=ladder,
        predictor=predictor,
        scoring=scoring,
        folder_scoring=folder_scoring_of(outbound, predictor),
        jobs=jobs,
        job_work=job_work_of(outbound, settings, jobs, scoring),
        matrices=DurationMatrices(
            predictor=predictor,
            columns=outbound.columns,
            max_cells=settings.api_max_cells,
            telemetry=outbound.load_telemetry,
        ),
        arrivals=Arrivals(predictor=predictor),
        departures=DepartureBoard(predictor=predictor, max_departures=settings.api_max_items),
        dispatch=Dispatch(predictor=predictor, columns=outbound.columns, max_vehicles=settings.api_max_items),
        reach=Reach(predictor=predictor, columns=outbound.columns, max_cells=settings.api_max_cells),
        comparing=ComparableTrips(trips=outbound.trips, clock=outbound.clock, city=city),
        probing=ModelProbing(city=city, trips=outbound.trips, versions=versions),
        levelling=levelling,
        answering=Answering(predictor=predictor, recording=recording),
        recording=recording,
        shipping=shipping,
        spooling=handover if settings.accompanied else shipping,
        feedback=Feedback(
            predictions=outbound.predictions,
            outcomes=outbound.outcomes,
            clock=outbound.clock,
            city=city,
            kept_for=_span(days=settings.keep_predictions_days),
        ),
        outcome_intake=OutcomeIntake(
            outcomes=outbound.outcomes,
            intake=intake,
            telemetry=outbound.log_telemetry,
            clock=outbound.clock,
            every=_span(seconds=settings.outcomes_every_s),
        ),
        retention=LogRetention(
            retention=outbound.retention,
            trips=outbound.trip_erasure,
            quarantine=outbound.quarantine,
            intake=intake,
            spool=outbound.spool,
            shipping=shipping,
            clock=outbound.clock,
        ),
        archiving=TripArchiving(
            trips=outbound.trips,
            erasure=outbound.trip_erasure,
            archive=outbound.archive,
            clock=outbound.clock,
            progress=outbound.progress,
        ),
        repeats=RepeatedRequests(
            answers=outbound.answers,
            clock=outbound.clock,
            lease=timedelta(seconds=settings.api_deadline_s) + LEASE_MARGIN,
        ),
        stock=Stock(
            trips=outbound.trips,
            ingest_log=outbound.ingest_log,
            quarantine=outbound.quarantine,
            zones=outbound.zones,
            predictions=outbound.predictions,
            outcomes=outbound.outcomes,
            clock=outbound.clock,
            city=city,
        ),
        traffic=Traffic(statistics=outbound.statistics),
        watching=Watching(signals=outbound.signals),
        history=ModelHistory(journal=outbound.journal, versions=versions),
        gatekeeper=Gatekeeper(
            store=outbound.keys,
            snapshot=outbound.key_snapshot,
            clock=outbound.clock,
            every=timedelta(seconds=settings.api_keys_every_s),
            max_age=timedelta(seconds=settings.api_keys_max_age_s),
            open_predict=settings.api_open_predict,
        ),
        health=Health(
            ladder=ladder,
            notes=outbound.sync_notes,
            clock=outbound.clock,
            telemetry=outbound.telemetry,
            pings=outbound.pings,
            load_telemetry=outbound.load_telemetry,
            runs=runs,
            pool_state=outbound.pool_state,
        ),
        outbound=outbound,
    )


def _span(*, days: float = 0, seconds: float = 0) -> timedelta | None:
    """What a setting says by a number; by 0 it says that something is never."""
    return timedelta(days=days, seconds=seconds) or None


def _recorder(outbound: Outbound, settings: Settings) -> Recorder | None:
    match settings.prediction_log:
        case "spool":
            return SpoolRecorder(outbound.spool)
        case "commit":
            return GroupCommit(outbound.predictions, outbound.clock)
        case "off":
            return None
