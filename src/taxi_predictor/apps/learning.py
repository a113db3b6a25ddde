"""The use cases by which models are made and measured, wired to their ports."""

from taxi_predictor import __version__
from taxi_predictor.apps.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.city import City
from taxi_predictor.domain.promotion import PromotionPolicy
from taxi_predictor.ports.inbound.backtesting import Backtest
from taxi_predictor.ports.inbound.intake import TripIntake
from taxi_predictor.ports.inbound.judging import ModelJudge
from taxi_predictor.ports.inbound.outside_training import OutsideTraining
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.inbound.training import ModelTraining
from taxi_predictor.ports.inbound.versions import ModelVersions

__all__ = ["backtest_of", "outside_training_of", "training_of"]


def training_of(
    outbound: Outbound, settings: Settings, city: City, *, versions: ModelVersions, runs: RunBook
) -> ModelTraining:
    return ModelTraining(
        city=city,
        trips=outbound.trips,
        scratch=outbound.scratch,
        zones=outbound.zones,
        trainer=outbound.trainer,
        tuner=outbound.tuner,
        trials=outbound.trials,
        baselines=outbound.baselines,
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
        journal=outbound.journal,
        actor=settings.who,
        clock=outbound.clock,
        progress=outbound.progress,
        runs=runs,
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
