"""Random histories: sensors write, tables are replaced, runs are disturbed, in any order; the promise holds after each
clean run."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.chaos.faults import FAULTS
from tests.chaos.perform import Node, prepared, settle
from tests.chaos.plan import Plan, apart
from tests.chaos.zygote import Zygote

pytestmark = pytest.mark.root

EXAMPLES = 12
STEPS = 12

SENSORS = 2
SENSOR = st.sampled_from([f"box{number}" for number in range(SENSORS)])
ROWS = st.integers(1, 50)


class History(RuleBasedStateMachine):
    """One node and what happens to it."""

    def __init__(self, zygote: Zygote, endpoint: str) -> None:
        super().__init__()
        self._zygote = zygote
        self._endpoint = endpoint
        self._stack = ExitStack()
        self._folder = Path(tempfile.mkdtemp(prefix="history-"))
        self._dice = random.Random(0)
        self.node: Node

    @initialize(seed=st.integers(0, 10**6), page_rows=st.integers(3, 40), rows=ROWS)
    def begin(self, seed: int, page_rows: int, rows: int) -> None:
        plan = Plan(seed, SENSORS, page_rows, rows, ())
        self._dice = random.Random(seed)
        self.node = self._stack.enter_context(prepared(plan, self._zygote, self._endpoint, self._folder / "node"))
        for sensor in self.node.world.sensors:
            self.node.world.append(sensor, rows)
            self.node.world.copy(sensor)

    @rule(sensor=SENSOR, rows=ROWS)
    def write(self, sensor: str, rows: int) -> None:
        self.node.world.append(sensor, rows)

    @rule(sensor=SENSOR)
    def copy(self, sensor: str) -> None:
        self.node.world.copy(sensor)

    @rule(sensor=SENSOR, rows=ROWS)
    def recreate(self, sensor: str, rows: int) -> None:
        self.node.world.recreate(sensor, rows)

    @rule(sensor=SENSOR, rows=ROWS)
    def put_back(self, sensor: str, rows: int) -> None:
        self.node.world.put_back(sensor, rows)

    @rule(sensor=SENSOR)
    def forget_old(self, sensor: str) -> None:
        self.node.world.forget_old(sensor)

    @rule(names=st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=3, unique=True))
    def run_disturbed(self, names: list[str]) -> None:
        self.node.run(apart(tuple(names)), self._dice, Counter())

    @rule()
    def run_clean(self) -> None:
        problems = settle(self.node)
        assert not problems, "\n".join(problems)

    def teardown(self) -> None:
        try:
            if hasattr(self, "node"):
                self.run_clean()
        finally:
            self._stack.close()
            shutil.rmtree(self._folder)


def test_histories(emulator: str) -> None:
    with Zygote() as zygote:
        run_state_machine_as_test(
            lambda: History(zygote, emulator),
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
