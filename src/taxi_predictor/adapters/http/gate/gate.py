"""The gate that every request goes through."""

from collections.abc import Collection

from litestar.types import ASGIApp, Receive, Scope, Send

from taxi_predictor.adapters.http.gate.addresses import ClientAddresses, neighbourhood
from taxi_predictor.adapters.http.gate.callers import key_of, remember_caller
from taxi_predictor.adapters.http.gate.hosts import AllowedHosts
from taxi_predictor.adapters.http.gate.passage import Passage, StreamPassage
from taxi_predictor.adapters.http.gate.rates import Rates
from taxi_predictor.adapters.http.gate.slots import Slots
from taxi_predictor.adapters.http.headers import media_type_of
from taxi_predictor.adapters.http.middlewares import AroundAll
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.domain.access import ANYBODY

__all__ = ["ANY_BODY", "Gate"]

ANY_BODY = ("*",)
"""As the ``streams`` of a handler: its answer takes as long as its reader likes, whatever was asked with."""

PROBED = "/health"
"""Who asks there whether the service lives asks by its address, not by its names."""


class Gate(AroundAll):
    """Asks in this order: which host, which key, how often, whether there is room; then the time runs.

    A handler whose ``opt`` has a ``scope`` of access is asked all of it; one without, such as health,
    only the host. Of one that has ``streams``, a body of one of those media types is bounded in each
    piece and not in all; as its client may hold its turn for ever so, streams have half of the turns.

    It belongs to one application, as its slots do.
    """

    def __init__(self, options: Options) -> None:
        self._hosts = AllowedHosts(options.allowed_hosts)
        self._addresses = ClientAddresses(options.trusted_proxies)
        self._rates = Rates()
        self._slots = Slots(at_work=options.max_concurrent, waiting=options.max_waiting)
        self._streams = Slots(at_work=max(options.max_concurrent // 2, 1), waiting=options.max_waiting)
        self._within_s = options.deadline_s

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        if not scope["path"].startswith(PROBED):
            self._hosts.check(scope)
        opt = scope["route_handler"].opt
        wanted = opt.get("scope")
        if wanted is None:
            await next_app(scope, receive, send)
            return
        hexagon = scope["litestar_app"].state.hexagon
        caller = hexagon.gatekeeper.admit(key_of(scope), wanted)
        remember_caller(scope, caller)
        if hexagon.limits is not None:
            who = (
                f"address {neighbourhood(self._addresses.of(scope))}"
                if caller is ANYBODY
                else f"key {caller.name}"
            )
            await self._rates.check(hexagon.limits, who)
        if _is_stream(scope):
            both = (self._streams, self._slots)
            await StreamPassage(scope, receive, send, slots=both, within_s=self._within_s).go(next_app)
        else:
            await Passage(scope, receive, send, slots=self._slots, within_s=self._within_s).go(next_app)


def _is_stream(scope: Scope) -> bool:
    streams: Collection[str] = scope["route_handler"].opt.get("streams", ())
    return bool(streams) and (streams == ANY_BODY or media_type_of(scope) in streams)
