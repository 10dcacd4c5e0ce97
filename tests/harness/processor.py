"""`python -m processors` as a process of its own, to be watched, stopped and killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from processors.cosmos import Account
from tests.harness.node import Node

ENDS_S = 120.0
"""A process that takes longer has hung."""

KILLED = 137

_DIE = """
import importlib, os, sys
module, path, when, number = sys.argv[1:5]
*classes, name = path.split(".")
holder = importlib.import_module(module)
for part in classes:
    holder = getattr(holder, part)
original, calls = getattr(holder, name), 0
def patched(*args, **kwargs):
    global calls
    calls += 1
    if calls == int(number) and when == "before":
        os._exit(137)
    result = original(*args, **kwargs)
    if calls == int(number):
        os._exit(137)
    return result
setattr(holder, name, patched)
from processors.__main__ import main
sys.exit(main(["ingest"]))
"""


@dataclass(frozen=True)
class Ended:
    """What a process left; `reports` are the lines on stdout."""

    code: int
    reports: list[dict[str, Any]]
    errors: str


def environment(node: Node, account: Account, **settings: object) -> dict[str, str]:
    chosen = {
        "endpoint": account.endpoint,
        "key": account.key,
        "database": account.database,
        "city": node.city,
        "data": node.data,
        "state": node.state,
        "archive": node.archive,
        "page_rows": 20,
        **settings,
    }
    own = {f"COSMOS_{name.upper()}": str(value) for name, value in chosen.items() if value is not None}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COSMOS_")}
    return {**inherited, **own, "PYTHONWARNINGS": "error"}


@contextmanager
def started(
    node: Node, account: Account, command: tuple[str, ...] = ("-m", "processors", "ingest"), **settings: object
) -> Iterator[subprocess.Popen[str]]:
    """The process; killed at the end if it still runs."""
    node.root.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=node.root,
        env=environment(node, account, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> Ended:
    output, errors = process.communicate(timeout=ENDS_S)
    return Ended(process.returncode, [json.loads(line) for line in output.splitlines()], errors)


def run(node: Node, account: Account, **settings: object) -> Ended:
    with started(node, account, **settings) as process:
        return ended(process)


def run_and_die(node: Node, account: Account, point: tuple[str, str, str, int], **settings: object) -> Ended:
    """Ends without a word before or after the n-th call of a function: (module, name, before or after, n)."""
    with started(node, account, ("-c", _DIE, *map(str, point)), **settings) as process:
        return ended(process)
