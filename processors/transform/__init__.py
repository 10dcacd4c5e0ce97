"""The ordered list of transforms: what every row goes through before it is looked at."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.transform.clean import clean
from processors.transform.derive import derive
from processors.transform.duplicates import flag_duplicates

_DUPLICATES = "duplicates"


def transform(rows: pl.DataFrame, carried: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The rows, cleaned, with derived columns and flags; and what to carry to the rows that follow.

    Args:
        rows: Conformed rows of one generation in id order.
        carried: What the call before returned; empty at the start of a generation.
    """
    flagged, repeats = flag_duplicates(derive(clean(rows)), carried.get(_DUPLICATES))
    return flagged, {_DUPLICATES: repeats}
