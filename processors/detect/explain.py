"""Alarms in words: what was measured, what is usual, and why it is told."""

from __future__ import annotations

import polars as pl

from processors.schema import OBSERVED_AT

_NAMES = {
    "temperatureC": ("temperature", "°C", 1),
    "humidityPct": ("humidity", "%", 1),
    "pressurePa": ("pressure", "Pa", 0),
    "vibrationMmS": ("vibration", "mm/s", 2),
    "voltageV": ("voltage", "V", 2),
    "intervalS": ("interval", "s", 1),
    "joint": ("measures together", "", 1),
}
"""Measure -> its name, its unit and the decimals that a person reads."""

_WHY = {
    "limit": "outside what the sensor can measure",
    "stuck": "the same in {score} readings",
    "gap": "{score} times the usual interval, and no reading in between",
    "spike": "{score} standard deviations from the median of late",
    "noise": "{score} times as noisy as usual",
    "drift": "{score} times as far from where it was as it usually wanders",
    "joint": "{score} bits: rare in this combination",
    "surprise": "{score} bits: rare on {day} at {hour} h UTC",
}
"""Kind -> why it is told."""


def explained(alarms: pl.DataFrame) -> pl.DataFrame:
    """The alarms with `explanation`: "humidity 91 %, usually 38 to 52 %; 14 bits: rare on Mondays at 9 h UTC"."""
    measure, kind, score = pl.col("measure"), pl.col("kind"), pl.col("score")
    name, unit = (
        measure.replace_strict({key: told[part] for key, told in _NAMES.items()}, default="") for part in (0, 1)
    )
    value, low, high = (_number(column) for column in ("value", "expectedLow", "expectedHigh"))
    space = pl.when(unit != "").then(pl.lit(" ")).otherwise(pl.lit(""))
    what = pl.format("{} {}{}{}", name, value, space, unit)
    usual = pl.format(", usually {} to {}{}{}", low, high, space, unit).fill_null("")
    why = kind.replace_strict(_WHY, default="")
    for mark, text in (
        ("{score}", _text(score.round(1))),
        ("{day}", pl.format("{}s", pl.col(OBSERVED_AT).dt.strftime("%A"))),
        ("{hour}", pl.col(OBSERVED_AT).dt.hour().cast(pl.String)),
    ):
        why = why.str.replace(mark, text, literal=True)
    return alarms.with_columns(pl.format("{}{}; {}", what.fill_null(name), usual, why).alias("explanation"))


def _number(column: str) -> pl.Expr:
    """The value with the decimals of its measure, null where it is null."""
    decimals = pl.col("measure").replace_strict({key: told[2] for key, told in _NAMES.items()}, default=2)
    number = pl.col(column)
    rounded = pl.when(decimals == 0).then(number.round(0)).when(decimals == 1).then(number.round(1))
    return _text(rounded.otherwise(number.round(2)))


def _text(number: pl.Expr) -> pl.Expr:
    return (number + 0.0).cast(pl.String).str.strip_suffix(".0")
