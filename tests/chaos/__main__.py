"""`make chaos`: many plans of faults against the real processor, and beside them a run of thousands of passes.

Ends with 1 when the promise was broken once, or when memory or open files grew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.chaos import page
from tests.chaos.crew import perform_all
from tests.chaos.faults import FAULTS
from tests.chaos.perform import Outcome
from tests.chaos.plan import draw
from tests.harness.emulator import serving

LEAST = 20
"""Each fault must have struck so often in a whole run."""

WHOLE = 500
"""Plans of a whole run, whose figures are written down."""

CYCLES = 10_000
"""Passes of the long run, in a whole run."""

KINDS = ("lost", "doubled", "wrong", "traceback")


def main() -> int:
    options = _options()
    if os.geteuid() != 0:
        print("Error: cannot mount small disks: they take root\nTry: sudo make chaos", file=sys.stderr)
        return 2
    begun = time.monotonic()
    whole = options.plans >= WHOLE
    seeds = range(options.seed, options.seed + options.plans)
    outcomes: list[Outcome] = []
    with serving() as endpoint, _soak(CYCLES if whole else 0) as soak:
        for outcome in perform_all((draw(seed) for seed in seeds), endpoint):
            outcomes.append(outcome)
            _tell(outcome, len(outcomes), options.plans)
        soaked = soak()
    return _conclude(outcomes, time.monotonic() - begun, soaked)


@contextmanager
def _soak(cycles: int) -> Iterator[Callable[[], dict[str, Any]]]:
    """Begins the long run beside the plans; what is yielded waits for its end. Nothing for no cycles."""
    if not cycles:
        yield dict
        return
    command = [sys.executable, "-m", "tests.offline.soak", "--cycles", str(cycles)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:

        def soaked() -> dict[str, Any]:
            output, _ = process.communicate()
            found: dict[str, Any] = json.loads(output) if output else {"flat": False}
            return found

        try:
            yield soaked
        finally:
            process.kill()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--plans", type=int, default=WHOLE)
    parser.add_argument("--seed", type=int, default=1, help="of the first plan")
    return parser.parse_args()


def _tell(outcome: Outcome, number: int, plans: int) -> None:
    if outcome.problems:
        print(f"\n{outcome.plan}\n" + "\n".join(f"  {problem}" for problem in outcome.problems[:20]))
        print(f"  again: python -m tests.chaos --plans 1 --seed {outcome.plan.seed}", flush=True)
    elif number % 25 == 0:
        print(f"chaos: {number} of {plans} plans", file=sys.stderr, flush=True)


def _conclude(outcomes: list[Outcome], seconds: float, soaked: dict[str, Any]) -> int:
    struck = sum((outcome.fired for outcome in outcomes), Counter[str]())
    problems = Counter(problem.split(":")[0] for outcome in outcomes for problem in outcome.problems)
    figures = page.Figures(
        plans=len(outcomes),
        runs=sum(outcome.runs for outcome in outcomes),
        rows=sum(outcome.rows for outcome in outcomes),
        minutes=seconds / 60,
        struck={name: struck[name] for name in FAULTS},
        problems={kind: problems[kind] for kind in (*KINDS, *sorted(problems.keys() - set(KINDS)))},
        soaked=soaked,
    )
    print(figures.text())
    if not soaked:
        return 1 if problems else 0
    rare = [name for name in FAULTS if struck[name] < LEAST]
    if rare:
        print(f"Error: fewer than {LEAST} times: {', '.join(rare)}\nTry: more plans (--plans)", file=sys.stderr)
    if not soaked["flat"]:
        print(f"Error: memory or open files grew: {soaked}\nTry: python -m tests.offline.soak", file=sys.stderr)
    if problems or rare or not soaked["flat"]:
        return 1
    page.write(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
