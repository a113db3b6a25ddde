"""One trip: how long, how sure, when to leave, why, and what trips like it took."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.trips import (
    comparables_picture,
    day_picture,
    distribution_picture,
    explanation_picture,
)
from taxi_predictor.adapters.panel.hexagon import Hexagon
from taxi_predictor.adapters.panel.lands import Land, pin
from taxi_predictor.adapters.panel.markup import filled, link
from taxi_predictor.adapters.panel.pages.mapped import MapPage
from taxi_predictor.adapters.panel.pages.page import Parts, Visit, guarded, trouble
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.evaluation import COVERAGE
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.predicting import Standing
from taxi_predictor.ports.inbound.answers.prediction import Prediction

__all__ = ["PredictPage", "Question"]

SURE = 0.9
"""The latest departure is told for this probability."""
EVERY = timedelta(minutes=30)
SIMILAR = 20
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the address asks for."""

    plan: TripPlan
    arrive_by: datetime | None
    is_now: bool


class PredictPage(MapPage):
    name = "predict"
    every_s = 30.0

    async def parts(self, visit: Visit) -> AsyncGenerator[Parts, None]:
        words = visit.words
        land, shown = await self.opened(visit)
        try:
            question = self.question(visit, land)
        except TaxiPredictorError as error:
            yield (
                {**shown, "controls": self._controls(visit, None, land), "overlay": Markup()}
                | {name: Markup() for name in ("distribution", "arrival", "day", "explanation", "similar")}
                | {"answer": trouble(error, words)}
            )
            return
        plan = question.plan
        shown["controls"] = self._controls(visit, question, land)
        shown["overlay"] = pin(land.atlas, plan.pickup.point, "A") + pin(land.atlas, plan.dropoff.point, "B")
        yield shown | await self._answers(visit, question)
        yield {"similar": await guarded(words, lambda: self._similar(plan, words))}

    def question(self, visit: Visit, land: Land) -> Question:
        """What the state of *visit* means; an example where it names no trip.

        Raises:
            Invalid: a time that is none, or that clocks show twice or never.
            UnknownZone: a place that is not known.
        """
        query = visit.query
        pickup, dropoff = land.gazetteer.example()
        return Question(
            plan=TripPlan(
                pickup=self.place(query.get("from"), land, else_=pickup),
                dropoff=self.place(query.get("to"), land, else_=dropoff),
                pickup_at=self.time(query.get("at")),
            ),
            arrive_by=self.time(query["by"]) if query.get("by") else None,
            is_now=not query.get("at"),
        )

    def _controls(self, visit: Visit, question: Question | None, land: Land) -> Markup:
        query = visit.query
        names = land.gazetteer
        begin = names.name(question.plan.pickup) if question else query.get("from", "")
        end = names.name(question.plan.dropoff) if question else query.get("to", "")
        return filled(
            "predict_controls",
            words=visit.words,
            language=visit.words.language,
            begin=begin,
            end=end,
            at=f"{question.plan.pickup_at:%Y-%m-%dT%H:%M}" if question else query.get("at", ""),
            by=query.get("by", ""),
            is_now=question is None or question.is_now,
            swap=link(query, **{"from": end, "to": begin}),
            now=link(query, at=None),
            choices=land.choices,
        )

    async def _answers(self, visit: Visit, question: Question) -> Parts:
        words = visit.words
        try:
            standing = self._hexagon.predictor.standing()
            [prediction] = self._hexagon.predictor.predict([question.plan], by=standing)
        except TaxiPredictorError as error:
            nothing = ("distribution", "arrival", "day", "explanation")
            return {"answer": trouble(error, words)} | dict.fromkeys(nothing, Markup())
        by = question.arrive_by
        within_s = None if by is None else by.timestamp() - question.plan.pickup_at.timestamp()
        return {
            "answer": _hero(prediction, words),
            "distribution": distribution_picture(prediction, words, within_s=within_s),
            "arrival": await guarded(words, lambda: self._arrival(question, visit, standing)),
            "day": await guarded(words, lambda: self._day(question.plan, visit)),
            "explanation": _explanation(prediction, self._hexagon, words),
        }

    async def _arrival(self, question: Question, visit: Visit, standing: Standing) -> Markup:
        by, words = question.arrive_by, visit.words
        if by is None:
            return filled("predict_arrival", words=words, chance=None)
        arrivals = self._hexagon.arrivals
        chance = arrivals.chance(question.plan, arrive_by=by, by=standing)
        latest = await arrivals.latest_departure(question.plan, arrive_by=by, probability=SURE, by=standing)
        tz = self._hexagon.city.tz
        return filled(
            "predict_arrival",
            words=words,
            chance=chance,
            share=words.percent(chance.probability, 1),
            by=words.clock(by),
            sure=words.percent(SURE),
            latest=latest and words.instant(latest.plan.pickup_at.astimezone(tz)),
            take=latest and link(visit.query, at=f"{latest.plan.pickup_at.astimezone(tz):%Y-%m-%dT%H:%M}"),
        )

    async def _day(self, plan: TripPlan, visit: Visit) -> Markup:
        words = visit.words
        board = await self._hexagon.departures.of_day(plan, plan.pickup_at.date(), every=EVERY)
        fastest = board.fastest
        return filled(
            "predict_day",
            words=words,
            picture=day_picture(board, words, chosen=plan.pickup_at),
            time=words.clock(fastest.plan.pickup_at),
            duration=words.duration(fastest.duration_s),
            duration_s=fastest.duration_s,
            take=link(visit.query, at=f"{fastest.plan.pickup_at:%Y-%m-%dT%H:%M}"),
        )

    async def _similar(self, plan: TripPlan, words: Words) -> Markup:
        found = await self._hexagon.comparing.like(plan, k=SIMILAR)
        [prediction] = self._hexagon.predictor.predict([plan])
        tz = self._hexagon.city.tz
        rows = [
            (
                words.instant(one.trip.plan.pickup_at.astimezone(tz)),
                f"{words.number(one.pickup_km, 1)} / {words.number(one.dropoff_km, 1)} km",
                words.duration(one.trip.duration_s),
            )
            for one in found.trips[:SHOWN]
        ]
        return filled(
            "predict_similar",
            words=words,
            found=found,
            spread=found.spread_s and [words.duration(s) for s in found.spread_s],
            considered=words.number(found.considered),
            picture=comparables_picture(found, prediction.duration_s, words) if found.trips else Markup(),
            rows=rows,
        )


def _hero(prediction: Prediction, words: Words) -> Markup:
    low_s, high_s = prediction.interval_s(COVERAGE)
    manifest = prediction.served.manifest
    return filled(
        "predict_answer",
        words=words,
        prediction=prediction,
        duration=words.duration(prediction.duration_s),
        arrival=words.clock(prediction.arrival_at),
        low_s=low_s,
        high_s=high_s,
        low=words.duration(low_s),
        high=words.duration(high_s),
        distance=words.number(prediction.distance_km, 1),
        source=words(f"source.{prediction.source.value}"),
        is_simulated=manifest.is_simulated,
        level=None if prediction.level is None else _level(prediction.level_factor, words),
    )


def _level(factor: float, words: Words) -> str:
    """How the city differs from what the model expects: a duration that grows is a slower city."""
    return words(
        f"predict.{'slower' if factor >= 1 else 'faster'}", percent=words.percent(abs(factor - 1), 1)
    )


def _explanation(prediction: Prediction, hexagon: Hexagon, words: Words) -> Markup:
    explanation = hexagon.predictor.explain(prediction)
    return filled(
        "predict_explanation",
        words=words,
        usual=words.duration(explanation.usual_s),
        duration=words.duration(explanation.duration_s),
        picture=explanation_picture(explanation, words),
    )
