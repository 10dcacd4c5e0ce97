"""Values at the resolution of their sensor: digits that it does not measure are not paid for."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import polars as pl

from processors.form import exact_step
from processors.schema import MAX_EXACT_INTEGER


def rounded(rows: pl.DataFrame, resolution: Mapping[str, float]) -> pl.DataFrame:
    """The rows with values at whole steps, each the number that is nearest to that step's decimal text.

    A value moves by half a step at most, and by what the nearest number is off. One that is so large that whole steps
    of it are no numbers stays as it is.

    Args:
        rows: With measures.
        resolution: Measure -> step, above 0.
    """
    return rows.with_columns(
        _rounded(rows[name], exact_step(step)) for name, step in resolution.items() if name in rows.columns
    )


def _rounded(values: pl.Series, step: Fraction) -> pl.Series:
    # Dividing by one number, Polars multiplies with its inverse, and 12 tenths are 1.2000000000000002 then.
    denominators = pl.Series([float(step.denominator)]).new_from_index(0, len(values))
    wholes = (values * denominators / float(step.numerator)).round() * float(step.numerator)
    exact = pl.DataFrame({"value": values, "whole": wholes, "step": wholes / denominators})
    return exact.select(
        pl.when(pl.col("whole") == 0)
        .then(0.0)  # not -0.0
        .when(pl.col("whole").abs() <= MAX_EXACT_INTEGER)
        .then("step")
        .otherwise("value")
        .alias(values.name)
    ).to_series()
