"""What a detector is: rows and state in; scores, findings and state out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

FINDING: dict[str, pl.DataType] = {
    "row": pl.UInt32(),
    "measure": pl.String(),
    "kind": pl.String(),
    "value": pl.Float64(),
    "score": pl.Float64(),
    "threshold": pl.Float64(),
    "expectedLow": pl.Float64(),
    "expectedHigh": pl.Float64(),
    "context": pl.String(),
}
"""Columns of findings: `row` counts the rows judged from 0, `measure` is what `value` is of and names its unit.

`expectedLow` and `expectedHigh` bound what is usual, in the unit of the measure; null where nothing is known of it.
`context` says of what the value and the range are where that is not the measure at any time, or is null.
"""


@dataclass(frozen=True)
class Judged:
    """What a detector says of rows.

    Attributes:
        scores: One Float64 column for each thing that it looks at, one row a row; null where it cannot tell.
        findings: The rows whose score reached the threshold (`FINDING`), for as long as it does.
        state: For the rows that follow.
    """

    scores: pl.DataFrame
    findings: pl.DataFrame
    state: pl.DataFrame


class Detector(Protocol):
    """What finds one kind of anomaly, exact under any split of the same rows into calls.

    Attributes:
        kind: Of its findings; also the name of its state.
        version: Of its state: one of another version is learned anew.
        carries: Columns of its state.
        in_bits: Scores are bits of surprise, so that what is said to be rare can be held to it: see `alarm`.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102 - said above, like the next ones
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def carries(self) -> Mapping[str, pl.DataType]: ...  # noqa: D102
    @property
    def in_bits(self) -> bool: ...  # noqa: D102

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """Scores the rows.

        Args:
            rows: Transformed rows of one generation in id order.
            state: What the call before returned; without rows at the start of a generation.
        """
        ...


def findings(
    rows: pl.DataFrame,
    scores: pl.Series,
    *,
    measure: str,
    kind: str,
    threshold: float | pl.Series,
    value: str | pl.Series | None = None,
    low: pl.Series | float | None = None,
    high: pl.Series | float | None = None,
) -> pl.DataFrame:
    """The rows of one measure whose score reaches the threshold (`FINDING`).

    Args:
        rows: That were judged.
        scores: One a row.
        measure: What was looked at.
        kind: Of the findings.
        threshold: Scores from here on are findings, for all rows or one a row.
        value: What was measured, as a column of `rows` or one a row; None for the column named as the measure.
        low: Least usual value, for all rows or one a row; None where nothing is known of it.
        high: Greatest usual value, likewise.
    """
    hit = (scores >= threshold).fill_null(value=False)
    if not hit.any():
        return pl.DataFrame(schema=FINDING)
    values = rows[measure if value is None else value] if not isinstance(value, pl.Series) else value
    bounds = [bound.filter(hit) if isinstance(bound, pl.Series) else pl.lit(bound, pl.Float64) for bound in (low, high)]
    return pl.select(
        row=hit.arg_true(),
        measure=pl.lit(measure),
        kind=pl.lit(kind),
        value=values.filter(hit),
        score=scores.filter(hit),
        threshold=threshold.filter(hit) if isinstance(threshold, pl.Series) else pl.lit(threshold, pl.Float64),
        expectedLow=bounds[0],
        expectedHigh=bounds[1],
        context=pl.lit(None, pl.String),
    ).cast(FINDING)  # type: ignore[arg-type]
