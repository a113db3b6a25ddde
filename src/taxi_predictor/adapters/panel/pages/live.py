"""The service as it is now: what it is asked, how good its answers turned out to be, what is wrong."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.live import course_picture
from taxi_predictor.adapters.panel.hexagon import Hexagon
from taxi_predictor.adapters.panel.markup import filled
from taxi_predictor.adapters.panel.pages.live_model import model_piece, version_name
from taxi_predictor.adapters.panel.pages.page import Page, Parts, Visit, guarded, trouble
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.signals import NOTE, Lately, PartState, Rates

__all__ = ["LivePage"]

Value = Callable[[Lately], float | None]
Text = Callable[[float], str]


class LivePage(Page):
    name = "live"
    every_s = 4.0

    def __init__(self, hexagon: Hexagon) -> None:
        self._hexagon = hexagon

    async def parts(self, visit: Visit) -> AsyncGenerator[Parts, None]:
        words = visit.words
        service, alarms, health, model = await asyncio.gather(
            self._service(words),
            guarded(words, lambda: self._alarms(words)),
            guarded(words, lambda: self._health(words)),
            guarded(words, lambda: self._model(visit)),
        )
        now = self._hexagon.predictor.now().astimezone(self._hexagon.city.tz)
        clock = Markup('<time datetime="{}">{}</time>').format(now.isoformat(), f"{now:%H:%M:%S}")
        yield {**service, "alarms": alarms, "health": health, "model": model, "clock": clock}

    async def _service(self, words: Words) -> Parts:
        """What is asked; where nobody tells, that is said once."""
        try:
            load = await self._hexagon.watching.load()
            course = await self._hexagon.watching.course()
        except TaxiPredictorError as error:
            card = Markup('<section class="card">{}</section>').format(trouble(error, words))
            return {"service": card, "course": Markup(), "routes": Markup()}
        lately = load.lately
        service = filled(
            "live_service",
            words=words,
            load=load,
            lately=lately,
            over=lately and words.duration(lately.over_s),
            requests=words.number(load.requests),
            failures=words.number(load.failures),
            trips=words.number(sum(load.trips.values())),
            serving=load.serving and version_name(load.serving, words),
            told=_told(lately, words),
        )
        routes = [
            (one, words.number(one.requests), _rates(one.rates, words) if one.rates else {})
            for one in load.routes
        ]
        return {
            "service": service,
            "course": self._course(course, words),
            "routes": filled("live_routes", words=words, routes=routes),
        }

    def _course(self, course: Sequence[Lately], words: Words) -> Markup:
        if not course:
            return filled("live_course", words=words, pictures={})
        tz = self._hexagon.city.tz

        def number(value: float) -> str:
            return words.number(value, 0 if value == round(value) else 1)

        def milliseconds(value: float) -> str:
            return f"{words.number(1000 * value)} ms"

        shown: Mapping[str, tuple[Value, Text, float]] = {
            "requests": (lambda step: step.rates.requests_per_s, number, 1.0),
            "p95": (lambda step: step.rates.p95_s, milliseconds, 0.02),
            "failed": (lambda step: step.rates.failed, words.percent, 0.1),
            "degraded": (lambda step: step.degraded, words.percent, 0.1),
        }
        pictures = {
            name: course_picture(course, value, label=words(f"live.{name}"), text=text, least=least, tz=tz)
            for name, (value, text, least) in shown.items()
        }
        return filled("live_course", words=words, pictures=pictures)

    async def _alarms(self, words: Words) -> Markup:
        tz = self._hexagon.city.tz
        alarms = [
            (one, one.since and words.instant(one.since.astimezone(tz)))
            for one in await self._hexagon.watching.alarms()
        ]
        ringing = [one for one, _ in alarms if not one.is_muted and one.severity != NOTE]
        return filled("live_alarms", words=words, alarms=alarms, ringing=ringing)

    async def _health(self, words: Words) -> Markup:
        """As the service sees its neighbours; what it cannot say, this process looks at itself."""
        parts = {part.name: part for part in await self._hexagon.watching.parts()}
        mine = await self._hexagon.health.readiness()
        for name, said in mine.neighbours.items():
            parts.setdefault(name, PartState(name=name, trouble=None if said == "ok" else said))
        if mine.sync is not None:
            parts.setdefault("registry", PartState(name="registry", trouble=mine.sync.trouble))
        return filled(
            "live_health",
            words=words,
            parts=[(words.of("part", part.name), part) for part in parts.values()],
            troubles=sum(part.trouble is not None for part in parts.values()),
        )

    async def _model(self, visit: Visit) -> Markup:
        quality = await self._hexagon.watching.quality()
        serving = None
        with suppress(TaxiPredictorError):  # said above; what the monitor found is shown all the same
            serving = (await self._hexagon.watching.load()).serving
        return model_piece(quality, serving, visit, self._hexagon.city.tz)


def _told(lately: Lately | None, words: Words) -> dict[str, str | None]:
    """Of the service as a whole; None: there is nothing to tell yet."""
    if lately is None:
        return dict.fromkeys(("requests", "p95", "failed", "degraded"))
    share = None if lately.degraded is None else words.percent(lately.degraded, 1)
    return {**_rates(lately.rates, words), "degraded": share}


def _rates(rates: Rates, words: Words) -> dict[str, str | None]:
    per_s = rates.requests_per_s
    return {
        "requests": f"{words.number(per_s, 1 if per_s >= 10 or not per_s else 2)}/s",
        "p95": None if rates.p95_s is None else f"{words.number(1000 * rates.p95_s, 1)} ms",
        "failed": None if rates.failed is None else words.percent(rates.failed, 1),
    }
