"""Detectors: rows and state in, a score for each measure and state out.

A score is null where the detector cannot tell ("unknown"), and an anomaly where it reaches the detector's
threshold. A detector is exact under any split of the same rows into calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import polars as pl

from processors.detect.limit import Limit
from processors.detect.robust_z import RobustZ
from processors.detect.stuck import Stuck
from processors.schema import IS_ANOMALY, MEASURES, OBSERVED_AT, ROW_ID, SENSOR_ID

State = Mapping[str, pl.DataFrame]
"""Kind of detector -> what it carries from call to call."""


class Detector(Protocol):
    """What finds one kind of anomaly."""

    @property
    def kind(self) -> str:
        """Name in documents and state."""
        ...

    @property
    def threshold(self) -> float:
        """Scores from here on are anomalies."""
        ...

    def score(self, rows: pl.DataFrame, state: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Scores of the rows, and the state for the rows that follow.

        Args:
            rows: Conformed rows of one generation in id order.
            state: What the call before returned; None at the start of a generation.

        Returns:
            One Float64 column for each measure, named as the measure, one row a row; then the state.
        """
        ...


def detectors(
    *, robust_z_threshold: float, stuck_rows: int, limits: Mapping[str, tuple[float, float]]
) -> Sequence[Detector]:
    """The detectors in the order in which their anomalies are listed."""
    return (Limit(limits), RobustZ(robust_z_threshold), Stuck(stuck_rows))


def detect(rows: pl.DataFrame, state: State, using: Sequence[Detector]) -> tuple[pl.DataFrame, pl.DataFrame, State]:
    """The rows with `isAnomaly`, their anomalies, and the state for the rows that follow.

    `isAnomaly` is true when a detector found one, false when all that could tell found none for at least one
    measure, null when none could tell.

    Returns:
        Rows; anomalies, one for each row, measure and kind (`rowId`, `sensorId`, `observedAt`, `measure`,
        `kind`, `value`, `score`, `threshold`), in id order; state.
    """
    found: list[pl.DataFrame] = []
    verdicts: list[pl.Series] = []
    following: dict[str, pl.DataFrame] = {}
    for detector in using:
        scores, following[detector.kind] = detector.score(rows, state.get(detector.kind))
        hits = scores.select(pl.all() >= detector.threshold)
        verdicts += [hit.alias(f"{detector.kind}.{hit.name}") for hit in hits]
        found += [
            rows.filter(hits[field.name]).select(
                ROW_ID,
                SENSOR_ID,
                OBSERVED_AT,
                measure=pl.lit(field.name),
                kind=pl.lit(detector.kind),
                value=field.name,
                score=scores[field.name].filter(hits[field.name]).round_sig_figs(4),
                threshold=pl.lit(detector.threshold, pl.Float64),
            )
            for field in MEASURES
        ]
    known = pl.DataFrame(verdicts)
    is_anomaly = known.select(
        pl.when(pl.any_horizontal(pl.all().fill_null(value=False)))
        .then(statement=True)
        .when(pl.any_horizontal(pl.all().is_not_null()))
        .then(statement=False)
    ).to_series()
    anomalies = pl.concat(found).sort(ROW_ID, maintain_order=True)
    return rows.with_columns(is_anomaly.alias(IS_ANOMALY)), anomalies, following
