"""What two programs that are not ours say of the files: pycep, a parser of Bicep, and checkov, checks of safety."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bicep.errors import Finding

SCRIPT = Path(__file__).with_name("with_checkov.py")
ANSWER_S = 300.0

EXPECTED = frozenset({"CKV_AZURE_99", "CKV_AZURE_101", "CKV_AZURE_132", "CKV_AZURE_140"})
"""Checks of an account that checkov must have done, or it has checked nothing: restricted access, public network,
changes by key, keys."""

_UNSAID = ("No comment provided", "")
"""What checkov gives as the reason of a suppression that has none."""


class OutsideError(Exception):
    """The programs are not there, or say nothing that is understood."""


def ask(python: Path, folder: Path) -> dict[str, Any]:
    """What they say of all files below a folder.

    Raises:
        OutsideError: See there.
    """
    if not python.exists():
        raise OutsideError(f"{python} is missing: run `make setup`")
    command = [str(python), "-I", str(SCRIPT), str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise OutsideError(f"checkov cannot be asked: no answer within {ANSWER_S:.0f} s") from error
    try:
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError) as error:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise OutsideError(f"checkov cannot be asked: {said}") from error
    return told


def findings(told: dict[str, Any], main: Path) -> Iterator[Finding]:
    """What is wrong by what they say."""
    for path, why in told["unparsed"].items():
        yield Finding(Path(path), 1, f"pycep: {why}")
    for check in told["failed"]:
        yield Finding(Path(check["path"]), check["line"], f"checkov {check['id']}: {check['name']}")
    for check in told["skipped"]:
        if check["reason"] in _UNSAID:
            yield Finding(Path(check["path"]), check["line"], f"checkov {check['id']} is skipped without a reason")
    done = {*told["passed"], *(check["id"] for check in (*told["failed"], *told["skipped"]))}
    if missing := sorted(EXPECTED - done):
        yield Finding(main, 1, f"checkov did not check {', '.join(missing)}")
