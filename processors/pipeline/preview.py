"""The newest windows of a database before their turn, so that dashboards see today while a backlog goes up.

They come from the last rows of the table, of which the pipeline has not seen those before, so they are marked and
expire by themselves; nothing of them enters archive or checkpoint. When their turn comes the exact document has the
same id and takes their place.
"""

from __future__ import annotations

import polars as pl

from processors import document
from processors.conform import conform
from processors.containers import AGGREGATES
from processors.document import Origin
from processors.model import Branch
from processors.pipeline import Opened, Sink
from processors.pipeline.refine import WINDOW
from processors.schema import IS_ANOMALY, OBSERVED_AT, PROVISIONAL, SENSOR_ID, TIMESTAMP_TYPE, WINDOW_START
from processors.transform.aggregate import WINDOW_S, accumulate, merge, summarize
from processors.transform.watermark import WATERMARK, watermarks, witness

EVERY_S = 60.0
"""As often as windows close, and never in a drain that is quicker."""

LONGEST_S = 1_800.0
"""How far back a preview reaches at most: 30 windows of a sensor."""

TTL_S = 21_600
"""Seconds until a preview expires that no exact document has replaced: the drain takes long, or its rows are gone."""


def preview(opened: Opened, sink: Sink, branch: Branch, past_s: float) -> None:
    """Upserts the newest windows of a database's sensors; only the sink's meter counts them.

    Memory is bounded by a page. A window goes up once it is closed, like an exact one, and never over one that has
    left already. Anomalies are not counted: a detector has to see all rows before.

    Args:
        opened: The database.
        sink: Where they go.
        branch: Life of the database, and how far it has been taken in.
        past_s: Windows that closed in so many seconds before the newest reading.

    Raises:
        SourceError: The table can no longer be read.
        ProcessorError: Of the checkpoint or the sink.
        Stopped: The run was asked to end.
    """
    windows = _newest(opened, branch, min(past_s, LONGEST_S))
    provisional = summarize(windows).with_columns(
        pl.lit(None).alias("anomalies"),
        pl.lit(value=True).alias(PROVISIONAL),
        pl.lit(TTL_S).alias("ttl"),
    )
    origin = Origin(opened.database.city, branch.generation)
    sink.write(AGGREGATES, document.aggregates(provisional, origin, WINDOW_S))


def _newest(opened: Opened, branch: Branch, past_s: float) -> pl.DataFrame:
    """Accumulators of the newest windows that are closed, as far as the end of the table tells."""
    source, checkpoint, recipe = opened.source, opened.checkpoint, opened.recipe
    last_id = source.extent().last_id
    after = branch.position if last_id is None else max(branch.position, last_id - recipe.page_rows)
    rows = source.page(after, recipe.page_rows, anchor=branch.anchors[-1])
    valid = conform(rows, default_zone=recipe.default_zone).valid
    own = accumulate(valid.with_columns(pl.lit(None, pl.Boolean).alias(IS_ANOMALY)))
    seen = checkpoint.carried(branch.generation).get(WATERMARK)
    spans = (
        watermarks(witness(valid, seen))
        .join(watermarks(seen).rename({WATERMARK: "left"}), on=SENSOR_ID, how="left")
        .join(_first(valid, gap=after > branch.position), on=SENSOR_ID)
        .select(SENSOR_ID, first=_after(past_s), last=pl.col(WATERMARK) - WINDOW)
    )
    start = pl.col(WINDOW_START)
    newest = own.join(spans, on=SENSOR_ID).filter(start.is_between("first", "last")).select(own.columns)
    return merge(checkpoint.windows(branch.generation, spans), newest)


def _first(valid: pl.DataFrame, *, gap: bool) -> pl.DataFrame:
    """The `cut` of each sensor: the window of its first row has rows before it, if there is a gap; else null."""
    cut = pl.col(OBSERVED_AT).first() if gap else pl.lit(None, TIMESTAMP_TYPE)
    return valid.group_by(SENSOR_ID, maintain_order=True).agg(cut.alias("cut"))


def _after(past_s: float) -> pl.Expr:
    """The least start of a window to show: new since `past_s`, with a window to spare, not left, and whole."""
    shown = pl.col(WATERMARK) - WINDOW - pl.duration(seconds=past_s + WINDOW_S)
    return pl.max_horizontal(shown, pl.col("left") - WINDOW, "cut") + pl.duration(microseconds=1)
