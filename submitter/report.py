"""What the nodes said: one line for each and totals, as a table or as JSON, and the exit code of the whole."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from submitter.errors import COMPLETE, DEADLINE, FAILED, INTERRUPTED, PARTIAL, REFUSED, USAGE
from submitter.handle import Handle
from submitter.nodes import absence
from submitter.states import TERMINAL_NODE, NodeState
from submitter.watch import View

VERSION = 1
"""Of reports that are understood, and of the document that is written."""

_OUT_OF_MEMORY = 137
"""128 + SIGKILL: what the kernel leaves of a program that needed more than it may have."""
_MEMORY_LIMIT = "memory limit exceeded"
"""What Bacalhau says of the same (pkg/executor/docker/handler.go)."""
_CODES = frozenset({COMPLETE, FAILED, USAGE, REFUSED, PARTIAL, INTERRUPTED})
_MOST_DIGITS = 20
_SHARED = frozenset({FAILED, USAGE, REFUSED, PARTIAL})
"""Codes that are everybody's when each node ended with the same."""


@dataclass(frozen=True)
class Column:
    """A number or text of a report.

    Attributes:
        heading: Of the table.
        path: Names, from the report's top to the value.
        total: Makes one of all nodes' values; None when there is none.
    """

    heading: str
    path: tuple[str, ...]
    total: Callable[[list[Any]], Any] | None = sum


_SECONDS = Column("seconds", ("seconds",), max)
COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "ingest": (
        Column("databases", ("databases",)),
        Column("rows", ("rowsRead",)),
        Column("backlog", ("backlogRows",)),
        Column("readings", ("documents", "readings")),
        Column("aggregates", ("documents", "aggregates")),
        Column("anomalies", ("documents", "anomalies")),
        Column("rejects", ("rejects",)),
        Column("RU", ("requestUnits",)),
        _SECONDS,
    ),
    "inspect": (
        Column("databases", ("databases",)),
        Column("failed", ("failedDatabases",)),
        Column("rows", ("rows",)),
        Column("newest", ("newest",), max),
        Column("backlog", ("backlogRows",)),
        Column("archive bytes", ("archiveBytes",)),
        Column("free bytes", ("freeBytes",), None),
        Column("bytes a day", ("growthBytesPerDay",)),
        Column("disk full", ("diskFullAt",), min),
        _SECONDS,
    ),
    "verify": (
        Column("databases", ("databases",)),
        Column("rows", ("rows",)),
        Column("documents", ("documents",)),
        Column("missing", ("missing",)),
        Column("extra", ("extra",)),
        Column("differing", ("differing",)),
        Column("waiting", ("waiting",)),
        Column("rejects", ("rejects",)),
        _SECONDS,
    ),
    "simulate": (Column("sensors", ("sensors",)), Column("rows", ("rows",)), _SECONDS),
}
"""What a table shows of each kind of report. JSON has all of it."""

_CHARGED = ("documents", "bytes", "requestUnits")
"""Numbers of an entry of a report's `charges`."""


@dataclass(frozen=True)
class Outcome:
    """How one node did.

    Attributes:
        handle: The job.
        view: What Bacalhau says.
        report: What the program says; None when that could not be read.
        exit_code: None while it is not over.
        error: Why it is no success; empty when it is one.
    """

    handle: Handle
    view: View
    report: Mapping[str, Any] | None
    exit_code: int | None
    error: str = ""


def outcome(handle: Handle, view: View) -> Outcome:
    """How the node did, by its last view."""
    if view.state not in TERMINAL_NODE:
        word = "lost contact with its node" if view.state is NodeState.LOST else view.state.value
        return Outcome(handle, view, None, None, f"still {word}" if view.state is not NodeState.LOST else word)
    report, problem = (None, "") if view.stdout is None else read(view.stdout, truncated=view.truncated)
    if view.exit_code == _OUT_OF_MEMORY or _MEMORY_LIMIT in view.why:
        problem = "killed: it needed more memory than the spec allows (Resources: Memory)"
        return Outcome(handle, view, report, FAILED, problem)
    if view.state is NodeState.FAILED:
        return Outcome(handle, view, report, view.exit_code or FAILED, _said(report, view, view.why))
    code = view.exit_code
    if view.state is NodeState.WORKING and report is not None:
        code = _told_code(report)
    if code or report is not None:
        return Outcome(handle, view, report, code, _said(report, view, f"exit code {code}") if code else "")
    return Outcome(handle, view, None, FAILED, problem)


def _told_code(report: Mapping[str, Any]) -> int:
    """What the program would have ended with; a code that no program of ours has is a failure."""
    told = report.get("exitCode", COMPLETE)
    return told if type(told) is int and told in _CODES else FAILED


def left_out(handle: Handle) -> list[Outcome]:
    """Nodes of the city that got nothing: the city is not done whole without them."""
    return [
        Outcome(handle, View(handle.id, node.name, NodeState.ABSENT), None, FAILED, absence(node))
        for node in handle.absent
    ]


def read(stdout: str, *, truncated: bool) -> tuple[dict[str, Any] | None, str]:
    """The report that is all of `stdout`, or what is wrong with it."""
    found: Any = None
    problem = ""
    if not stdout.strip():
        problem = "the program printed nothing on stdout"
    elif truncated:
        problem = "stdout has more than the 2,048 bytes that Bacalhau keeps, so it was cut"
    else:
        try:
            found = json.loads(stdout, parse_constant=_no_number, parse_float=_finite, parse_int=_count)
        except (ValueError, RecursionError) as error:
            problem = f"stdout is not one JSON object ({error})"
    if problem or not isinstance(found, dict):
        return None, f"no report: {problem or 'stdout is JSON, and no object'}"
    if found.get("schemaVersion") != VERSION:
        return None, (
            f"a report of schemaVersion {found.get('schemaVersion', 'none')}, and this program reads {VERSION}: "
            "the image and this program are of different versions"
        )
    return found, ""


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text[:80])


def _count(text: str) -> int:
    """An integer that 64 bits hold: longer ones are no counts, and Python would refuse to print their sum."""
    number = int(text) if len(text) <= _MOST_DIGITS else 1 << 64
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{text[:80]} is no number of anything")
    return number


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """One for the whole, by the table of docs/operations.md."""
    codes = [each.exit_code for each in outcomes]
    if not codes:
        return COMPLETE
    if None in codes:
        return DEADLINE
    if len(set(codes)) == 1 and codes[0] in {COMPLETE, *_SHARED}:
        return codes[0] or COMPLETE
    return PARTIAL if {COMPLETE, PARTIAL} & set(codes) else FAILED


def rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """A table: a line for each node, and totals when there are several."""
    columns = _columns(outcomes)
    lines = [
        {
            "city": each.handle.job.city,
            "node": each.view.node,
            "state": each.view.state.value,
            "exit": each.exit_code,
            **{column.heading: _at(each.report, column.path) for column in columns},
            "error": each.error or None,
        }
        for each in outcomes
    ]
    if len(lines) > 1:
        lines.append({"city": "total", **{column.heading: _total(column, outcomes) for column in columns}})
    return lines


def document(handles: Sequence[Handle], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All that is known, as one JSON object."""
    totals: dict[str, Any] = {
        "nodes": len(outcomes),
        "complete": sum(each.exit_code == COMPLETE for each in outcomes),
    }
    for column in _columns(outcomes):
        inner: Any = totals
        for name in column.path[:-1]:
            inner = inner.setdefault(name, {}) if isinstance(inner, dict) else None
        if isinstance(inner, dict):  # not where nodes of two kinds of report say two things under one name
            inner[column.path[-1]] = _total(column, outcomes)
    if charges := _charges(outcomes):
        totals["charges"] = charges
    return {
        "schemaVersion": VERSION,
        "jobs": [job(handle, [each for each in outcomes if each.handle is handle]) for handle in handles],
        "totals": totals,
        "exitCode": exit_code(outcomes),
    }


def job(handle: Handle, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """One job of the document."""
    words = {COMPLETE: "complete", PARTIAL: "partial", DEADLINE: "running"}
    return {
        "jobId": handle.id,
        "name": handle.name,
        "city": handle.job.city,
        "spec": handle.job.spec,
        "state": words.get(exit_code(outcomes), "failed") if outcomes else "submitted",
        "nodes": [
            {
                "node": each.view.node,
                "executionId": each.view.execution_id,
                "state": each.view.state.value,
                "exitCode": each.exit_code,
                "report": each.report,
                "error": each.error or None,
                "try": each.view.hint or None,
            }
            for each in outcomes
        ],
    }


def _said(report: Mapping[str, Any] | None, view: View, otherwise: str) -> str:
    """The program's own words about its failure: of its report, else the error or the last line on stderr."""
    errors = (report or {}).get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict) and errors[0].get("error"):
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return f"{errors[0]['error']}{more}"
    lines = [line.strip() for line in view.stderr.splitlines() if line.strip()]
    said = next((line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")), (lines or [""])[-1])
    return f"{otherwise}: {said}" if said else otherwise


def _columns(outcomes: Iterable[Outcome]) -> tuple[Column, ...]:
    kinds = dict.fromkeys(str(each.report.get("kind")) for each in outcomes if each.report is not None)
    return tuple(dict.fromkeys(column for kind in kinds for column in COLUMNS.get(kind, (_SECONDS,))))


def _at(report: Mapping[str, Any] | None, path: Sequence[str]) -> Any:
    value: Any = report
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _charges(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """What the reports' charges come to, by container and operation."""
    found: dict[tuple[str, str], list[Any]] = {}
    for each in outcomes:
        told = _at(each.report, ("charges",))
        for charge in told if isinstance(told, list) else ():
            container, operation = _at(charge, ("container",)), _at(charge, ("operation",))
            if isinstance(container, str) and isinstance(operation, str):
                found.setdefault((container, operation), []).append(charge)
    return [
        {
            "container": container,
            "operation": operation,
            **{name: _together(sum, (_at(each, (name,)) for each in told)) for name in _CHARGED},
        }
        for (container, operation), told in found.items()
    ]


def _total(column: Column, outcomes: Iterable[Outcome]) -> Any:
    """Of the values there are; None when there is none, or when they cannot be put together."""
    return _together(column.total, (_at(each.report, column.path) for each in outcomes))


def _together(total_of: Callable[[list[Any]], Any] | None, told: Iterable[Any]) -> Any:
    values = [value for value in told if value is not None]
    if total_of is None or not values:
        return None
    try:
        total = total_of(values)
    except TypeError:
        return None
    if isinstance(total, float):
        return round(total, 3) if math.isfinite(total) else None
    return total
