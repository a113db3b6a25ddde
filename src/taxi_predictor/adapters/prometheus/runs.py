"""Figures of runs that have ended."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge

from taxi_predictor.ports.outbound.runs import Became, Run, RunResult

__all__ = ["RunFigures"]


class RunFigures:
    """The part of the telemetry that is about single runs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._age_s, self._took_s = (
            Gauge(f"taxi_run_{name}", what, ("run",), multiprocess_mode="mostrecent", registry=registry)
            for name, what in (
                ("age_seconds", "How long ago the last ingest, of trips or of outcomes, or training ended"),
                ("seconds", "How long that took"),
            )
        )
        self._result = Gauge(
            "taxi_run_result",
            "How it ended, 1 or 0 for each: succeeded, failed, or refused by the gate",
            ("run", "result"),
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self._trips = Gauge(
            "taxi_run_trips",
            "Rows of the last ingest, by what became of them",
            ("run", "became"),
            multiprocess_mode="mostrecent",
            registry=registry,
        )

    def ran(self, run: Run, now: datetime) -> None:
        self._age_s.labels(run.kind).set((now - run.ended_at).total_seconds())
        self._took_s.labels(run.kind).set(run.took_s)
        for result in RunResult:
            self._result.labels(run.kind, result).set(result is run.result)
        for became in Became:
            if became in run.trips:
                self._trips.labels(run.kind, became).set(run.trips[became])
