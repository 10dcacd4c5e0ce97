"""Where a measure leaves the band around a value that was sent."""

from __future__ import annotations

import polars as pl


def first_beyond(values: pl.Series, band: float, within_rows: int) -> pl.Series:
    """For each row the first one after it whose value differs by more than the band, Int64.

    One that is further off than `within_rows` may be given as another row further off than that, or as their number.

    The extremes of the next 1, 2, 4, ... rows are compared, from the widest stretch to the narrowest: each that is
    wholly in the band is passed over.

    Args:
        values: Without nulls.
        band: Above 0.
        within_rows: How far it matters.
    """
    rows = len(values)
    highest, lowest = [values], [values]
    while (width := 2 ** (len(highest) - 1)) < min(within_rows, rows):
        frame = pl.DataFrame({"high": highest[-1], "low": lowest[-1]})
        # Beyond the end nothing leaves the band: the extremes of what is left of a stretch are those of the stretch.
        wider = frame.select(
            pl.max_horizontal("high", pl.col("high").shift(-width)),
            pl.min_horizontal("low", pl.col("low").shift(-width)),
        )
        highest.append(wider["high"])
        lowest.append(wider["low"])
    at = pl.select(pl.int_range(1, rows + 1)).to_series()
    for level in reversed(range(len(highest))):
        place = at.clip(upper_bound=rows - 1)
        inside = (highest[level].gather(place) - values <= band) & (values - lowest[level].gather(place) <= band)
        at = at.zip_with(~inside, at + 2**level)
    return at.clip(upper_bound=rows)
