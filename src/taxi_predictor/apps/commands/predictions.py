"""The predict command: one trip from its options, or a file of trips."""

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.markup import escape
from rich.table import Table

from taxi_predictor.apps.commands.arguments import (
    parse_instant,
    parse_place,
    refuse_coverage,
    refuse_overwriting,
)
from taxi_predictor.apps.commands.output import ERR, OUT, refuse_unwritable, result_to, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.commands.sources import ensure_zones, refuse_sources, refuse_zones
from taxi_predictor.apps.container import Container
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.tables import plain_table
from taxi_predictor.domain.comparables import Comparables
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.explanation import Explanation
from taxi_predictor.domain.trip import MOST_PASSENGERS, TripPlan
from taxi_predictor.ports.inbound.answers.prediction import Prediction
from taxi_predictor.ports.inbound.files.scoring import quantiles_s
from taxi_predictor.ports.inbound.trips.comparing import MAX_TRIPS

if TYPE_CHECKING:
    from taxi_predictor.adapters.http.bodies import PredictionAnswer

__all__ = ["predict", "refuse_overwriting"]

LONGEST_BAR = 20
MOST_SIMILAR = 5


async def predict(
    trips: str | None = None,
    /,
    *,
    pickup: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    dropoff: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    at: str = "now",
    passengers: Annotated[int | None, Parameter(validator=Number(gte=0, lte=MOST_PASSENGERS))] = None,
    coverage: float = 0.8,
    zones: str | None = None,
    out: Annotated[Path, Parameter(allow_leading_hyphen=True)] = Path("-"),
    explain: Annotated[bool, Parameter(negative="")] = False,
    similar: Annotated[int | None, Parameter(validator=Number(gte=1, lte=MAX_TRIPS))] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Say how long a trip will take, or every trip of a file.

    taxi-predictor predict --pickup 40.758,-73.985 --dropoff 132 --at 2024-03-01T08:30

    Parameters
    ----------
    trips
        A file of trips with pickup_at and places, as ingest reads it; an end is not needed.
    pickup
        LAT,LON in degrees, or a zone id.
    dropoff
        LAT,LON in degrees, or a zone id.
    at
        Departure, local to the city unless it has an offset.
    passengers
        How many people ride.
    coverage
        How likely the duration lies in the interval.
    zones
        A zone table to learn first, as in ingest.
    out
        Where the answers for a file go, as CSV; - for standard output.
    explain
        Show what makes the trip longer or shorter than the usual one.
    similar
        Show how long this many of the most similar past trips took.
    json
        Print the API's answer, with explanation and similar in it where they were asked for.
    """
    settings = load_settings()
    refuse_coverage(coverage)
    refuse_zones(zones)
    if trips is not None:
        if explain or similar is not None:
            raise Invalid("--explain and --similar are for one trip, not for a file of them")
        refuse_overwriting(trips, out)
        refuse_unwritable(out)
        refuse_sources(settings, trips)
        async with _answering(settings, zones) as container:
            await _predict_file(container, trips, coverage, out)
        return
    if pickup is None or dropoff is None:
        raise Invalid("name a file of trips, or --pickup and --dropoff")
    here, there, pickup_at = parse_place(pickup), parse_place(dropoff), parse_instant(at, settings)
    async with _answering(settings, zones) as container:
        plan = TripPlan(
            pickup=await container.predictor.place(here),
            dropoff=await container.predictor.place(there),
            pickup_at=pickup_at,
            passenger_count=passengers,
        )
        [prediction] = container.predictor.predict([plan])
        explanation = container.predictor.explain(prediction) if explain else None
        comparables = await container.comparing.like(plan, similar) if similar is not None else None
        tz = container.city.tz
    if json:
        from taxi_predictor.adapters.http.bodies import PredictionAnswer  # late: nothing else here needs it

        answer = PredictionAnswer.of(prediction, coverage=coverage, explanation=explanation)
        write_json(_as_json(answer, comparables), Path("-"))
        return
    _show(prediction, coverage)
    if explanation is not None:
        OUT.print()
        OUT.print(_why(explanation))
    if comparables is not None:
        OUT.print()
        _show_similar(comparables, tz)


@asynccontextmanager
async def _answering(settings: Settings, zones: str | None) -> AsyncIterator[Container]:
    """With what is known of places and of the city now."""
    async with opened(settings) as container:
        await ensure_zones(container, settings, zones)
        await container.levelling.load_if_it_can_be()
        yield container


def _as_json(answer: "PredictionAnswer", comparables: Comparables | None) -> bytes:
    """The API's answer, and what similar trips took where that was asked for."""
    fields = {
        name: value for name, value in msgspec.structs.asdict(answer).items() if value is not msgspec.UNSET
    }
    if comparables is not None:
        low_s, median_s, high_s = comparables.spread_s or (None, None, None)
        fields["similar"] = {
            "considered": comparables.considered,
            "p10_s": low_s,
            "median_s": median_s,
            "p90_s": high_s,
            "trips": [
                {
                    "pickup_at": found.trip.plan.pickup_at,
                    "duration_s": found.trip.duration_s,
                    "pickup_km": found.pickup_km,
                    "dropoff_km": found.dropoff_km,
                    "score": found.score,
                }
                for found in comparables.trips
            ],
        }
    return msgspec.json.encode(fields)


def _show(prediction: Prediction, coverage: float) -> None:
    low_s, high_s = prediction.interval_s(coverage)
    served = prediction.served
    label = f"model {served.version}" if served.version else "no model"
    label += f" of {served.manifest.city.name}"
    if served.manifest.is_simulated:
        label += ", learned from simulated trips"
    OUT.print(
        f"[bold]{prediction.duration_s / 60:.1f} min[/bold], {coverage:.0%} likely between"
        f" {low_s / 60:.1f} and {high_s / 60:.1f} min; arriving {prediction.arrival_at:%Y-%m-%d %H:%M %Z}"
        f" [dim]({prediction.distance_km:.2f} km as the crow flies, {label})[/dim]"
    )
    if served.trouble:
        ERR.print(f"[yellow]answered by {served.source}: {escape(served.trouble)}[/yellow]")


def _why(explanation: Explanation) -> Table:
    """The usual trip first, then what each cause makes of it, then what comes out."""
    table = plain_table("Why", "cause", "factor", "minutes", "", numbers=("factor", "minutes"))
    table.add_row("the usual trip", "", f"{explanation.usual_s / 60:.1f}", "")
    longest_s = max((abs(part.seconds) for part in explanation.parts), default=0.0) or 1.0
    for part in sorted(explanation.parts, key=lambda part: -abs(part.seconds)):
        sign = "+" if part.seconds > 0 else "-"
        bar = sign * round(LONGEST_BAR * abs(part.seconds) / longest_s)
        table.add_row(part.cause, f"x {part.factor:.2f}", f"{part.seconds / 60:+.1f}", bar)
    table.add_row("this trip", "", f"{explanation.duration_s / 60:.1f}", "")
    return table


def _similar(comparables: Comparables, tz: ZoneInfo) -> Table:
    """The few that come first."""
    numbers = ("minutes", "pickup km away", "drop-off km away", "unlike by km")
    table = plain_table("Similar trips", "left", *numbers, numbers=numbers)
    for found in comparables.trips[:MOST_SIMILAR]:
        table.add_row(
            f"{found.trip.plan.pickup_at.astimezone(tz):%a %Y-%m-%d %H:%M}",
            f"{found.trip.duration_s / 60:.1f}",
            f"{found.pickup_km:.2f}",
            f"{found.dropoff_km:.2f}",
            f"{found.score:.2f}",
        )
    return table


def _show_similar(comparables: Comparables, tz: ZoneInfo) -> None:
    if comparables.spread_s is None:
        OUT.print("No stored trip near both ends ended before this departure")
        return
    low_min, median_min, high_min = (seconds / 60 for seconds in comparables.spread_s)
    OUT.print(_similar(comparables, tz))
    OUT.print(
        f"of {comparables.considered:,} considered, {len(comparables.trips):,} most similar took"
        f" {low_min:.1f} to {high_min:.1f} min (10 % to 90 %), median {median_min:.1f}",
        highlight=False,
        soft_wrap=True,
    )


async def _predict_file(container: Container, source: str, coverage: float, out: Path) -> None:
    parts = await container.intake.parts(source, are_finished=False)
    answered = refused = 0
    with result_to(out) as file, container.outbound.progress.step(f"predict {source}") as step:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("row_number", "duration_s", "lower_s", "upper_s", "problem"))
        for part in parts:
            async for batch in part.batches():
                if len(batch.trips):
                    estimate, _ = container.predictor.predict_batch(batch.trips.plans)
                    quantiles = quantiles_s(estimate.distribution, coverage)
                    writer.writerows((*row, "") for row in zip(batch.row_numbers, *quantiles, strict=True))
                table = batch.rejects.table
                writer.writerows(
                    (row_number, "", "", "", reason)
                    for row_number, reason in zip(
                        table.get_column("row_number"), table.get_column("reason"), strict=True
                    )
                )
                answered += len(batch.trips)
                refused += len(batch.rejects)
                step.advance(batch.read)
    ERR.print(f"{answered:,} trips predicted, {refused:,} refused")
