"""Asks what is known against the locked packages: a finding fails, and where nothing can be known a line says so.

`pip-audit` itself ends well with "No known vulnerabilities found" where the index knows none of the packages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = (
    ROOT / "requirements.lock",
    ROOT / "processors" / "requirements.lock",
    ROOT / "sensors" / "requirements.lock",
    ROOT / "tools" / "bootstrap.txt",
)
"""Not those of tests/integration/sdk and infra: what bacalhau-sdk and checkov pin, nobody here can raise."""

SERVICES = (("--vulnerability-service", "pypi"), ("--vulnerability-service", "osv"))
"""Options of `pip-audit`, the second word a service; the first that answers is enough."""

ANSWER_S = 300.0
_MOST_NAMED = 5


@dataclass(frozen=True)
class Answer:
    """What one service knows.

    Attributes:
        looked_up: How many packages it knows.
        unknown: Names of those that it does not know.
        findings: A line for each vulnerability.
        why: Why there is no answer; empty where there is one.
    """

    looked_up: int = 0
    unknown: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    why: str = ""


def main() -> int:
    answer = first_answer(ask(service, LOCKS) for service in SERVICES)
    print(told(answer), file=sys.stderr)
    return 1 if answer.findings else 0


def ask(service: Sequence[str], locks: Sequence[Path]) -> Answer:
    """What a service knows of the packages of the locks."""
    files = [word for lock in locks for word in ("--requirement", str(lock))]
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(
            [*command, *service, *files], capture_output=True, text=True, timeout=ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Answer(why=f"{service[1]}: no answer within {ANSWER_S:.0f} s")
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return Answer(why=f"{service[1]}: it cannot be asked ({said[-1].partition(': ')[0][:80]})")
    return read(packages, service[1])


def read(packages: Sequence[dict[str, Any]], service: str) -> Answer:
    """The answer in the list that `pip-audit --format json` gives."""
    known = [package for package in packages if "skip_reason" not in package]
    unknown = tuple(package["name"] for package in packages if "skip_reason" in package)
    if not known:
        return Answer(unknown=unknown, why=f"{service}: it knows none of the {len(unknown)} packages")
    findings = tuple(
        f"{package['name']} {package['version']}: {each['id']}, mended in {', '.join(each['fix_versions']) or 'none'}"
        for package in known
        for each in package["vulns"]
    )
    return Answer(len(known), unknown, findings)


def first_answer(answers: Iterable[Answer]) -> Answer:
    """The first that is one; else one that says why there is none."""
    refusals = []
    for answer in answers:
        if not answer.why:
            return answer
        refusals.append(answer.why)
    return Answer(why="; ".join(refusals))


def told(answer: Answer) -> str:
    """What a person should read of it."""
    if answer.why:
        return f"audit: NOT DONE, no data on vulnerabilities can be had here ({answer.why})"
    if answer.findings:
        return "\n".join(
            [*(f"Error: {finding}" for finding in answer.findings), "Try: raise it in the locks, see CONTRIBUTING.md"]
        )
    more = f", ... ({len(answer.unknown)})" if len(answer.unknown) > _MOST_NAMED else ""
    gap = f"; nothing known of {', '.join(answer.unknown[:_MOST_NAMED])}{more}" if answer.unknown else ""
    return f"audit: {answer.looked_up} packages, no known vulnerabilities{gap}"


if __name__ == "__main__":
    sys.exit(main())
