"""How rare a distance is, in bits: of the chi-square distribution, then as the sensor's own distances are spread."""

from __future__ import annotations

from math import log, pi, sqrt

import polars as pl

_ERFC = (
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806,
    0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
)  # fmt: skip
"""erfc(u) = t exp(-u**2 + P(t)), t = 1 / (1 + u / 2), relative error below 1.2e-7 for u >= 0: Press et al. (1992),
"Numerical Recipes in C", section 6.2, `erfcc`."""

FROM, TO = 5.0, 12.0
"""Bits between which the sensor's own tail is measured: rarer rows are what is looked for."""

_USUAL_EXCESS = 1 / log(2) - (TO - FROM) / (2 ** (TO - FROM) - 1)
"""Mean of what rows between `FROM` and `TO` exceed `FROM` by, when bits are what they say."""

_PRIOR_ROWS = 64.0
"""Rows that count for the usual excess before any are known."""

FINE = 1_024
"""Parts of a bit in which excesses are summed."""


def chi_square_bits(square: pl.Expr, degrees: pl.Expr) -> pl.Expr:
    """-log2 of the probability that chi-square with 2 to 5 degrees of freedom exceeds this; null for fewer.

    The closed forms (Abramowitz and Stegun, 26.4.4 and 26.4.5) without their common factor exp(-square / 2), so that
    nothing becomes 0 however rare it is.
    """
    root = square.sqrt()
    t = 1 / (1 + root * sqrt(1 / 8))
    polynomial = pl.lit(_ERFC[-1])
    for coefficient in reversed(_ERFC[:-1]):
        polynomial = polynomial * t + coefficient
    odd = t * polynomial.exp() + sqrt(2 / pi) * (
        pl.when(degrees == 5).then(root + root * square * (1 / 3)).when(degrees == 3).then(root)
    )
    even = pl.when(degrees == 4).then(1 + square / 2).when(degrees == 2).then(1.0)
    bits = square * (0.5 / log(2)) - pl.coalesce(odd, even).log(2)
    return pl.max_horizontal(bits, 0.0 * bits)


def sums(bits: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Of a block: how many rows are between `FROM` and `TO`, and what they exceed `FROM` by, in parts of a bit."""
    between = bits.is_between(FROM, TO, closed="left").fill_null(value=False)
    excess = pl.when(between).then(((bits - FROM) * FINE).round()).otherwise(0)
    return between.cast(pl.Int64).sum().alias("rare"), excess.cast(pl.Int64).sum().alias("excess")


def own_bits(bits: pl.Expr, rows: pl.Expr, excess: pl.Expr) -> pl.Expr:
    """Bits with their part above `FROM` in units of the sensor's own tail, never more than they were.

    Distances of real sensors are spread further than the normal distribution says. Beyond a high threshold tails are
    nearly exponential, and the mean excess tells how wide (Pickands (1975), doi:10.1214/aos/1176343003).

    Args:
        bits: One a row.
        rows: How many were between `FROM` and `TO` of late.
        excess: What these exceeded `FROM` by, in bits.
    """
    mean = (excess + _PRIOR_ROWS * _USUAL_EXCESS) * (1 / (rows + _PRIOR_ROWS))
    stretch = pl.max_horizontal(mean * (1 / _USUAL_EXCESS), 1.0)
    return pl.when(bits > FROM).then(FROM + (bits - FROM) * (1 / stretch)).otherwise(bits)
