"""Findings in figures and in words."""

from __future__ import annotations

import polars as pl

from processors.schema import SENSOR_ID, TIMESTAMP_TYPE, WINDOW_START
from processors.words import WORDS

FINDING: dict[str, pl.DataType] = {
    SENSOR_ID: pl.String(),
    WINDOW_START: TIMESTAMP_TYPE,
    "measure": pl.String(),
    "kind": pl.String(),
    "value": pl.Float64(),
    "score": pl.Float64(),
    "threshold": pl.Float64(),
    "expectedLow": pl.Float64(),
    "expectedHigh": pl.Float64(),
    "sensors": pl.Struct({"moved": pl.Int64(), "of": pl.Int64()}),
    "explanation": pl.String(),
}
"""Columns of findings, at most one for each sensor, minute, measure and kind.

`value` is the sensor's mean of the minute, or the city's level; `expectedLow` and `expectedHigh` bound what is usual,
both in the unit of the measure. `sensors` says how many `moved` so, `of` those that could be compared.
"""


def of_sensors(compared: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """The minutes of sensors of which a score is known, with `over`, `center` and the columns of `FINDING`.

    Args:
        compared: See `level.compare`.
        threshold: Spreads from which on a deviation is unusual.
    """
    over = pl.col("score") >= threshold
    usual = pl.col("level") + pl.col("offset")
    return compared.filter(pl.col("score").is_not_null()).select(
        SENSOR_ID,
        WINDOW_START,
        "measure",
        pl.lit("sensor").alias("kind"),
        "value",
        "score",
        pl.lit(threshold, pl.Float64).alias("threshold"),
        (usual - threshold * pl.col("spread")).alias("expectedLow"),
        (usual + threshold * pl.col("spread")).alias("expectedHigh"),
        pl.struct(moved=over.sum().over("measure", WINDOW_START).cast(pl.Int64), of=pl.col("of")).alias("sensors"),
        over.alias("over"),
        pl.col("level").alias("center"),
    )


def of_environment(moves: pl.DataFrame, threshold: float, everywhere: str) -> pl.DataFrame:
    """The minutes of the city of which a score is known, likewise.

    Args:
        moves: See `environment.moves`.
        threshold: Usual departures from which on a level has left its range.
        everywhere: Takes the place of the sensor.
    """
    far = threshold * pl.col("usual")
    return moves.select(
        pl.lit(everywhere).alias(SENSOR_ID),
        WINDOW_START,
        "measure",
        pl.lit("environment").alias("kind"),
        pl.col("level").alias("value"),
        "score",
        pl.lit(threshold, pl.Float64).alias("threshold"),
        (pl.col("recent") - far).alias("expectedLow"),
        (pl.col("recent") + far).alias("expectedHigh"),
        pl.struct("moved", "of").alias("sensors"),
        "over",
        pl.col("recent").alias("center"),
    )


def explained(found: pl.DataFrame) -> pl.DataFrame:
    """The findings (`FINDING`) in words.

    "temperature of S1 is 4.1 °C above its city's others, usually -0.3 to 0.2 °C", or "temperature rose by 6.0 °C
    within an hour at 11 of 12 sensors: the environment, not the sensors".
    """
    name, unit = (
        pl.col("measure").replace_strict({key: word[part] for key, word in WORDS.items()}, return_dtype=pl.String)
        for part in (0, 1)
    )
    apart = pl.col("value") - pl.col("center")
    above = pl.when(apart > 0)
    sensor = pl.format(
        "{} of {} is {}{} {} its city's others, usually {} to {}{}",
        name,
        SENSOR_ID,
        _number(apart.abs()),
        unit,
        above.then(pl.lit("above")).otherwise(pl.lit("below")),
        _number(pl.col("expectedLow") - pl.col("center")),
        _number(pl.col("expectedHigh") - pl.col("center")),
        unit,
    )
    environment = pl.format(
        "{} {} by {}{} within an hour at {} of {} sensors: the environment, not the sensors",
        name,
        above.then(pl.lit("rose")).otherwise(pl.lit("fell")),
        _number(apart.abs()),
        unit,
        pl.col("sensors").struct.field("moved"),
        pl.col("sensors").struct.field("of"),
    )
    return found.with_columns(
        pl.when(pl.col("kind") == "sensor").then(sensor).otherwise(environment).alias("explanation"),
        pl.col("value", "expectedLow", "expectedHigh").round(6),
        pl.col("score").round_sig_figs(4),
    ).select(*FINDING)


def _number(value: pl.Expr) -> pl.Expr:
    """The value with the decimals of its measure; no minus before a zero."""
    decimals = {key: word.decimals for key, word in WORDS.items()}
    places = pl.col("measure").replace_strict(decimals, return_dtype=pl.Int64)
    texts = (
        (places == digits, (value.round(digits) + 0.0).cast(pl.Decimal(24, digits)).cast(pl.String))
        for digits in sorted(set(decimals.values()))
    )
    return pl.coalesce(pl.when(fits).then(text) for fits, text in texts)
