"""`make chaos`: many plans of faults against the real processor; ends with 1 when the promise was broken once."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter

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

KINDS = ("lost", "doubled", "wrong", "traceback")


def main() -> int:
    options = _options()
    if os.geteuid() != 0:
        print("Error: cannot mount small disks: they take root\nTry: sudo make chaos", file=sys.stderr)
        return 2
    begun = time.monotonic()
    seeds = range(options.seed, options.seed + options.plans)
    outcomes: list[Outcome] = []
    with serving() as endpoint:
        for outcome in perform_all((draw(seed) for seed in seeds), endpoint, os.cpu_count() or 1):
            outcomes.append(outcome)
            _tell(outcome, len(outcomes), options.plans)
    return _conclude(outcomes, time.monotonic() - begun, whole=options.plans >= WHOLE)


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


def _conclude(outcomes: list[Outcome], seconds: float, *, whole: bool) -> int:
    struck = sum((outcome.fired for outcome in outcomes), Counter[str]())
    problems = Counter(problem.split(":")[0] for outcome in outcomes for problem in outcome.problems)
    figures = page.Figures(
        plans=len(outcomes),
        runs=sum(outcome.runs for outcome in outcomes),
        rows=sum(outcome.rows for outcome in outcomes),
        minutes=seconds / 60,
        struck={name: struck[name] for name in FAULTS},
        problems={kind: problems[kind] for kind in (*KINDS, *sorted(problems.keys() - set(KINDS)))},
    )
    print(figures.text())
    rare = [name for name in FAULTS if struck[name] < LEAST]
    if whole and rare:
        print(f"Error: fewer than {LEAST} times: {', '.join(rare)}\nTry: more plans (--plans)", file=sys.stderr)
    if whole and not problems and not rare:
        page.write(figures)
    return 1 if problems or (whole and rare) else 0


if __name__ == "__main__":
    sys.exit(main())
