"""How far a sound model moves in a calm year: what the widths of its bands have to allow for.

A model is frozen and asked about the calm months after; each month becomes the centre of a band in turn,
and each window of seven days is held against it. Printed is how far windows lie beyond three standard
errors, in the unit of the widths in ``domain/bands.py``.

    python benchmarks/bands.py FOLDER
"""

import asyncio
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import reduce
from itertools import groupby
from operator import add
from pathlib import Path

from accuracy import GREEN, YELLOW, Benchmark, opened

from taxi_predictor.domain.bands import bands, standing
from taxi_predictor.domain.evaluation import Evaluation, Tally
from taxi_predictor.domain.reference import SURE, Band, Measure
from taxi_predictor.domain.split import TimeSplit, local_midnight
from taxi_predictor.ports.inbound.learning.fitting import fitted_model, training_data
from taxi_predictor.ports.inbound.learning.held_out import held_out_days
from taxi_predictor.ports.inbound.learning.scores import score

CALM = (
    (YELLOW, date(2019, 1, 1), date(2019, 10, 1)),
    (GREEN, date(2022, 12, 1), date(2024, 1, 1)),
)
WHOLE_MONTH = 25  # days with trips


async def followed(
    benchmark: Benchmark, frozen_at: date, until: date, data: Path
) -> list[tuple[date, Tally]]:
    """What a model of the days before *frozen_at* did on each day from its held-out ones on."""
    async with opened(benchmark, data) as container:
        outbound, city = container.outbound, container.city
        cut = local_midnight(frozen_at, city.tz)
        days = await outbound.trips.days(city.time_zone, cut)
        split = TimeSplit.choose(days, tz=city.tz, until=cut)
        reading = training_data(
            outbound.trips, city, split, scratch=outbound.scratch, progress=outbound.progress
        )
        async with reading as training:
            model = await fitted_model(
                outbound.trainer, outbound.loader, training, progress=outbound.progress
            )
        found = []
        seen = replace(split, until=local_midnight(until, city.tz))
        async for batches in held_out_days(outbound.trips, seen, city):
            evaluation = Evaluation(city)
            for batch in batches:
                score(evaluation, model, batch)
            first = next(iter(batches[0].table.get_column("pickup_at")))
            found.append((first.astimezone(city.tz).date(), evaluation.overall))
        return found


def beyond(days: Sequence[tuple[date, Tally]]) -> dict[Measure, float]:
    """The furthest that a window lies outside of chance around any month."""
    months = [
        [tally for _, tally in of] for _, of in groupby(days, key=lambda day: (day[0].year, day[0].month))
    ]
    weeks = [
        [tally for _, tally in days[first : first + 7]]
        for first in range(len(days) - 6)
        if days[first + 6][0] - days[first][0] == timedelta(days=6)
    ]
    furthest = dict.fromkeys(Measure, 0.0)
    for month in (month for month in months if len(month) >= WHOLE_MONTH):
        centre = reduce(add, month)
        for measure, band in bands(month).items():
            unit = {
                Measure.MAE: centre.abs_error_s,
                Measure.BIAS: centre.actual_s,
                Measure.COVERAGE: centre.n,
            }
            for week in weeks:
                found = standing(measure, band, reduce(add, week), days=7)
                off = found.value - middle(measure, band, centre)
                off = off if measure is Measure.MAE else abs(off)
                furthest[measure] = max(
                    furthest[measure], (off - SURE * found.error) / (unit[measure] / centre.n)
                )
    return furthest


def middle(measure: Measure, band: Band, centre: Tally) -> float:
    return centre.abs_error_s / centre.n if measure is Measure.MAE else (band.lower + band.upper) / 2


async def main() -> None:
    warnings.simplefilter("ignore")
    for benchmark, frozen_at, until in CALM:
        days = await followed(benchmark, frozen_at, until, Path(sys.argv[1]))
        told = ", ".join(f"{measure} {share:.1%}" for measure, share in beyond(days).items())
        print(f"{benchmark.title}, {frozen_at} to {until}: {told}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
