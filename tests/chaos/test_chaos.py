"""The short part of `make chaos`; and the proof that it would find a wrong pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.crew import perform_all
from tests.chaos.faults import FAULTS
from tests.chaos.mutants import MUTANTS, Mutant
from tests.chaos.perform import perform
from tests.chaos.plan import draw
from tests.chaos.zygote import Zygote

pytestmark = pytest.mark.root

MUTANT_PLANS = 50
"""A wrong pipeline must be found within so many."""

KINDS = {
    "checkpoint before archive": "lost",
    "archive before sink": "lost",
    "an id by chance": "doubled",
    "a swallowed 424": "lost",
}

FOUND_BY = {
    "checkpoint before archive": 3,
    "archive before sink": 3,
    "an id by chance": 5,
    "a swallowed 424": 13,
}
"""The first plan that found it, and so is carried out first: the others are for when faults or plans have changed."""


def test_each_fault_leads_a_plan_that_keeps_the_promise(emulator: str) -> None:
    outcomes = perform_all((draw(seed) for seed in range(len(FAULTS))), emulator)
    broken = [f"{outcome.plan}\n" + "\n".join(outcome.problems) for outcome in outcomes if outcome.problems]
    assert not broken, "\n\n".join(broken)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_wrong_pipeline_is_found(mutant: Mutant, emulator: str, tmp_path: Path) -> None:
    first = FOUND_BY[mutant.name]
    with Zygote(mutant.write(tmp_path / "mutant")) as zygote:
        for seed in sorted(range(MUTANT_PLANS), key=lambda seed: seed != first):
            outcome = perform(draw(seed), zygote, emulator, tmp_path / str(seed))
            if any(problem.startswith(KINDS[mutant.name]) for problem in outcome.problems):
                return
    pytest.fail(f"{MUTANT_PLANS} plans did not find it")
