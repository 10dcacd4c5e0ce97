"""Diagnostics as people read them, and as programs do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sensors.manager.diagnostics.check import Check, Section, next_steps, well


def text(found: Sequence[Section]) -> str:
    """Sections with a line for each check, what to do below it, and the next steps."""
    width = max((len(check.name) for section in found for check in section.checks), default=0)
    lines: list[str] = []
    for section in found:
        lines += [section.title, *(line for check in section.checks for line in _check(check, width)), ""]
    lines += ["Next steps", *(f"  {number}. {step}" for number, step in enumerate(next_steps(found), start=1))]
    return "\n".join(lines) + "\n"


def document(found: Sequence[Section]) -> dict[str, Any]:
    """The same as a JSON object; `ok` when nothing failed."""
    return {
        "schemaVersion": 1,
        "ok": well(found),
        "checks": [
            {
                "group": section.title,
                "name": check.name,
                "outcome": check.outcome.value,
                "found": check.found,
                "remedy": check.remedy,
                "lines": list(check.lines),
            }
            for section in found
            for check in section.checks
        ],
        "nextSteps": next_steps(found),
    }


def _check(check: Check, width: int) -> list[str]:
    gap = " " * (14 + width)
    first, *more = check.found.splitlines() or [""]
    lines = [f"  {check.outcome.value:<8}  {check.name:<{width}}  {first}".rstrip()]
    lines += [f"{gap}{line}".rstrip() for line in more]
    if check.remedy:
        lines += [f"{gap}{'Try: ' if not at else ''}{line}" for at, line in enumerate(check.remedy.splitlines())]
    return lines + [f"{gap}| {line}".rstrip() for line in check.lines]
