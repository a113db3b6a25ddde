"""Whether somebody else listens already where one is about to."""

import socket

from taxi_predictor.apps.addresses import address_of
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Unavailable

__all__ = ["refuse_taken_dashboard_port", "refuse_taken_monitor_port", "refuse_taken_ports"]


def refuse_taken_ports(settings: Settings) -> None:
    """Find out now whether the addresses can be had: another server may be answering there.

    Raises:
        Unavailable: one is taken, or not of this machine.
    """
    _refuse_taken(settings.api_host, settings.api_port, "TAXI_API_PORT")
    _refuse_taken(settings.metrics_host, settings.metrics_port, "TAXI_METRICS_PORT")


def refuse_taken_dashboard_port(settings: Settings) -> None:
    """As :func:`refuse_taken_ports`, of the dashboard.

    Raises:
        Unavailable: it is taken, or not of this machine.
    """
    _refuse_taken(settings.dashboard_host, settings.dashboard_port, "TAXI_DASHBOARD_PORT")


def refuse_taken_monitor_port(settings: Settings) -> None:
    """As :func:`refuse_taken_ports`, of the monitor.

    Raises:
        Unavailable: it is taken, or not of this machine.
    """
    _refuse_taken(settings.monitor_host, settings.monitor_port, "TAXI_MONITOR_PORT")


def _refuse_taken(host: str, port: int, setting: str) -> None:
    try:
        with socket.create_server((host, port), family=_family(host)):
            pass
    except OSError as error:
        raise Unavailable(
            f"{address_of(host, port)} cannot be served: {error.strerror or error}; choose another"
            f" {setting}, or stop what is there"
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
