"""Readings of the archive against what Cosmos has of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from processors.document import ID, Origin
from processors.pipeline.recipe import Recipe
from processors.schema import MONTH, OBSERVED_AT, ROW_ID, SENSOR_ID
from processors.verify.described import Descriptions
from processors.verify.documents import differences, prepared
from processors.verify.due import (
    AGGREGATED,
    DUE,
    EXPIRED,
    HELD,
    LEFT_OUT,
    OWN,
    REFUSED,
    SENT,
    UNKNOWN,
    WHY,
    asked,
    with_due,
)
from processors.verify.findings import Finding, Findings, Kind
from processors.verify.gone import Gone
from processors.verify.lookup import IN_BUCKET, WANTED, Found, Key, Lookup
from processors.verify.readings import Copy
from processors.verify.stretches import FORM
from processors.verify.waits import Waits


@dataclass
class Comparison:
    """What all databases of a verification share.

    Attributes:
        lookup: Asks Cosmos.
        descriptions: Likewise.
        recipe: Of the present settings.
        findings: Are told.
        sensors: Sensor ids of the readings so far.
        told: Documents of which something was told, lest it is told again by whatever else looks at them.
    """

    lookup: Lookup
    descriptions: Descriptions
    recipe: Recipe
    findings: Findings
    sensors: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)


class Stored:
    """One database's readings."""

    def __init__(self, comparison: Comparison, database: str) -> None:
        self._comparison = comparison
        self._database = database
        self._gone = Gone()
        self._waits: Waits | None = None

    def begin(self, gone: Gone, waits: Waits | None) -> None:
        """What comes is of another generation: what has left of it, and what waited a moment before."""
        self._gone, self._waits = gone, waits

    def compare(self, kept: pl.DataFrame, rejects: Mapping[int, Sequence[str]], origin: Origin) -> None:
        """Compares, and tells.

        Args:
            kept: Conformed rows with `FORM`, in id order; a page at most.
            rejects: Of their batches.
            origin: Where they come from.
        """
        known = with_due(kept, rejects, self._gone, self._waits)
        counts = self._comparison.findings.counts
        self._comparison.sensors |= set(kept[SENSOR_ID].unique())
        counts.rows += len(known)
        counts.aggregated += _number(known, AGGREGATED)
        counts.rejects += _number(known, REFUSED)
        sent = known.filter(pl.col(DUE).is_in(SENT))
        if sent.is_empty():
            return
        rows = prepared(sent.drop(OWN), origin)
        places = rows.select(ID, SENSOR_ID, MONTH, OBSERVED_AT, ROW_ID).hstack(sent.select(DUE, FORM, *asked(sent)))
        found = self._comparison.lookup.readings(places, origin.generation)
        counts.documents += found.documents
        counts.readings += len(found.copies)
        self._tell(self._absent(places.filter(~pl.col(ID).is_in(list(found.copies)))))
        self._tell(self._differing(sent, rows, places, found, origin))

    def _absent(self, places: pl.DataFrame) -> Iterator[Finding]:
        self._comparison.findings.counts.held += _number(places, HELD)
        self._comparison.findings.counts.leftOut += _number(places, LEFT_OUT)
        self._comparison.findings.counts.expired += _number(places, EXPIRED)
        missing = places.filter(pl.col(WANTED)).select(ID, SENSOR_ID, ROW_ID, DUE, FORM)
        for name, sensor, row_id, due, form in missing.rows():
            yield self._finding("missing", name, sensor, row_id, f"{WHY[due]}{'' if form else UNKNOWN}")

    def _differing(
        self, kept: pl.DataFrame, rows: pl.DataFrame, places: pl.DataFrame, found: Found, origin: Origin
    ) -> Iterator[Finding]:
        best = self._best(places, found)
        by_key: dict[Key, list[dict[str, object]]] = {}
        for name, sensor, month in places.select(ID, SENSOR_ID, MONTH).rows():
            if name in best:
                by_key.setdefault(Key(origin.city, sensor, month), []).append(best[name].reading)
        told = self._comparison.descriptions.told(by_key, origin.generation)
        wrong: dict[str, tuple[Kind, str]] = {name: ("differing", why) for name, why in found.damaged.items()}
        wrong |= {copy.document: ("differing", copy.wrong) for copy in best.values() if copy.wrong is not None}
        wrong |= told.wrong
        for document in sorted(wrong.keys() - self._comparison.told):
            self._comparison.told.add(document)
            kind, why = wrong[document]
            yield self._finding(kind, document, None, None, why)
        differing = dict(differences(kept, rows, told, origin, self._comparison.recipe))
        named = places.filter(pl.col(ID).is_in(list(differing))).select(ID, SENSOR_ID, ROW_ID)
        for name, sensor, row_id in named.rows():
            yield self._finding("differing", name, sensor, row_id, differing[name])

    def _best(self, places: pl.DataFrame, found: Found) -> dict[str, Copy]:
        """Of each reading the copy that is to be right: in a sound document, of the kind that it left in."""
        in_bucket = dict(places.select(ID, IN_BUCKET).rows())
        return {
            name: min(
                copies, key=lambda copy: (copy.wrong is not None, copy.in_bucket != in_bucket[name], copy.document)
            )
            for name, copies in found.copies.items()
        }

    def _finding(self, kind: Kind, name: str, sensor: str | None, row_id: int | None, why: str) -> Finding:
        return Finding(kind, name, sensor, row_id, self._database, why)

    def _tell(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._comparison.findings.add(finding)


def _number(readings: pl.DataFrame, due: str) -> int:
    return len(readings.filter(pl.col(DUE) == due))
