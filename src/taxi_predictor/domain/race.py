"""Which of several trips ends first, when the duration of each is uncertain.

Durations are taken as independent: a jam that slows one car does not slow the others. Cars that come
the same way do share their jams, so between such a favourite is a little surer than this says.

At each moment of the race it is known how likely nobody has arrived yet. What that falls by until the
next moment is the chance that the race ends in between; it belongs to each car by how much it alone
makes it fall. These shares add up to one however many cars there are, which the mean over each car's
own few quantiles does not once a hundred cars compete within the lowest hundredth of their durations.
"""

from math import exp

from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.distribution import DurationDistribution

__all__ = ["probabilities_first"]

MOMENTS = 256
"""In ln(seconds) evenly apart."""
SEARCHES = 24
"""Halvings of the time in which the race ends."""
LEAST = 1e-12
"""Chances are not told from zero below it."""


def probabilities_first(m: ColumnArithmetic, durations: DurationDistribution[Column]) -> Column:
    """The probability of each of *durations*, at least one, to be the shortest; they add up to one.

    Below the lowest and above the highest residual nothing is known: that share of the cases is taken
    to be spread as the known ones are. Equal durations share alike. The cost grows with the number of
    cars, not with that of their pairs.
    """
    mu, sigma, residuals = durations.mu, durations.sigma, durations.residuals
    begin = min((mu + sigma * residuals.values[0]).tolist())
    end = min((mu + sigma * residuals.values[-1]).tolist())
    unknown_low, unknown_high = residuals.probabilities[0], residuals.probabilities[-1]

    def log_not_yet(at: float) -> Column:
        """ln of the probability that each is still on its way, *at* ln(seconds)."""
        arrived = m.interpolate((-mu + at) / sigma, residuals.values, residuals.probabilities)
        known = m.clip((arrived - unknown_low) / (unknown_high - unknown_low), 0.0, 1 - LEAST)
        return m.log(-known + 1.0)

    over = begin
    for _ in range(SEARCHES):
        # Where many compete the race is over soon, and all moments belong to that part of it.
        middle = (over + end) / 2
        if exp(m.total(log_not_yet(middle))) < LEAST:
            end = middle
        else:
            over = middle
    first = before = mu * 0.0
    nobody = 1.0
    for moment in range(1, MOMENTS + 1):
        after = log_not_yet(begin + (end - begin) * moment / MOMENTS)
        fallen = before - after
        nobody_after = exp(m.total(after))
        if (whole := m.total(fallen)) > 0:
            first = first + fallen * ((nobody - nobody_after) / whole)
        before, nobody = after, nobody_after
    return first
