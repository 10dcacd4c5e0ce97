"""All subjects for as long as one likes: `python -m tests.fuzz --minutes 10 --seed 1` prints what came of how many.

Each subject has a process of its own, so that one that dies or hangs is found by the attempt that it had begun.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.fuzz.guard import HANGS_S

Attempt = Callable[[int, Path], str]

SPAN = 1_000_000
"""Attempts that a seed has room for."""


def subjects() -> dict[str, Attempt]:
    """Name of a subject -> one attempt at it: a seed and an empty folder give a word for what came of it."""
    found: dict[str, Attempt] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.fuzz.{path.stem}")
        found |= getattr(module, "SUBJECTS", {})
    return found


def main() -> int:
    chosen = _parser().parse_args()
    if chosen.attempt is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(subjects()[chosen.subject](chosen.attempt, Path(folder)))
        return 0
    if chosen.seconds is not None:
        _work(chosen.subject, chosen.seed, chosen.seconds)
        return 0
    names = [chosen.subject] if chosen.subject else [*subjects()]
    failed = [name for name in names if not _watch(name, chosen.seed, 60.0 * chosen.minutes / len(names))]
    print(f"failed: {', '.join(failed)}" if failed else "no failures")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5.0, help="in all, shared by the subjects")
    parser.add_argument("--seed", type=int, default=1, help="other seeds, other attempts")
    parser.add_argument("--subject", choices=[*subjects()], help="this one alone")
    parser.add_argument("--attempt", type=int, help="one attempt of the subject once more, as a failure names it")
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    return parser


def _work(name: str, seed: int, seconds: float) -> None:
    """Attempts until the time is over, each told before and after; one that fails ends the process."""
    attempt, end = subjects()[name], time.monotonic() + seconds
    for number in range(seed * SPAN, (seed + 1) * SPAN):
        if time.monotonic() >= end:
            return
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        print(number, flush=True)
        print(json.dumps(attempt(number, folder)), flush=True)
        shutil.rmtree(folder)


def _watch(name: str, seed: int, seconds: float) -> bool:
    """Whether all attempts of a subject were as they should be; prints what came of them."""
    program = [sys.executable, "-m", "tests.fuzz", "--subject", name, "--seed", str(seed), "--seconds", str(seconds)]
    done = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=False, timeout=seconds + 2 * HANGS_S)
    lines = done.stdout.splitlines()
    outcomes = Counter(json.loads(line) for line in lines[1::2])
    _show(name, outcomes)
    if done.returncode:
        print(f"FAILED. Once more: python -m tests.fuzz --subject '{name}' --attempt {lines[-1] if lines else '?'}")
    return done.returncode == 0


def _show(name: str, outcomes: Mapping[str, int]) -> None:
    print(f"{name}: {sum(outcomes.values()):,}")
    for outcome, count in sorted(outcomes.items(), key=lambda pair: (-pair[1], pair[0])):
        print(f"  {count:>8,}  {outcome}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
