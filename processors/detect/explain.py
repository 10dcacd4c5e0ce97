"""Alarms in words: what was measured, what is usual, and why it is told."""

from __future__ import annotations

import polars as pl

from processors.words import WORDS, Word

_WORDS = {**WORDS, "intervalS": Word("interval", " s", 1), "joint": Word("measures together", "", 1)}

_WHY = {
    "limit": "outside what the sensor can measure",
    "stuck": "the same in {score} readings",
    "gap": "{score} times the usual interval, and no reading in between",
    "spike": "{score} standard deviations from the median of late",
    "noise": "{score} times as noisy as usual",
    "drift": "{score} times as far from where it was as it usually wanders",
    "joint": "{score} bits: rare in this combination",
    "surprise": "{score} bits: rare for this sensor",
}
"""Kind -> why it is told."""


def explained(alarms: pl.DataFrame) -> pl.DataFrame:
    """The alarms with `explanation`.

    "humidity 91 %, usually 38 to 52 % (mean of ten steps, Mondays 9 to 10 h UTC); 14 bits: rare for this sensor".
    """
    names = {key: word.name for key, word in _WORDS.items()}
    units = {key: word.unit for key, word in _WORDS.items()}
    name, unit = (pl.col("measure").replace_strict(told, default="") for told in (names, units))
    value, low, high = (_number(column) for column in ("value", "expectedLow", "expectedHigh"))
    what = pl.format("{} {}{}", name, value, unit).fill_null(name)
    usual = pl.format(", usually {} to {}{}", low, high, unit).fill_null("")
    context = pl.col("context")
    for key, plain in names.items():
        context = context.str.replace_all(key, plain, literal=True)
    of_what = pl.format(" ({})", context).fill_null("")
    why = (
        pl.col("kind")
        .replace_strict(_WHY, default="")
        .str.replace("{score}", _text(pl.col("score").round(1)), literal=True)
    )
    return alarms.with_columns(pl.format("{}{}{}; {}", what, usual, of_what, why).alias("explanation"))


def _number(column: str) -> pl.Expr:
    """The value with the decimals of its measure, null where it is null."""
    decimals = pl.col("measure").replace_strict({key: word.decimals for key, word in _WORDS.items()}, default=2)
    number = pl.col(column)
    rounded = pl.when(decimals == 0).then(number.round(0)).when(decimals == 1).then(number.round(1))
    return _text(rounded.otherwise(number.round(2)))


def _text(number: pl.Expr) -> pl.Expr:
    return (number + 0.0).cast(pl.String).str.strip_suffix(".0")
