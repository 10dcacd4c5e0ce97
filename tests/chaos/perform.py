"""Carries out a plan: runs with faults, then a clean one, then the verdict."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processors.containers import making
from processors.cosmos import Account
from tests.chaos import judge, reference
from tests.chaos.disk import Disk, mounted
from tests.chaos.faults import FAULTS
from tests.chaos.judge import Contents
from tests.chaos.plan import Plan
from tests.chaos.scene import Scene
from tests.chaos.world import World
from tests.chaos.zygote import Ended, Run, Zygote
from tests.harness import oracle
from tests.harness.strict import StrictCosmos

CODES = frozenset({0, 1, 2, 3, 5, 130})
"""Exit codes of docs/operations.md that a run may end with by itself."""

KILLED = frozenset({137, -9})

TRACE = "Traceback (most recent call last)"


@dataclass
class Outcome:
    """What came of a plan.

    Attributes:
        problems: What is wrong, empty when the promise was kept.
        fired: Name of a fault -> how often it happened.
        rows: Written by the sensors.
        runs: Of the processor.
    """

    plan: Plan
    problems: list[str] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    runs: int = 0


class Node:
    """A world, its Cosmos, and the way to run the processor there."""

    def __init__(self, world: World, strict: StrictCosmos, zygote: Zygote, disks: Mapping[str, Disk], plan: Plan):
        self.world = world
        self.strict = strict
        self.outcome_problems: list[str] = []
        self._zygote = zygote
        self._disks = disks
        self._plan = plan
        self._runs = 0

    def run(self, names: tuple[str, ...], dice: random.Random, fired: Counter[str]) -> None:
        """One run under these faults; when it returns they are over."""
        scene = Scene(self.world, self.strict, self._disks, dice, self._start)
        self.strict.plan = scene.strike
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(FAULTS[name](scene))
            run = self._start(scene.interference)
            scene.has_begun(run)
            ended = run.ended()
            scene.code = ended.code
        self.strict.plan = lambda _: None
        self._check(ended, names)
        for other in scene.others:
            self._check(other.ended(), names)
        fired.update(scene.fired)

    def clean_run(self) -> Ended:
        """A run that nothing disturbs."""
        ended = self._start({}).ended()
        self._check(ended, ())
        if ended.code != 0:
            self.outcome_problems.append(f"stuck: the clean run ended with {ended.code}\n{ended.errors}")
        return ended

    def contents(self) -> Contents:
        """What Cosmos has, each reading by itself; one that is in two documents is there twice."""
        account = self.strict.account
        known = {name: oracle.documents(account, name) for name in ("readings", "aggregates", "anomalies")}
        readings: dict[str, dict[str, Any]] = {}
        for name, document in known["readings"].items():
            for reading in oracle.unpacked(document):
                own = reading["id"] if reading["id"] not in readings else f"{reading['id']} in {name}"
                readings[own] = reading
        return {**known, "readings": readings}

    def _start(self, interference: Mapping[str, Any] | None = None) -> Run:
        self._runs += 1
        account = self.strict.account
        settings = {
            "endpoint": account.endpoint,
            "database": account.database,
            "city": self.world.city,
            "data": self.world.data,
            "state": self.world.state,
            "archive": self.world.archive,
            "page_rows": self._plan.page_rows,
            "bucket_rows": self._plan.bucket_rows,
        }
        return self._zygote.start(self.world.root / "runs", settings, interference or {})

    @property
    def bucketed(self) -> bool:
        """Whether readings share documents."""
        return self._plan.bucket_rows > 1

    @property
    def runs(self) -> int:
        return self._runs

    def _check(self, ended: Ended, names: tuple[str, ...]) -> None:
        """A run that ends by itself says how, and never with a traceback."""
        told = f"under {', '.join(names) or 'nothing'}\n{ended.errors}"
        if TRACE in ended.errors:
            self.outcome_problems.append(f"traceback: {told}")
        if ended.code in KILLED:
            return
        if ended.code not in CODES:
            self.outcome_problems.append(f"code: {ended.code} {told}")
        begins = Counter(line.partition(" ")[0] for line in ended.errors.splitlines())
        if ended.code in CODES - {0, 130} and not begins["Error:"]:
            self.outcome_problems.append(f"silent: code {ended.code} {told}")
        if begins["Error:"] != begins["Try:"]:
            self.outcome_problems.append(f"unhelpful: {told}")


@contextmanager
def prepared(plan: Plan, zygote: Zygote, endpoint: str, root: Path) -> Iterator[Node]:
    """A node of the plan with a Cosmos of its own behind the endpoint of an emulator."""
    account = Account(endpoint, "", f"chaos-{uuid.uuid4().hex[:12]}")
    making.create(account)
    with ExitStack() as stack:
        strict = stack.enter_context(StrictCosmos(account, seed=plan.seed))
        world = World(root, random.Random(f"{plan.seed} world"), plan.sensors)
        disks = {
            part: stack.enter_context(mounted(folder))
            for part, folder in (("state", world.state), ("archive", world.archive))
        }
        yield Node(world, strict, zygote, disks, plan)


def perform(plan: Plan, zygote: Zygote, endpoint: str, root: Path) -> Outcome:
    """Carries out a plan.

    Args:
        plan: What to do.
        zygote: Starts the runs.
        endpoint: Of an emulator; a database is made in it.
        root: Folder for the node; must not exist.
    """
    outcome = Outcome(plan)
    dice = random.Random(f"{plan.seed} faults")
    with prepared(plan, zygote, endpoint, root) as node:
        world = node.world
        for sensor in world.sensors:
            world.append(sensor, plan.first_rows)
            world.copy(sensor)
        for number, names in enumerate(plan.runs):
            if number:
                for sensor in world.sensors:
                    world.append(sensor, dice.randrange(5, 30))
            node.run(names, dice, outcome.fired)
            if dice.random() < 0.3:
                world.copy(dice.choice(world.sensors))
        outcome.problems = settle(node)
        outcome.rows, outcome.runs = len(world.rows), node.runs
    return outcome


def settle(node: Node) -> list[str]:
    """The clean run, another that must find nothing new, and what is wrong then."""
    before = node.contents()
    node.clean_run()
    now = judge.left(node.contents(), node.world.archive)
    problems = [
        *judge.verdict(node.world, before, now, bucketed=node.bucketed),
        *reference.differences(node.world, now.contents),
    ]
    sent = len(node.strict.batches)
    again = node.clean_run()
    if again.reports and (again.reports[-1]["rowsRead"] or len(node.strict.batches) - sent > 1):
        problems.append(
            f"doubled: a run with nothing to do read {again.reports[-1]['rowsRead']} rows and sent something"
        )
    return [*node.outcome_problems, *problems]
