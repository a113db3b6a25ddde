"""The use cases of one city, wired to one adapter per outbound port: pure, nothing is opened here."""

from dataclasses import dataclass
from datetime import timedelta

from taxi_predictor.apps.folders import folder_scoring_of
from taxi_predictor.apps.jobs import jobs_of
from taxi_predictor.apps.learning import backtest_of, outside_training_of, training_of
from taxi_predictor.apps.outbound import Outbound
from taxi_predictor.apps.recorders import recorder_of
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.watching import monitoring_of, retraining_of
from taxi_predictor.domain.city import City
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.archiving import TripArchiving
from taxi_predictor.ports.inbound.arrivals import Arrivals
from taxi_predictor.ports.inbound.backtesting import Backtest
from taxi_predictor.ports.inbound.comparing import ComparableTrips
from taxi_predictor.ports.inbound.departures import DepartureBoard
from taxi_predictor.ports.inbound.dispatch import Dispatch
from taxi_predictor.ports.inbound.feedback import Feedback
from taxi_predictor.ports.inbound.folder_scoring import FolderScoring
from taxi_predictor.ports.inbound.gatekeeping import Gatekeeper
from taxi_predictor.ports.inbound.health import Health
from taxi_predictor.ports.inbound.history import ModelHistory
from taxi_predictor.ports.inbound.intake import TripIntake
from taxi_predictor.ports.inbound.jobs import ScoringJobs
from taxi_predictor.ports.inbound.ladder import Ladder
from taxi_predictor.ports.inbound.levelling import LiveLevelling
from taxi_predictor.ports.inbound.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.matrices import DurationMatrices
from taxi_predictor.ports.inbound.monitoring import Monitoring
from taxi_predictor.ports.inbound.outside_training import OutsideTraining
from taxi_predictor.ports.inbound.predicting import DurationPredictor
from taxi_predictor.ports.inbound.probing import ModelProbing
from taxi_predictor.ports.inbound.reach import Reach
from taxi_predictor.ports.inbound.rechecking import PredictionRecheck
from taxi_predictor.ports.inbound.recording import PredictionRecording, Unlogged
from taxi_predictor.ports.inbound.repeats import RepeatedRequests
from taxi_predictor.ports.inbound.retention import LogRetention
from taxi_predictor.ports.inbound.retraining import Retraining
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.inbound.scoring import Scoring
from taxi_predictor.ports.inbound.shadowing import ShadowScoring
from taxi_predictor.ports.inbound.shipping import SpoolHandover, SpoolKeeping, SpoolShipping
from taxi_predictor.ports.inbound.stock import Stock
from taxi_predictor.ports.inbound.syncing import ModelSync
from taxi_predictor.ports.inbound.traffic import Traffic
from taxi_predictor.ports.inbound.training import ModelTraining
from taxi_predictor.ports.inbound.versions import ModelVersions
from taxi_predictor.ports.inbound.watching import Watching
from taxi_predictor.ports.outbound.limits import RateLimits
from taxi_predictor.ports.outbound.telemetry import LoadTelemetry, Telemetry
from taxi_predictor.ports.outbound.tracing import Tracing

__all__ = ["Container", "wire"]


LEASE_MARGIN = timedelta(seconds=30)
"""From a request's deadline until its idempotency key is free: for its answer to be kept, and for clocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """The whole hexagon of one city."""

    city: City
    intake: TripIntake
    training: ModelTraining
    outside_training: OutsideTraining
    backtest: Backtest
    lifecycle: ModelLifecycle
    sync: ModelSync
    shadowing: ShadowScoring
    monitoring: Monitoring
    retraining: Retraining
    history: ModelHistory
    ladder: Ladder
    predictor: DurationPredictor
    scoring: Scoring
    folder_scoring: FolderScoring
    jobs: ScoringJobs
    matrices: DurationMatrices
    arrivals: Arrivals
    departures: DepartureBoard
    dispatch: Dispatch
    reach: Reach
    comparing: ComparableTrips
    probing: ModelProbing
    levelling: LiveLevelling
    recording: PredictionRecording
    shipping: SpoolShipping
    spooling: SpoolKeeping
    feedback: Feedback
    recheck: PredictionRecheck
    retention: LogRetention
    archiving: TripArchiving
    repeats: RepeatedRequests
    stock: Stock
    traffic: Traffic
    watching: Watching
    health: Health
    gatekeeper: Gatekeeper
    telemetry: Telemetry
    load_telemetry: LoadTelemetry
    outbound: Outbound

    @property
    def tracing(self) -> Tracing | None:
        return self.outbound.tracing

    @property
    def limits(self) -> RateLimits | None:
        return self.outbound.limits


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
        every=timedelta(seconds=settings.live_level_every_s) if settings.live_level_every_s else None,
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
    runs = RunBook(notes=outbound.run_notes, clock=outbound.clock, telemetry=outbound.run_telemetry)
    intake = TripIntake(
        catalog=outbound.catalog,
        trips=outbound.trips,
        quarantine=outbound.quarantine,
        zones=outbound.zones,
        progress=outbound.progress,
        max_reject_share=settings.max_reject_share,
        runs=runs,
    )
    feedback = Feedback(
        predictions=outbound.predictions,
        outcomes=outbound.outcomes,
        intake=intake,
        telemetry=outbound.log_telemetry,
        clock=outbound.clock,
        city=city,
        every=timedelta(seconds=settings.outcomes_every_s) if settings.outcomes_every_s else None,
        kept_for=timedelta(days=settings.keep_predictions_days) if settings.keep_predictions_days else None,
    )
    shipping = SpoolShipping(
        spool=outbound.spool,
        log=outbound.predictions,
        clock=outbound.clock,
        telemetry=outbound.log_telemetry,
    )
    handover = SpoolHandover(spool=outbound.spool, clock=outbound.clock, telemetry=outbound.log_telemetry)
    training = training_of(outbound, settings, city, versions=versions, runs=runs)
    lifecycle = ModelLifecycle(
        registry=outbound.registry,
        versions=versions,
        shelf=outbound.shelf,
        ladder=ladder,
        journal=outbound.journal,
        actor=settings.who,
        clock=outbound.clock,
    )
    monitoring = monitoring_of(outbound, settings, city, level_is_on=levelling.is_on)
    scoring = Scoring(files=outbound.scoring_files, predictor=predictor, clock=outbound.clock)
    return Container(
        city=city,
        intake=intake,
        training=training,
        outside_training=outside_training_of(outbound, intake=intake, training=training),
        backtest=backtest_of(outbound, settings, city),
        sync=ModelSync(
            versions=versions,
            shelf=outbound.shelf,
            journal=outbound.journal,
            notes=outbound.sync_notes,
            clock=outbound.clock,
            every=timedelta(seconds=settings.model_sync_every_s) if settings.model_sync_every_s else None,
        ),
        recheck=PredictionRecheck(predictions=outbound.predictions, versions=versions, clock=outbound.clock),
        shadowing=ShadowScoring(
            predictions=outbound.predictions,
            shadows=outbound.shadows,
            versions=versions,
            clock=outbound.clock,
            share=settings.shadow_share,
        ),
        lifecycle=lifecycle,
        monitoring=monitoring,
        retraining=retraining_of(outbound, settings, monitoring, training, lifecycle),
        ladder=ladder,
        predictor=predictor,
        scoring=scoring,
        folder_scoring=folder_scoring_of(outbound, predictor),
        jobs=jobs_of(outbound, settings, scoring),
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
        recording=PredictionRecording(
            recorder=recorder_of(outbound, settings),
            unlogged=Unlogged(settings.unlogged),
            clock=outbound.clock,
            telemetry=outbound.log_telemetry,
        ),
        shipping=shipping,
        spooling=handover if settings.accompanied else shipping,
        feedback=feedback,
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
            intake=intake,
            feedback=feedback,
            trips=outbound.trips,
            ingest_log=outbound.ingest_log,
            quarantine=outbound.quarantine,
            zones=outbound.zones,
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
        telemetry=outbound.telemetry,
        load_telemetry=outbound.load_telemetry,
        outbound=outbound,
    )
