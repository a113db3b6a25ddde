"""The process beside the workers that tells what all of them count, at an address of its own.

Run as ``python -m taxi_predictor.apps.processes.figures PID``; services start it by themselves, with their
own process, and it ends with that one. No worker answers Prometheus: it is not open to whoever may ask
the API, a worker that is busy or dead keeps nobody from the figures, and each scrape sees all of them.
"""

import os
import sys
from pathlib import Path
from threading import Event

from taxi_predictor.adapters.prometheus.server import served_figures
from taxi_predictor.adapters.prometheus.sharing import SharedFigures
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.processes.lifetimes import end_with

__all__ = ["main"]


def main(parent: str) -> None:
    settings = load_settings()
    figures = SharedFigures(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    host, port = settings.metrics_host, settings.metrics_port
    end_with(int(parent))
    with served_figures(figures, host=host, port=port, setting="TAXI_METRICS_PORT"):
        Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
