"""The use cases by which models are made and measured, wired to their ports."""

from taxi_predictor import __version__
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.city import City
from taxi_predictor.domain.promotion import PromotionPolicy
from taxi_predictor.ports.inbound.learning.backtesting import Backtest
from taxi_predictor.ports.inbound.learning.evaluating import ModelEvaluation
from taxi_predictor.ports.inbound.learning.judging import ModelJudge
from taxi_predictor.ports.inbound.learning.outside_training import OutsideTraining
from taxi_predictor.ports.inbound.learning.training import ModelTraining
from taxi_predictor.ports.inbound.models.deeds import DeedBook
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.inbound.trips.intake import TripIntake

__all__ = ["backtest_of", "evaluation_of", "outside_training_of", "training_of"]


def training_of(
    outbound: Outbound, city: City, *, versions: ModelVersions, deeds: DeedBook, runs: RunBook
) -> ModelTraining:
    return ModelTraining(
        city=city,
        trips=outbound.trips,
        scratch=outbound.scratch,
        trainer=outbound.trainer,
        tuner=outbound.tuner,
        trials=outbound.trials,
        judge=ModelJudge(
            city=city,
            zones=outbound.zones,
            trainer=outbound.trainer,
            baselines=outbound.baselines,
            loader=outbound.loader,
            versions=versions,
            policy=PromotionPolicy(),
            progress=outbound.progress,
        ),
        registry=outbound.registry,
        versions=versions,
        deeds=deeds,
        progress=outbound.progress,
        runs=runs,
    )


def evaluation_of(outbound: Outbound, city: City, *, versions: ModelVersions) -> ModelEvaluation:
    return ModelEvaluation(
        city=city,
        trips=outbound.trips,
        scratch=outbound.scratch,
        zones=outbound.zones,
        baselines=outbound.baselines,
        versions=versions,
        progress=outbound.progress,
    )


def outside_training_of(
    outbound: Outbound, *, intake: TripIntake, training: ModelTraining
) -> OutsideTraining:
    return OutsideTraining(intake=intake, training=training, scratch=outbound.scratch)


def backtest_of(outbound: Outbound, settings: Settings, city: City) -> Backtest:
    return Backtest(
        city=city,
        trips=outbound.trips,
        trainer=outbound.trainer,
        loader=outbound.loader,
        baselines=outbound.baselines,
        kept=outbound.backtests,
        scratch=outbound.scratch,
        seed=settings.seed,
        code_version=__version__,
        progress=outbound.progress,
    )
