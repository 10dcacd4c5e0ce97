"""What of a generation's readings should be in Cosmos, and why: by the forms that they were taken in with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import polars as pl

from processors.form import Form, form_of
from processors.schema import ROW_ID
from processors.verify.gone import Gone
from processors.verify.lookup import IN_BUCKET, WANTED
from processors.verify.stretches import FORM
from processors.verify.waits import Waits

DUE = "!due"
"""Column: why a reading should be in Cosmos, or why it need not be."""

MARKED = "!marked"
"""Column: whether its document says `provisional`, null where it may or may not."""

PRIVACY = "!privacy"
"""Column: what was hidden of it when it left (`Manifest.privacy` as JSON), null where that is not known."""

OWN = (DUE, MARKED, PRIVACY, FORM)
"""Columns that are no reading's."""

LEFT = "left"
EXPIRED = "expired"
SHOWN = "shown"
LOST = "lost"
HELD = "held"
LEFT_OUT = "left out"
AGGREGATED = "aggregated"
REFUSED = "refused"

DEMANDED = (LEFT, SHOWN, LOST)
"""Of these Cosmos must have a document; of the others, but for those aggregated or refused, it may."""

SENT = (*DEMANDED, EXPIRED, HELD, LEFT_OUT)
"""What may be in Cosmos."""

WHY = {
    LEFT: "its row was taken in, and Cosmos does not have it",
    SHOWN: "it waits for its bucket to be full and was sent meanwhile, and Cosmos does not have it",
    LOST: "its row was taken in, and it has neither left nor does it wait",
}

UNKNOWN = ", unless it was left out or taken in at the stage aggregated: the archive does not tell"


def with_due(kept: pl.DataFrame, rejects: Mapping[int, Sequence[str]], gone: Gone, waits: Waits | None) -> pl.DataFrame:
    """The readings with `DUE`, `MARKED` and `PRIVACY`.

    Args:
        kept: Readings with `FORM`, in id order.
        rejects: Of their batches.
        gone: What has left.
        waits: What waits, of a moment before `gone` was made; None when that is not known.
    """
    ids = kept[ROW_ID]
    none = pl.Series([], dtype=pl.Int64)
    held = ids.is_in((none if waits is None else waits.held).implode())
    shown = ids.is_in((none if waits is None else waits.shown).implode())
    counted = (ids <= waits.position) if waits is not None else pl.repeat(value=False, n=len(ids), eager=True)
    forms = {text: decoded(text) for text in kept[FORM].unique()}
    aggregated = [text for text, form in forms.items() if form is not None and form.stage == "aggregated"]
    whole = [text for text, form in forms.items() if form is not None and form.send == "all"]
    known = pl.col(FORM).is_not_null()
    due = (
        pl.when(gone.refused(ids, rejects))
        .then(pl.lit(REFUSED))
        .when(pl.col(FORM).is_in(aggregated))
        .then(pl.lit(AGGREGATED))
        .when(gone.expired(ids) & (known | ~held))
        .then(pl.lit(EXPIRED))
        .when(gone.has(ids) & (known | ~held))
        .then(pl.lit(LEFT))
        .when(shown)
        .then(pl.lit(SHOWN))
        .when(held)
        .then(pl.lit(HELD))
        .when(~known)
        .then(pl.lit(LEFT))
        .when(~pl.col(FORM).is_in(whole))
        .then(pl.lit(LEFT_OUT))
        .when(counted)
        .then(pl.lit(LOST))
        .otherwise(pl.lit(HELD))
    )
    doors = [text for text, form in forms.items() if form is not None and form.swinging_door]
    decided = counted & pl.repeat(gone.is_whole, len(ids), eager=True)
    marked = (
        pl.when(pl.col(DUE).is_in([LEFT, EXPIRED]) & known)
        .then(statement=False)
        .when((pl.col(DUE) == LEFT_OUT) & pl.col(FORM).is_in(doors) & decided)
        .then(statement=True)
    )
    private = pl.when(pl.col(DUE).is_in([LEFT, EXPIRED])).then(gone.privacy(ids))
    return kept.with_columns(due.alias(DUE)).with_columns(marked.alias(MARKED), private.alias(PRIVACY))


def asked(known: pl.DataFrame) -> list[pl.Series]:
    """How readings are to be looked for: `WANTED` and `IN_BUCKET`.

    Args:
        known: Readings with `DUE` and `FORM`.
    """
    forms = {text: decoded(text) for text in known[FORM].unique()}
    texts = [text for text, form in forms.items() if form is not None]
    shapes = [form.bucket_rows > 1 for form in forms.values() if form is not None]
    in_bucket = known[FORM].replace_strict(texts, shapes, default=None, return_dtype=pl.Boolean)
    return [known[DUE].is_in(DEMANDED).alias(WANTED), in_bucket.alias(IN_BUCKET)]


def decoded(text: str | None) -> Form | None:
    """The form that a row was taken in with."""
    return None if text is None else form_of(json.loads(text))
