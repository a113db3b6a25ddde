"""What is stored?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Annotated

from msgspec import Meta, Struct

from taxi_predictor.adapters.http.examples import AN_UNKNOWN_PARAMETER
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import get
from taxi_predictor.domain.access import Scope
from taxi_predictor.ports.inbound.trips.outcome_intake import MAX_ORPHANS
from taxi_predictor.ports.inbound.trips.stock import StockCount

__all__ = ["EXAMPLES", "ROUTES", "SourceAnswer", "StatsAnswer"]

Month = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}$", description="Of pickup, by UTC.")]


class SourceAnswer(Struct, frozen=True, kw_only=True):
    """The trips of one kind of source."""

    source: str
    trips: int
    first_month: Month
    last_month: Month


class LogAnswer(Struct, frozen=True, kw_only=True):
    """What is kept of answers, and of what became of the trips."""

    predictions: int
    outcomes: int
    orphans: Annotated[
        int,
        Meta(
            description="Outcomes that have waited for their predictions for more than an hour;"
            f" {MAX_ORPHANS:,} are that many or more."
        ),
    ]


class StatsAnswer(Struct, frozen=True, kw_only=True):
    """The trips, the rows that did not become any, the zones, and the prediction log."""

    counted_at: Annotated[datetime, Meta(tz=True, description="At most a minute ago.")]
    trips: int
    newest_day: Annotated[
        date | None, Meta(description="The local day of the newest trip; null without any.")
    ]
    sources: list[SourceAnswer]
    rejects: Annotated[dict[str, int], Meta(description="Rows in quarantine by the reason why.")]
    zones: int
    log: LogAnswer

    @classmethod
    def of(cls, stock: StockCount) -> "StatsAnswer":
        sources = []
        for family, counts in groupby(stock.stored.trips, key=lambda count: count.family):
            months = list(counts)
            sources.append(
                SourceAnswer(
                    source=family,
                    trips=sum(month.trips for month in months),
                    first_month=f"{months[0].month:%Y-%m}",
                    last_month=f"{months[-1].month:%Y-%m}",
                )
            )
        rejects: Counter[str] = Counter()
        for count in stock.stored.rejects:
            rejects[count.reason] += count.rows
        return cls(
            counted_at=stock.counted_at,
            trips=sum(source.trips for source in sources),
            newest_day=stock.newest_day,
            sources=sources,
            rejects=dict(sorted(rejects.items())),
            zones=stock.zones,
            log=LogAnswer(
                predictions=stock.log.predictions, outcomes=stock.log.outcomes, orphans=stock.log.orphans
            ),
        )


@get(
    "/v1/stats",
    operation_id="stats",
    summary="Count what is stored",
    tags=["operations"],
    response_description="What is stored.",
    responses=problem_responses(422, 500, 503, such_as=[AN_UNKNOWN_PARAMETER]),
    opt={"scope": Scope.PREDICT},
)
async def stats(request: ApiRequest) -> StatsAnswer:
    return StatsAnswer.of(await request.hexagon.stock.count())


EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    StatsAnswer: [
        StatsAnswer(
            counted_at=datetime(2024, 3, 1, 13, 30, tzinfo=UTC),
            trips=112_640,
            newest_day=date(2024, 2, 29),
            sources=[
                SourceAnswer(source="tlc-green", trips=112_640, first_month="2024-01", last_month="2024-03")
            ],
            rejects={"outside-city": 812, "too-short": 2_077},
            zones=263,
            log=LogAnswer(predictions=48_211, outcomes=39_770, orphans=0),
        )
    ]
}

ROUTES = (stats,)
