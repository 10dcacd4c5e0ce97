"""Columns made from others."""

from __future__ import annotations

import polars as pl

from processors.schema import MONTH, OBSERVED_AT

DEW_POINT = "dewPointC"

_MAGNUS_A = 17.625
_MAGNUS_B_C = 243.04


def derive(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `month` and `dewPointC`."""
    return rows.with_columns(month().alias(MONTH), dew_point_c().alias(DEW_POINT))


def month() -> pl.Expr:
    """UTC month of the reading as `YYYY-MM`: the last level of the partition key."""
    return pl.col(OBSERVED_AT).dt.strftime("%Y-%m")


def dew_point_c() -> pl.Expr:
    """Dew point in degrees Celsius, two decimals; null where humidity is not in (0, 100] or air not in range.

    Magnus form, within 0.4 °C from -40 to 50 °C: Alduchov and Eskridge (1996), "Improved Magnus form
    approximation of saturation vapor pressure", doi:10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2.
    """
    temperature, humidity = pl.col("temperatureC"), pl.col("humidityPct")
    gamma = (humidity / 100).log() + _MAGNUS_A * temperature / (_MAGNUS_B_C + temperature)
    known = humidity.is_between(0, 100, closed="right") & temperature.is_between(-40, 50)
    return pl.when(known).then((_MAGNUS_B_C * gamma / (_MAGNUS_A - gamma)).round(2))
