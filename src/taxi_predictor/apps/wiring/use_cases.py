"""All use cases of one city, wired to one adapter per outbound port."""

from taxi_predictor.apps.hexagon import Container
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.wiring.folder_scoring import folder_scoring_of
from taxi_predictor.apps.wiring.jobs import job_work_of, jobs_of
from taxi_predictor.apps.wiring.learning import backtest_of, evaluation_of, outside_training_of, training_of
from taxi_predictor.apps.wiring.log import feedback_of, recording_of, shipping_of, spooling_of
from taxi_predictor.apps.wiring.monitoring import monitoring_of, retraining_of, shadowing_of
from taxi_predictor.apps.wiring.serving import (
    gatekeeper_of,
    health_of,
    ladder_of,
    levelling_of,
    predictor_of,
    repeats_of,
)
from taxi_predictor.apps.wiring.spans import span_of
from taxi_predictor.apps.wiring.stock import (
    archiving_of,
    intake_of,
    outcome_intake_of,
    retention_of,
    stock_of,
)
from taxi_predictor.domain.city import City
from taxi_predictor.ports.inbound.answers.answering import Answering
from taxi_predictor.ports.inbound.answers.arrivals import Arrivals
from taxi_predictor.ports.inbound.answers.departures import DepartureBoard
from taxi_predictor.ports.inbound.answers.dispatch import Dispatch
from taxi_predictor.ports.inbound.answers.matrices import DurationMatrices
from taxi_predictor.ports.inbound.answers.reach import Reach
from taxi_predictor.ports.inbound.files.scoring import Scoring
from taxi_predictor.ports.inbound.learning.probing import ModelProbing
from taxi_predictor.ports.inbound.models.deeds import DeedBook
from taxi_predictor.ports.inbound.models.history import ModelHistory
from taxi_predictor.ports.inbound.models.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.models.rechecking import PredictionRecheck
from taxi_predictor.ports.inbound.models.syncing import ModelSync
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.inbound.trips.comparing import ComparableTrips
from taxi_predictor.ports.inbound.trips.traffic import Traffic
from taxi_predictor.ports.inbound.watching import Watching

__all__ = ["wire"]


def wire(outbound: Outbound, settings: Settings, city: City) -> Container:
    """Build the use cases: first those that others use, then all. Pure: opens nothing."""
    ladder = ladder_of(outbound, settings)
    levelling = levelling_of(outbound, settings, ladder)
    predictor = predictor_of(outbound, city, ladder=ladder, levelling=levelling)
    versions = ModelVersions(city=city, registry=outbound.registry, loader=outbound.loader)
    runs = RunBook(notes=outbound.run_notes, clock=outbound.clock, telemetry=outbound.run_telemetry)
    deeds = DeedBook(journal=outbound.journal, clock=outbound.clock, actor=settings.who)
    intake = intake_of(outbound, settings, runs)
    recording, shipping = recording_of(outbound, settings), shipping_of(outbound)
    training = training_of(outbound, city, versions=versions, deeds=deeds, runs=runs)
    lifecycle = ModelLifecycle(
        registry=outbound.registry, versions=versions, shelf=outbound.shelf, ladder=ladder, deeds=deeds
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
        probing=ModelProbing(city=city, trips=outbound.trips, versions=versions),
        lifecycle=lifecycle,
        sync=ModelSync(
            versions=versions,
            shelf=outbound.shelf,
            journal=outbound.journal,
            notes=outbound.sync_notes,
            clock=outbound.clock,
            every=span_of(seconds=settings.model_sync_every_s),
        ),
        history=ModelHistory(journal=outbound.journal, versions=versions),
        recheck=PredictionRecheck(predictions=outbound.predictions, versions=versions, clock=outbound.clock),
        shadowing=shadowing_of(outbound, settings, versions),
        monitoring=monitoring,
        retraining=retraining_of(outbound, settings, monitoring, training, lifecycle, deeds),
        ladder=ladder,
        levelling=levelling,
        predictor=predictor,
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
        scoring=scoring,
        folder_scoring=folder_scoring_of(outbound, predictor),
        jobs=jobs,
        job_work=job_work_of(outbound, settings, jobs, scoring),
        answering=Answering(predictor=predictor, recording=recording),
        recording=recording,
        shipping=shipping,
        spooling=spooling_of(outbound, settings, shipping),
        feedback=feedback_of(outbound, settings, city),
        outcome_intake=outcome_intake_of(outbound, settings, intake),
        retention=retention_of(outbound, intake=intake, shipping=shipping),
        archiving=archiving_of(outbound),
        stock=stock_of(outbound, city),
        traffic=Traffic(statistics=outbound.statistics),
        watching=Watching(signals=outbound.signals),
        repeats=repeats_of(outbound, settings),
        gatekeeper=gatekeeper_of(outbound, settings),
        health=health_of(outbound, ladder=ladder, runs=runs),
        outbound=outbound,
    )
