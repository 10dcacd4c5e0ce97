"""The measures of a sensor together: each alone may be usual, and their combination rare."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.detect.contract import FINDING, Judged, findings
from processors.detect.joint import spread, tail
from processors.detect.joint.blocks import BLOCK, KEPT, OPEN, blocks, remembered, summed
from processors.detect.joint.usual import CARRIED, KEY, NUMBER, distances
from processors.schema import MEASURE_NAMES, SENSOR_ID

TAIL_WEIGHT = 1 / 64
"""Of the latest block in what is remembered of the tail: it is wide for longer than a regime lasts."""

USUAL_DISTANCE: Mapping[int, float] = {2: 2.63, 3: 2.98, 4: 3.26, 5: 3.5}
"""Measures known -> the distance that chi-square exceeds in one row of 32."""

_SUMS = (*spread.REMEMBERED, "rare", "excess")
_ROW = "!row"


class Joint:
    """Score: bits of surprise at the distance of the row's measures from what is usual of them together."""

    kind = "joint"
    version = 1
    in_bits = True

    def __init__(self, threshold: float):
        self.threshold = threshold

    @property
    def carries(self) -> Mapping[str, pl.DataType]:
        """Each sensor's rows so far, what is usual of its measures, the sums of the open block and of those before."""
        return {
            SENSOR_ID: pl.String(),
            "rows": pl.Int64(),
            **CARRIED,
            **{name + OPEN: pl.Int64() for name in _SUMS},
            **{name + KEPT: pl.Float64() for name in _SUMS},
        }

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """See `contract.Detector`."""
        if rows.is_empty():
            return Judged(pl.DataFrame(schema={self.kind: pl.Float64()}), pl.DataFrame(schema=FINDING), state)
        carried = self._carried(rows, state)
        seen, ends = distances(_seen(rows, carried))
        table, seen = blocks(carried, seen)

        scale_sums = summed(table, carried, seen, spread.scale_sums())
        scale_kept = remembered(table, carried, scale_sums, spread.WEIGHT)
        scale = spread.scales(scale_kept)
        seen = spread.nearer_distances(seen, scale)
        spread_sums = summed(table, carried, seen, spread.spread_sums())
        spread_kept = remembered(table, carried, spread.in_units(spread_sums, scale), spread.WEIGHT)
        seen = spread.squared(seen, spread_kept)

        bits = tail.chi_square_bits(pl.col(spread.SQUARE), pl.col(spread.DEGREES)).alias("!bits")
        seen = seen.lazy().with_columns(bits).collect(engine="in-memory")
        tail_sums = summed(table, carried, seen, tail.sums(pl.col("!bits")))
        tail_kept = remembered(table, carried, tail_sums, TAIL_WEIGHT)
        rare, excess = (pl.lit(tail_kept[name] / TAIL_WEIGHT).gather(pl.col(BLOCK)) for name in ("rare", "excess"))
        seen = seen.with_columns(tail.own_bits(pl.col("!bits"), rare, excess / tail.FINE).alias(self.kind))

        sums = pl.concat([scale_sums, spread_sums, tail_sums], how="horizontal")
        kept = pl.concat([scale_kept, spread_kept, tail_kept], how="horizontal")
        following = carried.select(SENSOR_ID, "rows").with_columns(
            pl.col("rows") + seen.group_by(KEY).len().sort(KEY)["len"].cast(pl.Int64)
        )
        last = table[KEY].rle().struct.field("len").cum_sum().cast(pl.Int64) - 1
        following = following.hstack(ends).hstack(
            [*sums[last].rename(lambda name: name + OPEN), *kept[last].rename(lambda name: name + KEPT)]
        )
        others = state.join(following, on=SENSOR_ID, how="anti")
        return Judged(
            seen.select(_ROW, self.kind).sort(_ROW).drop(_ROW),
            self._findings(rows, seen, scale),
            pl.concat([others, following.select(state.columns)]).sort(SENSOR_ID),
        )

    def _carried(self, rows: pl.DataFrame, state: pl.DataFrame) -> pl.DataFrame:
        """What the sensors of these rows carried, in the order of `KEY`; nothing known of those that are new."""
        sensors = rows.select(pl.col(SENSOR_ID).unique().sort())
        zero = [name for name in self.carries if name == "rows" or name.endswith((OPEN, KEPT))]
        known = sensors.join(state, on=SENSOR_ID, how="left", maintain_order="left")
        return known.with_columns(pl.col(zero).fill_null(0)).with_row_index(KEY)

    def _findings(self, rows: pl.DataFrame, seen: pl.DataFrame, scale: pl.DataFrame) -> pl.DataFrame:
        ordered = seen.sort(_ROW)
        found = findings(
            rows,
            ordered[self.kind],
            measure=self.kind,
            kind=self.kind,
            threshold=self.threshold,
            value=ordered[spread.PLAIN].sqrt(),
            low=pl.zeros(len(rows), pl.Float64, eager=True),
            high=ordered[spread.DEGREES].replace_strict(USUAL_DISTANCE, default=None, return_dtype=pl.Float64),
        )
        return found.with_columns(spread.furthest(ordered[found["row"]], scale).alias("context"))


def _seen(rows: pl.DataFrame, carried: pl.DataFrame) -> pl.DataFrame:
    """What each sensor carried, then its rows, by sensor."""
    values = (
        rows.select(SENSOR_ID, *MEASURE_NAMES)
        .with_row_index(_ROW)
        .join(carried.select(SENSOR_ID, KEY, "rows"), on=SENSOR_ID, how="left", maintain_order="left")
        .with_columns(pl.lit(value=False).alias("!carried"))
    )
    before = carried.select(KEY, "rows", *CARRIED, pl.lit(value=True).alias("!carried"))
    seen = pl.concat([before, values.drop(SENSOR_ID)], how="diagonal").sort(KEY, maintain_order=True)
    return seen.with_columns((pl.col("rows") + pl.int_range(pl.len(), dtype=pl.Int64).over(KEY) - 1).alias(NUMBER))
