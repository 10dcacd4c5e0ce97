"""What a run says when it ends: one JSON object below 2,048 bytes, the same on stdout and in `runs`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate
from typing import Any

from processors.charges import Spent
from processors.errors import COMPLETE, FAILED, INTERRUPTED, PARTIAL, ProcessorError
from processors.pipeline import Taken
from processors.planned import Planned
from processors.schema import VERSION

MAX_BYTES = 2_047
"""Bacalhau keeps 2,048 bytes of a task's stdout (pkg/system/utils.go, MaxStdoutReturnLength); one is the newline."""

_MAX_TEXT_BYTES = 300


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a pass over a city's databases ended, whatever it was for.

    Attributes:
        city: As written in the folder's name.
        node: Host that ran it, with its folder where hosts are shared.
        started_at: UTC.
        seconds: From start to end.
        databases: How many the city has; None when the pass ended before they were counted.
        failures: Database -> why it could not be read to its end.
        stopped_by: What ended the pass early, None when nothing did.
        interrupted: Whether a signal ended the pass early.
    """

    city: str
    node: str
    started_at: datetime
    seconds: float
    databases: int | None
    failures: Mapping[str, ProcessorError] = field(default_factory=dict)
    stopped_by: ProcessorError | None = None
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """One table for `run`, the processor and `submit`: see docs/operations.md."""
        if self.stopped_by is not None:
            return self.stopped_by.exit_code
        if self.interrupted:
            return INTERRUPTED
        if not self.failures:
            return COMPLETE
        return FAILED if len(self.failures) == self.databases else PARTIAL

    @property
    def outcome(self) -> str:
        """The exit code in a word."""
        return {COMPLETE: "complete", PARTIAL: "partial", INTERRUPTED: "interrupted"}.get(self.exit_code, "failed")

    @property
    def errors(self) -> list[ProcessorError]:
        """All that went wrong, to be told in full."""
        stopped = [] if self.stopped_by is None else [self.stopped_by]
        return [*self.failures.values(), *stopped]

    def head(self, kind: str) -> dict[str, Any]:
        """What every report begins with."""
        return {
            "schemaVersion": VERSION,
            "kind": kind,
            "city": self.city,
            "node": self.node,
            "startedAt": instant(self.started_at),
            "seconds": round(self.seconds, 3),
            "outcome": self.outcome,
            "exitCode": self.exit_code,
            "databases": self.databases,
            "failedDatabases": len(self.failures),
        }

    def told(self) -> list[dict[str, str]]:
        """The errors as entries of a report, each cut to what fits; what ended the pass comes first."""
        entries = [{"database": name, "error": _cut(str(error))} for name, error in self.failures.items()]
        if self.stopped_by is not None:
            entries.insert(0, {"error": _cut(str(self.stopped_by)), "try": _cut(self.stopped_by.hint)})
        return entries


@dataclass(frozen=True, kw_only=True)
class Report(Ended):
    """A pass that takes in.

    Attributes:
        taken: Totals.
        spent: What the pass was charged, also for what was not done in the end; without what the report itself costs.
        planned: What was foretold of this pass, None where nothing was.
        backlog_rows: Rows that still wait, at most (ids may have gaps), without those of databases that failed; 0
            when all have caught up, None when the pass ended before each database was looked at.
        continuous: Whether to be stopped by a signal is how such a run ends well.
    """

    taken: Taken = field(default_factory=Taken)
    spent: Spent = field(default_factory=Spent)
    planned: Planned | None = None
    backlog_rows: int | None = None
    continuous: bool = False

    @property
    def exit_code(self) -> int:
        """As of any pass; a run that goes on until it is stopped is not interrupted by that."""
        code = super().exit_code
        return replace(self, interrupted=False).exit_code if code == INTERRUPTED and self.continuous else code

    @property
    def outcome(self) -> str:
        """The exit code in a word; `interrupted` also where that is how the run ends well."""
        return "interrupted" if self.interrupted and self.stopped_by is None else super().outcome

    def document(self) -> dict[str, Any]:
        """The report as a JSON object below `MAX_BYTES`; `truncated` when lists were cut for that.

        `requestUnits` is null when the service states no charge. `planned` is there when something was foretold, and
        half of the room is left for the lists.
        """
        taken = self.taken
        whole = {
            "id": self._id(),
            **self.head("ingest"),
            "rowsRead": taken.rows,
            "readings": taken.sent,
            "backlogRows": self.backlog_rows,
            "documents": {"readings": taken.readings, "aggregates": taken.aggregates, "anomalies": taken.anomalies},
            "rejects": taken.rejected,
            "requestUnits": _rounded(self.spent.request_units),
        }
        planned = {} if self.planned is None else {"planned": self.planned.document()}
        if len(encode({**whole, **planned}).encode()) <= MAX_BYTES // 2:
            whole |= planned
        lists: dict[str, list[Any]] = {
            "rejectsByRule": [{"rule": rule, "rows": rows} for rule, rows in _largest_first(taken.rejects)],
            "errors": self.told(),
            "notices": [_cut(notice) for notice in taken.notices],
            "charges": self._charges(),
        }
        return fit(whole, lists)

    def _charges(self) -> list[dict[str, Any]]:
        return [
            {
                "container": container,
                "operation": operation,
                "documents": charge.documents,
                "bytes": charge.bytes,
                "requestUnits": _rounded(charge.request_units or None),
            }
            for (container, operation), charge in self.spent.totals().items()
        ]

    def _id(self) -> str:
        who = hashlib.sha256(json.dumps([self.city, self.node]).encode()).hexdigest()[:8]
        return f"{self.started_at:%Y%m%dT%H%M%S%fZ}-{who}"


def encode(document: Mapping[str, Any]) -> str:
    """The report as it goes to stdout: one line."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def fit(whole: dict[str, Any], lists: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """The object with as many entries of its lists, in turn, as there is room for."""
    fitted = {**whole, "truncated": False, **{name: [] for name in lists}}  # the longer of the two words
    for entry, name in sorted((index, name) for name, entries in lists.items() for index in range(len(entries))):
        longer = {**fitted, name: [*fitted[name], lists[name][entry]]}
        if len(encode(longer).encode()) <= MAX_BYTES:
            fitted = longer
    return {**fitted, "truncated": any(len(fitted[name]) < len(entries) for name, entries in lists.items())}


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, with microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _rounded(request_units: float | None) -> float | None:
    return None if request_units is None else round(request_units, 2)


def _largest_first(rejects: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(rejects.items(), key=lambda pair: (-pair[1], pair[0]))


def _cut(text: str) -> str:
    """The text, or as much of it as takes `_MAX_TEXT_BYTES` in JSON."""
    ends = accumulate(len(json.dumps(character, ensure_ascii=False).encode()) - 2 for character in text)
    kept = sum(1 for end in ends if end <= _MAX_TEXT_BYTES)
    return text if kept == len(text) else text[:kept] + "…"
