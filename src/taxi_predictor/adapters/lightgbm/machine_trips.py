"""One trip from its ends to its answer, in machine code: features, trees, live level and knots in one call.

The formulas are the very ones of the domain, which are run here on instructions instead of numbers.
"""

import ctypes
from collections.abc import Sequence
from functools import cache
from math import inf

from llvmlite import ir

from taxi_predictor.adapters.lightgbm.machine_code import machine_code, made
from taxi_predictor.adapters.lightgbm.machine_numbers import arithmetic_of, as_number, as_quantity
from taxi_predictor.adapters.lightgbm.machine_terms import F64, I64, PTR, Value, array_of, at, whole
from taxi_predictor.domain.city import City
from taxi_predictor.domain.departures import from_knots, knots_behind, most_behind, slowest_s
from taxi_predictor.domain.features import CLOCK_FEATURES, FEATURE_NAMES, FeatureEncoder, PlanValues
from taxi_predictor.domain.level import stratum

__all__ = ["TripCode", "trip_code"]

DISTANCE = FEATURE_NAMES.index("distance_km")
MINUTE = CLOCK_FEATURES.index("minute_of_day")


class TripCode:
    """The function ``answer`` for models of *city* that are asked with *features*, as ctypes calls it.

    It is given addresses:

    * tables: those of the forest, whose boosters say the centre and the spread;
    * trip: the numbers of a :class:`PlanValues`, of which the time is of no use, and how much of the
      way from the knot before the departure to the one behind it is done;
    * clock: what the clock makes of each knot that may matter, oldest first;
    * levels: what is added to the centre in each stratum;
    * answer: centre and spread.

    Args:
        smallest_spread: no trip is more certain.
    """

    def __init__(self, city: City, features: Sequence[str], smallest_spread: float) -> None:
        module = ir.Module()
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [PTR] * 5), "answer")
        b = ir.IRBuilder(function.append_basic_block())
        _write_answer(b, city, features, smallest_spread, *function.args)
        b.ret_void()
        self._engine = made(module)
        address = ctypes.c_void_p
        # The interpreter's lock is kept, as for a few rows.
        self.answer = ctypes.PYFUNCTYPE(None, *[address] * 5)(self._engine.get_function_address("answer"))


@cache
def trip_code(city: City, features: tuple[str, ...], smallest_spread: float) -> TripCode:
    """The same for all models of the process that want those features."""
    return TripCode(city, features, smallest_spread)


def _write_answer(
    b: ir.IRBuilder,
    city: City,
    features: Sequence[str],
    smallest_spread: float,
    tables: Value,
    trip: Value,
    clock: Value,
    levels: Value,
    answer: Value,
) -> None:
    m = arithmetic_of(b)

    def number(array: Value, place: int | Value) -> Value:
        return at(b, F64, array, whole(place) if isinstance(place, int) else place)

    *values, share = (as_quantity(b, number(trip, place)) for place in range(len(PlanValues._fields) + 1))
    where = FeatureEncoder(city, m).where(PlanValues(*values))
    distance_km = where[DISTANCE]
    behind = knots_behind(m, slowest_s(m, distance_km, city))

    most = most_behind(city)
    knots, width = most + 2, len(CLOCK_FEATURES)
    rows = array_of(b, F64, knots * len(features))
    for knot in range(knots):
        for place, name in enumerate(features):
            value = (
                number(clock, knot * width + CLOCK_FEATURES.index(name))
                if name in CLOCK_FEATURES
                else as_number(where[FEATURE_NAMES.index(name)])
            )
            b.store(value, b.gep(rows, [whole(knot * len(features) + place)], source_etype=F64))

    # The first knots may not matter: nobody who left then is still under way.
    left_out = b.sub(whole(most), b.fptosi(as_number(behind), I64))
    count = b.sub(whole(knots), left_out)
    said = array_of(b, F64, 2 * knots)
    asked = b.gep(rows, [b.mul(left_out, whole(len(features)))], source_etype=F64)
    walk = b.inttoptr(
        whole(machine_code().walk_few_at), ir.FunctionType(ir.VoidType(), [PTR, PTR, I64, PTR]).as_pointer()
    )
    b.call(walk, [tables, asked, count, said])

    centres = []
    for knot in range(knots):
        place = b.sub(whole(knot), left_out)
        matters = b.icmp_signed(">=", place, whole(0))
        minute = as_quantity(b, number(clock, knot * width + MINUTE))
        place_of_level = b.fptosi(as_number(stratum(m, distance_km, minute)), I64)
        centre = b.fadd(number(said, b.select(matters, place, whole(0))), number(levels, place_of_level))
        centres.append(as_quantity(b, b.select(matters, centre, F64(-inf))))
    spreads = []
    for ago in (2, 1):
        spread = number(said, b.sub(b.mul(count, whole(2)), whole(ago)))
        is_enough = b.fcmp_ordered(">", spread, F64(smallest_spread))
        spreads.append(as_quantity(b, b.select(is_enough, spread, F64(smallest_spread))))
    for place, result in enumerate(from_knots(m, city, distance_km, share, centres, spreads)):
        b.store(as_number(result), b.gep(answer, [whole(place)], source_etype=F64))
