"""Readings on their way: as their form says, after what describes them, and none refused for another's sake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from processors import document
from processors.document import Origin, description
from processors.form import Form
from processors.leave.pieces import halved
from processors.model import Documents, Refusal, Written
from processors.schema import BUCKET, OBSERVED_AT, PROVISIONAL, ROW_ID, SENSOR_ID
from processors.transform.privacy import Privacy, sanitize
from processors.transform.resolution import rounded

SAID = "said.1"
"""Name under which it is carried which descriptions are in Cosmos."""

_REMEMBERED = 64
"""Descriptions of a sensor; one that is forgotten is only written again."""

Write = Callable[[Callable[[], Iterable[Documents]]], Written]
"""Upserts documents of readings, which are made when it asks; see `sink.Sink.write`."""

REFUSED: dict[str, pl.DataType] = {
    document.ID: pl.String(),
    ROW_ID: pl.Int64(),
    "status": pl.Int64(),
    "why": pl.String(),
}
"""Columns of what was refused; `rowId` is null for what is no reading."""

_SAID = dict.fromkeys((*description.KEY, "to", "day"), pl.String())


@dataclass(frozen=True)
class Departed:
    """What came of sending readings.

    Attributes:
        documents: Of readings, or of what describes them, that were taken.
        held: How many of them were there already.
        refused: Readings that Cosmos will never take (`REFUSED`), by the ids of their own.
        carried: Which descriptions are in Cosmos.
    """

    documents: int
    held: int
    refused: pl.DataFrame
    carried: dict[str, pl.DataFrame]


def depart(
    parts: Sequence[tuple[Form, pl.DataFrame]],
    origin: Origin,
    privacy: Privacy,
    carried: Mapping[str, pl.DataFrame],
    write: Write,
    to: str = "",
) -> Departed:
    """Writes the readings, and before them what they name.

    A bucket that is refused is sent in halves, as often as it takes, until only the reading at fault is left. One with
    readings that are not certain to leave is sent without them, and they are not seen until they are.

    Args:
        parts: See `let_go.LetGo`.
        origin: Where they come from.
        privacy: What must not leave.
        carried: `Departed.carried` of the readings before.
        write: To Cosmos.
        to: Where that is: what was said elsewhere is said again.
    """
    total = Written()
    refusals = [pl.DataFrame(schema=REFUSED)]
    said = said_by(carried).filter(pl.col("to") == to)
    for form, rows in parts:
        pending = as_they_leave(rows, form, privacy)
        if form.descriptions == "once" and not pending.is_empty():
            pending, said, written = _described(pending, origin, said, write, to)
            total += written
        while not pending.is_empty():
            written = write(partial(document.leaving, pending, origin, form))
            total += replace(written, refused=())
            refused, pending = _at_fault(pending, written.refused)
            refusals.append(refused)
    kept = {} if said.is_empty() else {SAID: said.group_by(SENSOR_ID, maintain_order=True).tail(_REMEMBERED)}
    return Departed(total.documents, total.held, pl.concat(refusals), kept)


def as_they_leave(rows: pl.DataFrame, form: Form, privacy: Privacy) -> pl.DataFrame:
    """The rows at the stage and the resolution of their form; `source` of the stage `raw` is as it was read."""
    if form.stage == "raw":
        return rows
    hidden = sanitize(rows, privacy) if form.stage == "sanitized" else rows
    return rounded(hidden, form.resolution)


def _described(
    rows: pl.DataFrame, origin: Origin, said: pl.DataFrame, write: Write, to: str
) -> tuple[pl.DataFrame, pl.DataFrame, Written]:
    """The rows as they name what is in Cosmos, which that is, and what came of writing what was not.

    A description is written once for each day that rows are of, lest one that somebody has deleted stays away for long.
    Readings whose description is refused say it themselves: then it is known of each whether it is refused.
    """
    rows, descriptions = description.apart(rows)
    day = str(rows[OBSERVED_AT].max())[:10]
    today = said.filter(pl.col("day") == day)
    new = descriptions.join(today, on=description.KEY, how="anti", maintain_order="left")
    written = write(partial(document.descriptions, new, origin)) if len(new) else Written()
    names = [refusal.document_id.rpartition("-d")[2] for refusal in written.refused]
    there = new.filter(~pl.col(document.DESCRIBED).is_in(names)).select(
        *description.KEY, to=pl.lit(to), day=pl.lit(day)
    )
    said = pl.concat([today, there])
    known = said.join(descriptions, on=description.KEY, how="semi")
    return description.shortened(rows, known), said, replace(written, refused=())


def said_by(carried: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Which descriptions were said, and where; nothing where another version has written it down."""
    said = carried.get(SAID)
    return said if said is not None and said.schema == pl.Schema(_SAID) else pl.DataFrame(schema=_SAID)


def _at_fault(rows: pl.DataFrame, refused: Sequence[Refusal]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Readings that are refused (`REFUSED`), and those that may only have been in their company."""
    told = pl.DataFrame(
        [(each.document_id, each.status, each.why) for each in refused],
        schema={"document": pl.String, "status": pl.Int64, "why": pl.String},
        orient="row",
    )
    holding = rows.with_columns(document.holding(rows)[document.ID].alias("document"))
    found = holding.join(told, on="document").with_columns(pl.len().over("document").alias("count"))
    company = found.filter(pl.col("count") > 1, pl.col(BUCKET).is_not_null())
    alone = found.filter((pl.col("count") == 1) | pl.col(BUCKET).is_null())
    return alone.select(*REFUSED), _parted(company.select(rows.columns))


def _parted(company: pl.DataFrame) -> pl.DataFrame:
    """In halves; but what is not certain to leave must not part the others, so they are tried without it first."""
    if PROVISIONAL not in company.columns:
        return halved(company)
    uncertain = pl.col(PROVISIONAL).is_not_null()
    mixed = uncertain.any().over(SENSOR_ID, BUCKET)
    return pl.concat([company.filter(mixed, ~uncertain), halved(company.filter(~mixed))])
