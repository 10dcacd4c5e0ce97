"""The order of stages, known to no other file.

    source -> conform -> transform -> detect -> document -> sink -> archive -> checkpoint

The archive is the log that the checkpoint follows. A batch is archived only after Cosmos has taken it, and the
checkpoint moves only after that; so whatever the archive holds beyond the checkpoint, because a run was killed
or because the checkpoint is gone, is folded into the state from there and not sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import polars as pl

from processors import document, lineage
from processors.archive import Archive, Manifest
from processors.checkpoint import Checkpoint
from processors.conform import conform
from processors.detect import Detector, detect
from processors.document import Origin
from processors.errors import ArchiveError
from processors.model import Anchor, Batch, Branch, Database, Documents, Extent, Refusal, Written
from processors.containers import AGGREGATES, ANOMALIES
from processors.schema import READING, ROW_ID, SENSOR_ID, WINDOW_START
from processors.source import Source, anchor_of
from processors.transform.aggregate import WINDOW_S, accumulate, merge, summarize
from processors.transform.clean import clean
from processors.transform.derive import derive
from processors.transform.duplicates import flag_duplicates
from processors.transform.privacy import Privacy, sanitize
from processors.transform.watermark import WATERMARK, watermarks, witness

WINDOW = pl.duration(seconds=WINDOW_S)


class Sink(Protocol):
    """Where documents go; see `sink.Sink`."""

    def write(self, container: str, documents: Iterable[Documents]) -> Written:
        """Upserts them all, or raises."""
        ...


@dataclass(frozen=True)
class Recipe:
    """What a run does to rows, the same for every database of a city.

    Attributes:
        page_rows: Rows of a batch.
        default_zone: IANA zone of stamps that say none.
        stage: How far readings are refined before they leave: raw, schematized, sanitized or aggregated.
        privacy: What must not leave.
        detectors: In the order in which anomalies are listed.
        readings: Name of the container of readings.
    """

    page_rows: int
    default_zone: str
    stage: str
    privacy: Privacy
    detectors: Sequence[Detector]
    readings: str


@dataclass(frozen=True)
class Taken:
    """What came of one batch, or of many."""

    rows: int = 0
    readings: int = 0
    aggregates: int = 0
    anomalies: int = 0
    rejects: Mapping[str, int] = field(default_factory=dict)
    rejected: int = 0
    request_units: float | None = None
    notices: tuple[str, ...] = ()

    def __add__(self, other: Taken) -> Taken:
        """Both together; a charge that neither states stays None."""
        charges = [taken.request_units for taken in (self, other) if taken.request_units is not None]
        rules = self.rejects.keys() | other.rejects.keys()
        return Taken(
            rows=self.rows + other.rows,
            readings=self.readings + other.readings,
            aggregates=self.aggregates + other.aggregates,
            anomalies=self.anomalies + other.anomalies,
            rejects={rule: self.rejects.get(rule, 0) + other.rejects.get(rule, 0) for rule in sorted(rules)},
            rejected=self.rejected + other.rejected,
            request_units=sum(charges) if charges else None,
            notices=(*self.notices, *other.notices),
        )


@dataclass(frozen=True)
class Refined:
    """A batch after transform and detect, with what the next batch needs."""

    rows: pl.DataFrame
    anomalies: pl.DataFrame
    windows: pl.DataFrame
    carried: Mapping[str, pl.DataFrame]


def take_in(
    database: Database, source: Source, checkpoint: Checkpoint, archive: Archive, sink: Sink, recipe: Recipe
) -> Iterator[Taken]:
    """Takes in what is new in a database, batch by batch; each batch is safe when it is yielded.

    Raises:
        ProcessorError: From the stage that failed; the position is where the last yielded batch ended.
    """
    known, notices = _catch_up(database, source, checkpoint, archive, recipe)
    if notices:
        yield Taken(notices=tuple(notices))
    branch = lineage.place(database, known, _Evidence(source, archive, known, recipe))
    if branch is None:
        return
    if branch not in known:
        archive.announce(branch)
        checkpoint.add(database.sensor, branch)
    carried: Mapping[str, pl.DataFrame] = checkpoint.carried(branch.generation)
    while True:
        tip = branch.anchors[-1]
        rows = source.page(branch.position, recipe.page_rows, anchor=tip if tip["id"] == branch.position else None)
        if rows.is_empty():
            return
        batch = Batch(database, branch.generation, int(rows["id"][0]), int(rows["id"][-1]), rows)
        ends = (anchor_of(rows, 0), anchor_of(rows, -1))
        conformed = conform(rows, default_zone=recipe.default_zone)
        refined = _refine(conformed.valid, carried, checkpoint, branch.generation, recipe)
        written, refused = _send(batch, refined, carried, checkpoint, sink, recipe)
        rejects = pl.concat([conformed.rejects, refused])
        archive.write(batch, branch.position, conformed.valid, rejects, ends)
        branch = lineage.advance(branch, batch.last_id, ends[-1])
        checkpoint.advance(database.sensor, branch, refined.carried, refined.windows)
        carried = refined.carried
        yield replace(written, rows=len(rows), rejected=len(rejects), rejects=_by_rule(rejects))


def _refine(
    valid: pl.DataFrame, carried: Mapping[str, pl.DataFrame], checkpoint: Checkpoint, generation: str, recipe: Recipe
) -> Refined:
    """Transform and detect; `windows` are the accumulators that these rows changed."""
    rows, repeated = flag_duplicates(derive(clean(valid)), carried.get("duplicates"))
    rows, found, states = detect(rows, carried, recipe.detectors)
    own = accumulate(rows)
    start = pl.col(WINDOW_START)
    stored = checkpoint.windows(generation, own.select(SENSOR_ID, start.alias("first"), start.alias("last")))
    return Refined(
        rows=rows,
        anomalies=found,
        windows=merge(stored, own),
        carried={"duplicates": repeated, WATERMARK: witness(rows, carried.get(WATERMARK)), **states},
    )


def _closed(
    refined: Refined, carried: Mapping[str, pl.DataFrame], checkpoint: Checkpoint, generation: str
) -> pl.DataFrame:
    """Windows that leave with this batch: changed ones that are closed, and those that it closes."""
    before = watermarks(carried.get(WATERMARK)).rename({WATERMARK: "before"})
    now = watermarks(refined.carried[WATERMARK]).join(before, on=SENSOR_ID, how="left")
    spans = now.filter(pl.col(WATERMARK).ne_missing(pl.col("before"))).select(
        SENSOR_ID,
        first=(pl.col("before") - WINDOW + pl.duration(microseconds=1)).fill_null(pl.datetime(1, 1, 1, time_zone="UTC")),
        last=pl.col(WATERMARK) - WINDOW,
    )
    waiting = checkpoint.windows(generation, spans).join(refined.windows, on=[SENSOR_ID, WINDOW_START], how="anti")
    changed = refined.windows.join(now, on=SENSOR_ID).filter(pl.col(WINDOW_START) + WINDOW <= pl.col(WATERMARK))
    return pl.concat([waiting, changed.select(waiting.columns)])


def _send(
    batch: Batch, refined: Refined, carried: Mapping[str, pl.DataFrame], checkpoint: Checkpoint, sink: Sink, recipe: Recipe
) -> tuple[Taken, pl.DataFrame]:
    """Writes what leaves; also the documents that Cosmos will never take, as rejects."""
    origin = Origin(batch.database.city, batch.generation)
    rows = document.identify(refined.rows, origin)
    windows = summarize(_closed(refined, carried, checkpoint, batch.generation))
    readings = Written()
    if recipe.stage != "aggregated":
        body = sanitize(rows, recipe.privacy) if recipe.stage == "sanitized" else rows
        readings = sink.write(recipe.readings, document.readings(body, origin, recipe.stage))
    anomalies = sink.write(ANOMALIES, document.anomalies(refined.anomalies, origin))
    aggregates = sink.write(AGGREGATES, document.aggregates(windows, origin, WINDOW_S))
    taken = Taken(
        readings=readings.documents,
        aggregates=aggregates.documents,
        anomalies=anomalies.documents,
        request_units=(readings + anomalies + aggregates).request_units,
    )
    return taken, _refusals((*readings.refused, *anomalies.refused, *aggregates.refused), rows)


def _refusals(refused: Sequence[Refusal], rows: pl.DataFrame) -> pl.DataFrame:
    """Refused documents as rejects; `rowId` is null for one that is not a reading's."""
    listed = pl.DataFrame(
        [(refusal.document_id, refusal.status, refusal.why) for refusal in refused],
        schema={document.ID: pl.String, "status": pl.Int64, "why": pl.String},
        orient="row",
    )
    return listed.join(rows.select(document.ID, ROW_ID), on=document.ID, how="left").select(
        ROW_ID,
        rules=pl.concat_list(pl.format("accepted_by_cosmos_{}", "status")),
        odd=pl.concat_list("why"),
        row=pl.struct(document.ID).struct.json_encode(),
    )


def _by_rule(rejects: pl.DataFrame) -> dict[str, int]:
    """Name of a rule -> rows that broke it."""
    return dict(rejects["rules"].explode().value_counts().sort("rules").rows())


def _catch_up(
    database: Database, source: Source, checkpoint: Checkpoint, archive: Archive, recipe: Recipe
) -> tuple[list[Branch], list[str]]:
    """The known branches, each moved to where its archive ends; and what a person should know."""
    known = checkpoint.branches(database.sensor)
    names = {branch.generation for branch in known}
    for branch in archive.generations():
        if branch.generation not in names:
            checkpoint.add(database.sensor, branch)
            known.append(branch)
    notices: list[str] = []
    caught_up = []
    for branch in known:
        archive.announce(branch)
        carried: Mapping[str, pl.DataFrame] = checkpoint.carried(branch.generation)
        while manifest := archive.next_manifest(branch.generation, branch.position):
            valid, notice = _archived(manifest, source, archive, recipe)
            notices += notice
            refined = _refine(valid, carried, checkpoint, branch.generation, recipe)
            carried = refined.carried
            last = manifest.anchors[-1] if manifest.anchors else branch.anchors[-1]
            branch = lineage.advance(branch, manifest.last_id, last)
            checkpoint.advance(database.sensor, branch, refined.carried, refined.windows)
        caught_up.append(branch)
    return caught_up, notices


def _archived(
    manifest: Manifest, source: Source, archive: Archive, recipe: Recipe
) -> tuple[pl.DataFrame, list[str]]:
    """A batch's readings from the archive; from the table, and repaired, where a file is damaged."""
    try:
        return archive.read(manifest), []
    except ArchiveError as damage:
        valid = _range(source, manifest.after, manifest.last_id, recipe)
        now = {row["id"]: row for row in _anchors(source.rows_at([anchor["id"] for anchor in manifest.anchors]))}
        same = all(a["id"] in now and lineage.matches(a, now[a["id"]]) for a in manifest.anchors)
        if not same or len(valid) != manifest.rows:
            raise ArchiveError(
                "repair the archive",
                ", ".join(manifest.files),
                why=f"{damage}; the table no longer has the {manifest.rows} rows of it",
                hint="restore the files from a copy of the archive",
            ) from damage
        archive.replace(manifest, valid)
        return valid, [f"archive repaired: {len(manifest.files)} files after row {manifest.after}"]


class _Evidence:
    """See `lineage.Evidence`."""

    def __init__(self, source: Source, archive: Archive, known: Sequence[Branch], recipe: Recipe):
        self._source = source
        self._archive = archive
        self._known = {branch.generation: branch for branch in known}
        self._recipe = recipe

    def extent(self) -> Extent:
        return self._source.extent()

    def rows_at(self, ids: Sequence[int]) -> Sequence[Anchor]:
        return _anchors(self._source.rows_at(ids))

    def first_after(self, position: int) -> Anchor | None:
        return next(iter(_anchors(self._source.page(position, 1))), None)

    def pairs(self, branch: Branch, after: int) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        if branch.parent is not None:
            for archived, current in self.pairs(self._known[branch.parent], after):
                yield archived.filter(pl.col(ROW_ID) <= branch.base_id), current
        position = branch.base_id
        while position < branch.position and (manifest := self._archive.next_manifest(branch.generation, position)):
            if manifest.last_id > after:
                yield (
                    self._archive.read(manifest).filter(pl.col(ROW_ID) > after),
                    _range(self._source, max(position, after), manifest.last_id, self._recipe),
                )
            position = manifest.last_id


def _anchors(rows: pl.DataFrame) -> list[Anchor]:
    return [anchor_of(rows, index) for index in range(len(rows))]


def _range(source: Source, after: int, last_id: int, recipe: Recipe) -> pl.DataFrame:
    """Conformed rows of the table after one row id up to another, both of one batch."""
    pages = []
    while after < last_id:
        rows = source.page(after, recipe.page_rows)
        if rows.is_empty():
            break
        after = int(rows["id"][-1])
        pages.append(conform(rows.filter(pl.col("id") <= last_id), default_zone=recipe.default_zone).valid)
    return pl.concat(pages) if pages else pl.DataFrame(schema=READING)
