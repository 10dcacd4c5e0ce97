"""Windows that left before and leave again, because a reading came late: they take the place of what is there."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors import document
from processors.containers import AGGREGATES
from processors.model import Batch
from processors.pipeline import Sends
from processors.pipeline.let_go import Judged
from processors.pipeline.refine import WINDOW, Refined
from processors.pipeline.send import Sent
from processors.rehearsal.counting import Counting
from processors.schema import SENSOR_ID, WINDOW_START
from processors.transform.aggregate import WINDOW_S, accumulate, summarize
from processors.transform.watermark import WATERMARK, watermarks


class Remembering:
    """Tells the sink of such windows, and sends."""

    def __init__(self, sender: Sends, sink: Counting) -> None:
        self._sender = sender
        self._sink = sink

    def send(self, batch: Batch, judged: Judged, windows: pl.DataFrame) -> Sent:
        """See `pipeline.Sends`."""
        again = _again(judged.refined, windows, judged.carried)
        for group in document.aggregates(summarize(again), judged.origin, WINDOW_S):
            self._sink.holds(AGGREGATES, [str(item[document.ID]) for item in group.items])
        return self._sender.send(batch, judged, windows)


def _again(refined: Refined, windows: pl.DataFrame, carried: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Windows that were closed before this batch, and have readings of before."""
    before = watermarks(carried.get(WATERMARK))
    closed = windows.join(before, on=SENSOR_ID).filter(pl.col(WINDOW_START) + WINDOW <= pl.col(WATERMARK))
    if closed.is_empty():
        return windows.clear()
    own = accumulate(refined.rows).select(SENSOR_ID, WINDOW_START, pl.col("count").alias("own"))
    known = closed.join(own, on=[SENSOR_ID, WINDOW_START], how="left")
    return known.filter(pl.col("count") > pl.col("own").fill_null(0)).select(windows.columns)
