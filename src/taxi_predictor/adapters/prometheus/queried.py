"""A service as Prometheus and Alertmanager know it."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from taxi_predictor.adapters.prometheus import qualities
from taxi_predictor.adapters.prometheus.asking import Asking
from taxi_predictor.adapters.prometheus.loads import COUNTED, MARK, TOTALS, lately_of, load_of
from taxi_predictor.adapters.prometheus.qualities import FIGURES, quality_of
from taxi_predictor.adapters.prometheus.samples import CALLED, Sample, first, of_prometheus
from taxi_predictor.adapters.prometheus.targets import PARTS, parts_of
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.signals import Alarm, Lately, LiveQuality, PartState, ServiceLoad, by_severity
from taxi_predictor.ports.outbound.signals import LATELY, SPAN, ServiceSignals

__all__ = ["PrometheusServiceSignals"]

STEP_S = 60.0
"""Of a course: several scrapes."""
UNHEARD = "none"
"""The severity of an alert that is there only to be heard."""
T = TypeVar("T")


def _rates(window_s: float) -> str:
    """The counters of a load per second, in one query.

    Each says by a label which it is: whoever joins by ``or`` does not look at names.
    """
    return " or ".join(
        f"label_replace(sum by ({', '.join(labels)}) (rate({name}[{window_s:.0f}s])),"
        f' "{CALLED}", "{name}", "", "")'
        for name, labels in COUNTED.items()
    )


class _Status(msgspec.Struct):
    state: str = ""


class _Alert(msgspec.Struct, rename="camel"):
    """As Prometheus tells it, or Alertmanager, which has other names for the same."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    state: str = ""
    active_at: datetime | None = None
    starts_at: datetime | None = None
    status: _Status | None = None


class _Alerts(msgspec.Struct):
    alerts: list[_Alert]


class _Told(msgspec.Struct):
    data: _Alerts


class PrometheusServiceSignals(ServiceSignals):
    """Asks by the names of figures, not of rules: any Prometheus that scrapes the service will do.

    Args:
        prometheus: where it answers, as in ``http://prometheus:9090``.
        alertmanager: the same; it knows what is silenced or held back. None: alerts are Prometheus' own.
    """

    def __init__(self, asking: Asking, *, prometheus: str, alertmanager: str | None) -> None:
        self._asking = asking
        self._prometheus = prometheus.rstrip("/")
        self._alertmanager = alertmanager and alertmanager.rstrip("/")

    async def load(self) -> ServiceLoad:
        lately_s = LATELY.total_seconds()
        totals, rates = await asyncio.gather(
            self._now(f'{{__name__=~"{"|".join(TOTALS)}"}}'), self._now(_rates(lately_s))
        )
        if first(totals, MARK) is None:
            raise Unavailable("Prometheus has no figures of the API just now")
        return load_of(totals, rates or None, until=datetime.now(UTC), over_s=lately_s)

    async def course(self) -> Sequence[Lately]:
        now_s = time.time()
        query = {
            "query": _rates(STEP_S),
            "start": f"{now_s - SPAN.total_seconds() + STEP_S}",
            "end": f"{now_s}",
            "step": f"{STEP_S}",
        }
        found: dict[float, list[Sample]] = defaultdict(list)
        body = await self._asking.read(f"{self._prometheus}/api/v1/query_range", query)
        for at_s, sample in of_prometheus(body):
            found[at_s].append(sample)
        return [
            lately_of(samples, until=datetime.fromtimestamp(at_s, UTC), over_s=STEP_S)
            for at_s, samples in sorted(found.items())
        ]

    async def quality(self) -> LiveQuality | None:
        samples = await self._now(f'{{__name__=~"{FIGURES}"}}')
        if first(samples, qualities.MARK) is None:
            raise Unavailable("Prometheus has no figures of the monitor just now")
        return quality_of(samples)

    async def alarms(self) -> Sequence[Alarm]:
        if self._alertmanager is None:
            body = await self._asking.read(f"{self._prometheus}/api/v1/alerts")
            told = _decoded(body, _Told).data.alerts
        else:
            told = _decoded(await self._asking.read(f"{self._alertmanager}/api/v2/alerts"), list[_Alert])
        found = [_alarm(one) for one in told if one.state in ("", "firing")]
        return sorted((alarm for alarm in found if alarm.severity != UNHEARD), key=by_severity)

    async def parts(self) -> Sequence[PartState]:
        found: list[PartState] = []
        try:
            found += parts_of(await self._now(PARTS))
            trouble = None
        except Unavailable as error:
            trouble = str(error)
            found += [PartState(name=name, trouble="nobody tells") for name in ("api", "monitor")]
        found.append(PartState(name="prometheus", trouble=trouble))
        if self._alertmanager is not None:
            found.append(PartState(name="alertmanager", trouble=await self._trouble_of_alertmanager()))
        return found

    async def _trouble_of_alertmanager(self) -> str | None:
        try:
            _ = await self._asking.read(f"{self._alertmanager}/-/ready")
        except Unavailable as error:
            return str(error)
        return None

    async def _now(self, query: str) -> Sequence[Sample]:
        body = await self._asking.read(f"{self._prometheus}/api/v1/query", {"query": query})
        return [sample for _, sample in of_prometheus(body)]


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable(f"these are no alerts: {error}") from error


def _alarm(alert: _Alert) -> Alarm:
    runbook_url = alert.annotations.get("runbook_url", "")
    return Alarm(
        name=alert.labels.get("alertname", ""),
        severity=alert.labels.get("severity", ""),
        summary=alert.annotations.get("summary", ""),
        since=alert.active_at or alert.starts_at,
        runbook_url=runbook_url if runbook_url.startswith(("http://", "https://")) else None,
        is_muted=alert.status is not None and alert.status.state == "suppressed",
    )
