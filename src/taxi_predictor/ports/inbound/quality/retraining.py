"""What happens when the champion has left its bands: it is journalled and, if wanted, a model is trained."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from taxi_predictor.domain.errors import PromotionRefused, TaxiPredictorError
from taxi_predictor.domain.live import LiveReport, VersionState
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.reference import Measure
from taxi_predictor.ports.inbound.learning.training import ModelTraining
from taxi_predictor.ports.inbound.models.deeds import DeedBook
from taxi_predictor.ports.inbound.models.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.models.versions import holder_of
from taxi_predictor.ports.inbound.quality.monitoring import Monitoring
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.journal import Deed, Entry, Journal
from taxi_predictor.ports.outbound.monitoring import MonitorTelemetry, Retrained, Turns
from taxi_predictor.ports.outbound.registry import Alias

__all__ = ["ACTOR", "Retraining"]

log = logging.getLogger(__name__)

ACTOR = "monitor"
"""Whom the journal names."""
TURN = "monitor"
ENTRIES = 1_000
"""Of the journal: what is further back happened long ago."""
BAND_DEEDS = (Deed.OUT_OF_BAND, Deed.BACK_IN_BAND)


class Retraining:
    """Acts on what a look found; of several processes that look, one at a time does.

    What was done before is read from the journal, so that neither a restart nor a second process does it
    again.

    Args:
        window: the stored trips of so much time that a retraining learns from and is judged on; None:
            none is started.
        pause: so much time passes between two retrainings, whatever became of the first.
    """

    def __init__(
        self,
        *,
        monitoring: Monitoring,
        training: ModelTraining,
        lifecycle: ModelLifecycle,
        journal: Journal,
        deeds: DeedBook,
        turns: Turns,
        telemetry: MonitorTelemetry,
        clock: Clock,
        window: timedelta | None,
        pause: timedelta,
    ) -> None:
        self._monitoring = monitoring
        self._training = training
        self._lifecycle = lifecycle
        self._journal = journal
        self._deeds = deeds
        self._turns = turns
        self._telemetry = telemetry
        self._clock = clock
        self._window = window
        self._pause = pause

    async def act(self, report: LiveReport) -> Retrained | None:
        """Write down that the champion left its bands, or is back, and retrain if that is wanted and due.

        What is trained serves only if it passes the gate. None: nothing was trained.

        Raises:
            Unavailable: the journal or the turns do not answer; nothing was begun.
        """
        state = report.champion_state
        if state is None:
            return None
        async with self._turns.take(TURN) as is_ours:
            if not is_ours:
                return None
            entries = await self._journal.entries(limit=ENTRIES)
            await self._tell(state, entries)
            if not state.out_of_band or self._window is None or not self._is_due(entries):
                return None
            result = await self._retrain(state.version, self._window)
        self._telemetry.retrained(result)
        return result

    async def follow(self) -> None:
        """Act for ever on what the monitoring found last; troubles are waited out."""
        acted_on: datetime | None = None
        while True:
            report = self._monitoring.last
            if report is not None and report.looked_at != acted_on:
                try:
                    await self.act(report)
                    acted_on = report.looked_at
                except TaxiPredictorError as error:
                    log.warning("monitor.cannot-act", extra={"reason": str(error)})
            await asyncio.sleep(self._monitoring.every.total_seconds())

    async def _tell(self, state: VersionState, entries: Sequence[Entry]) -> None:
        """Journal a change; what was said before is not said again."""
        last = next((e.deed for e in entries if e.version == state.version and e.deed in BAND_DEEDS), None)
        if state.out_of_band:
            if last is not Deed.OUT_OF_BAND:
                await self._write(Deed.OUT_OF_BAND, state.version, _words(state))
                log.warning("monitor.out-of-band", extra={"version": state.version, "reason": _words(state)})
        elif last is Deed.OUT_OF_BAND:
            is_known = state.standings and all(standing.is_enough for standing in state.standings)
            reason = "error, bias and coverage are in their bands"
            if not is_known:
                reason = f"too few trips have ended lately to say that it is not ({state.window})"
            await self._write(Deed.BACK_IN_BAND, state.version, reason)

    def _is_due(self, entries: Sequence[Entry]) -> bool:
        began_at = next((entry.at for entry in entries if entry.deed is Deed.RETRAINING), None)
        return began_at is None or self._clock.now() - began_at >= self._pause

    async def _retrain(self, champion: ModelVersion, window: timedelta) -> Retrained:
        now = self._clock.now()
        since = now - window
        await self._write(Deed.RETRAINING, champion, f"on the trips of the last {window.days} days")
        try:
            model = await self._training.train(since=since, until=now, actor=ACTOR)
            if not model.report.verdict.passed:
                return Retrained.REFUSED  # as the journal says already
            serving = await self._champion()
            if serving != champion:
                # Somebody acted meanwhile, and this was not held against what they chose.
                reason = f"version {serving} became the champion while it was trained"
                await self._write(Deed.REFUSED, model.version, reason)
                return Retrained.REFUSED
            await self._lifecycle.promote(model.version, actor=ACTOR)
        except PromotionRefused:
            return Retrained.REFUSED
        except TaxiPredictorError as error:
            await self._write(Deed.RETRAINING_FAILED, champion, str(error))
            return Retrained.FAILED
        except Exception as error:
            # A fault of ours: else the journal would know of a beginning without an end.
            log.exception("monitor.retraining-crashed")
            await self._write(Deed.RETRAINING_FAILED, champion, f"a fault of this program: {error!r}")
            return Retrained.FAILED
        return Retrained.PROMOTED

    async def _champion(self) -> ModelVersion | None:
        champion = holder_of(await self._lifecycle.models(), Alias.CHAMPION)
        return champion.version if champion else None

    async def _write(self, deed: Deed, version: ModelVersion, reason: str) -> None:
        await self._deeds.write(deed, version, reason, actor=ACTOR)


def _words(state: VersionState) -> str:
    """What left its band, in words."""
    said = []
    for found in state.out_of_band:
        forms = {Measure.MAE: "{:.0f} s", Measure.BIAS: "{:+.0f} s", Measure.COVERAGE: "{:.1%}"}
        form = forms[found.measure]
        value, lower, upper = map(form.format, (found.value, found.band.lower, found.band.upper))
        said.append(f"{found.measure} {value} of {found.trips:,} trips, {lower} to {upper} are its band")
    return f"{'; '.join(said)} ({state.window})"
