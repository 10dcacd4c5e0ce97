"""What a verification counts and finds, and what it says at its end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from processors.errors import FAILED, SettingsError
from processors.report import Ended, fit

Kind = Literal["missing", "extra", "differing"]
KINDS: tuple[Kind, ...] = ("missing", "extra", "differing")

_SHOWN = 10
"""Findings of each kind that are kept in memory; there is room for a few in the report."""


@dataclass(frozen=True)
class Finding:
    """One reading, or one document of many, that is not as it should be.

    Attributes:
        kind: `missing`, `extra` or `differing`.
        id: Of the reading, which is that of its own document where it has one; of the document where that is damaged;
            None for a row without a usable sensor id, and for a batch that is lost.
        sensor: Sensor id, None where it cannot be told.
        rowId: Row id, None where it cannot be told.
        database: Sensor folder, None where it cannot be told.
        why: One sentence.
    """

    kind: Kind
    id: str | None
    sensor: str | None
    rowId: int | None  # noqa: N815 - as it is written
    database: str | None
    why: str

    @property
    def name(self) -> str:
        """The reading's id, or how else to find it."""
        what = "a batch" if self.rowId is None else f"row {self.rowId}"
        return self.id or f"{what} of {self.database}"


@dataclass
class Counts:
    """Rows, readings and documents, each counted once.

    Attributes:
        rows: Taken in, whether the table still has them or only the archive: `readings`, `held`, `leftOut`,
            `expired`, `rejects`, `aggregated`, and what is missing.
        readings: Found in Cosmos, where they should be or may be.
        documents: That these are in.
        held: Readings that wait for their bucket to be full, and that Cosmos need not have yet.
        leftOut: Readings that were left out on purpose, and that Cosmos does not have.
        expired: Readings that left longer ago than the container keeps documents (TTL), and that it does not have.
        rejects: Rows that were rejected, or that Cosmos did not take.
        aggregated: Rows taken in at the stage `aggregated`, which have no reading documents on purpose.
        waiting: Rows of the tables that are not taken in yet.
    """

    rows: int = 0
    readings: int = 0
    documents: int = 0
    held: int = 0
    leftOut: int = 0  # noqa: N815 - as it is written
    expired: int = 0
    rejects: int = 0
    aggregated: int = 0
    waiting: int = 0


class Findings:
    """Collects; see `open_findings`."""

    def __init__(self, file: IO[str] | None) -> None:
        self.counts = Counts()
        self.found: Counter[Kind] = Counter()
        self.first: dict[Kind, list[Finding]] = {kind: [] for kind in KINDS}
        self._file = file

    def add(self, finding: Finding) -> None:
        """Counts it, and writes it down where a file was asked for."""
        self.found[finding.kind] += 1
        if len(self.first[finding.kind]) < _SHOWN:
            self.first[finding.kind].append(finding)
        if self._file is not None:
            self._file.write(json.dumps(asdict(finding), ensure_ascii=False) + "\n")


@contextmanager
def open_findings(ids: Path | IO[str] | None) -> Iterator[Findings]:
    """Findings that are also written to a file, one JSON object a line, if one is named; an open one stays open.

    Raises:
        SettingsError: The file cannot be written.
    """
    if not isinstance(ids, Path):
        yield Findings(ids)
        return
    try:
        with ids.open("w", encoding="utf-8", errors="backslashreplace") as file:
            yield Findings(file)
    except OSError as error:
        raise SettingsError(
            "write the ids", ids, hint="name a file in a folder that can be written to, on a disk with free space"
        ) from error


@dataclass(frozen=True, kw_only=True)
class VerifyReport(Ended):
    """One verification of a city's databases, those among them that only the archive knows.

    Attributes:
        counts: Rows and documents.
        found: Findings by kind.
        first: The first of each kind.
    """

    counts: Counts = field(default_factory=Counts)
    found: Mapping[Kind, int] = field(default_factory=dict)
    first: Mapping[Kind, Sequence[Finding]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 when nothing is missing, extra or differing; rows that wait are no fault. See docs/operations.md."""
        return FAILED if self.stopped_by is None and any(self.found.values()) else super().exit_code

    def document(self) -> dict[str, Any]:
        """The report as a JSON object of at most `report.MAX_BYTES`; `truncated` when lists were cut for that."""
        found: dict[str, int] = {kind: self.found.get(kind, 0) for kind in KINDS}
        whole = {**self.head("verify"), **asdict(self.counts), **found}
        lists: dict[str, list[Any]] = {"errors": self.told()}
        for kind in KINDS:
            lists[f"{kind}Ids"] = [finding.name for finding in self.first.get(kind, ())]
        fitted = fit(whole, lists)
        cut = any(self.found.get(kind, 0) > len(fitted[f"{kind}Ids"]) for kind in KINDS)
        return {**fitted, "truncated": fitted["truncated"] or cut}
