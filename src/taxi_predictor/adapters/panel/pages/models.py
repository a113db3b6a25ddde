"""The models: what each is worth, which serves, why; and, for operators, which is to serve."""

import re
from collections.abc import AsyncGenerator, Sequence

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.models import (
    baselines_picture,
    calibration_picture,
    coverage_picture,
    errors_picture,
    hours_picture,
    importance_picture,
    residuals_picture,
)
from taxi_predictor.adapters.panel.hexagon import Hexagon
from taxi_predictor.adapters.panel.markup import filled, link
from taxi_predictor.adapters.panel.operators import Operators
from taxi_predictor.adapters.panel.pages.page import Deed, Page, Parts, Visit, guarded, trouble
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.errors import NotEnoughTrips, TaxiPredictorError, UnknownModel
from taxi_predictor.ports.outbound.registry import Alias, RegisteredModel

__all__ = ["ModelsPage", "version_piece"]

ENTRIES = 12


class ModelsPage(Page):
    name = "models"
    every_s = 15.0

    def __init__(self, hexagon: Hexagon, operators: Operators) -> None:
        self._hexagon = hexagon
        self._operators = operators

    async def parts(self, visit: Visit) -> AsyncGenerator[Parts, None]:
        words = visit.words
        yield {"who": self._who(visit), "journal": await guarded(words, lambda: self._journal(words))}
        try:
            models = await self._hexagon.lifecycle.models()
            if not models:
                raise NotEnoughTrips("no model was trained yet: run `taxi-predictor train`")
            chosen, other = _chosen(models, visit)
        except TaxiPredictorError as error:
            yield {"versions": trouble(error, words), "detail": Markup()}
            return
        yield {
            "versions": self._versions(models, chosen, other, visit),
            "detail": version_piece(chosen, other, visit),
        }

    async def act(self, visit: Visit, deed: Deed) -> None:
        """Promote or roll back; what came of it is the notice."""
        words = visit.words
        operator = self._operators.find(visit.signed_in)
        if operator is None or not operator.may_act:
            visit.notice = words("models.sign-in-again")
            return
        try:
            match deed.get("action"):
                case "promote" if re.fullmatch("[1-9][0-9]{0,8}", deed.get("version", "")):
                    version = int(deed["version"])
                    reason = deed.get("override", "").strip() or None
                    await self._operators.promote(operator, version, override=reason)
                    visit.notice = words("models.promoted", number=version)
                case "rollback":
                    await self._operators.roll_back(operator)
                    visit.notice = words("models.rolled-back")
                case _:
                    visit.notice = ""
        except TaxiPredictorError as error:
            visit.notice = words("models.refused", reason=str(error))

    def _who(self, visit: Visit) -> Markup:
        operator = self._operators.find(visit.signed_in)
        return filled(
            "models_who",
            words=visit.words,
            operator=operator,
            notice=visit.notice,
            said=visit.query.get("signed") if visit.query.get("signed") in ("refused", "away") else None,
            page=self.name,
            label=visit.words("models.key"),
            why=visit.words("models.why"),
        )

    async def _journal(self, words: Words) -> Markup:
        tz = self._hexagon.city.tz
        rows = [
            (words.instant(entry.at.astimezone(tz)), words(f"deed.{entry.deed.value}"), entry)
            for entry in await self._hexagon.history.entries(ENTRIES)
        ]
        return filled("models_journal", words=words, rows=rows)

    def _versions(
        self,
        models: Sequence[RegisteredModel],
        chosen: RegisteredModel,
        other: RegisteredModel | None,
        visit: Visit,
    ) -> Markup:
        words, operator = visit.words, self._operators.find(visit.signed_in)
        rows = []
        for model in reversed(models):
            scores = model.report.held_out
            rows.append(
                {
                    "model": model,
                    "look": link(visit.query, version=str(model.version), signed=None),
                    "compare": link(visit.query, against=str(model.version), signed=None),
                    "aliases": [alias for alias in Alias if alias in model.aliases],
                    "until": words.day(
                        model.manifest.split.held_out_from.astimezone(model.manifest.city.tz).date()
                    ),
                    "trips": words.number(model.manifest.trips),
                    "mae": words.number(scores.mae_s, 1),
                    "bias": words.number(scores.bias_s, 1, signed=True),
                    "mape": words.percent(scores.mape, 1),
                    "coverage": words.percent(scores.coverage_80, 1),
                }
            )
        return filled(
            "models_versions",
            words=words,
            rows=rows,
            chosen=chosen.version,
            other=other.version if other else None,
            may_act=operator is not None and operator.may_act,
            can_roll_back=any(Alias.PREVIOUS in model.aliases for model in models),
        )


def _chosen(
    models: Sequence[RegisteredModel], visit: Visit
) -> tuple[RegisteredModel, RegisteredModel | None]:
    """The version that is looked at, and the one beside it: by default the champion and the one before.

    Raises:
        UnknownModel: there is no such version.
    """
    by_version = {str(model.version): model for model in models}
    by_alias = {alias: model for model in models for alias in model.aliases}

    def find(name: str) -> RegisteredModel:
        if name not in by_version:
            raise UnknownModel(f"there is no model version {name}")
        return by_version[name]

    version, against = visit.query.get("version"), visit.query.get("against")
    chosen = find(version) if version else by_alias.get(Alias.CHAMPION, models[-1])
    if against == "none":
        return chosen, None
    other = find(against) if against else by_alias.get(Alias.PREVIOUS) or by_alias.get(Alias.CHAMPION)
    return chosen, None if other is None or other.version == chosen.version else other


def version_piece(model: RegisteredModel, other: RegisteredModel | None, visit: Visit) -> Markup:
    words, report, manifest = visit.words, model.report, model.manifest
    rival = other.report if other else None
    return filled(
        "models_detail",
        words=words,
        model=model,
        other=other,
        verdict=report.verdict,
        drop=link(visit.query, against="none", signed=None),
        errors=errors_picture(report, rival, words),
        coverage=coverage_picture(report, words),
        calibration=calibration_picture(report, rival, words),
        residuals=residuals_picture(manifest, words),
        hours=hours_picture(report, words),
        importance=importance_picture(manifest, words),
        baselines=baselines_picture(report, words),
        facts=[
            (words("models.engine"), f"{manifest.engine} · {manifest.code_version}"),
            (words("models.sources"), ", ".join(manifest.sources)),
            (words("models.made"), words.instant(manifest.created_at.astimezone(manifest.city.tz))),
            (words("models.fingerprint"), manifest.fingerprint[:16]),
        ],
    )
