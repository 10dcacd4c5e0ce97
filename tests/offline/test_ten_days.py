"""Ten days without Cosmos, and what happens when it is back: in one process whose clock is the test's."""

from __future__ import annotations

import os
import random
import sqlite3
import statistics
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from processors.backoff import LONGEST_S
from processors.city import Silent, World, passes
from processors.cosmos import Account
from processors.model import Database
from processors.pipeline import Taken
from processors.report import Report
from tests.harness import databases, oracle
from tests.harness.databases import START, readings
from tests.harness.line import Line
from tests.harness.node import Node
from tests.harness.strict import StrictCosmos

SENSORS = ("a", "b", "c")
STEP_S = 180.0
EVERY_S = 60.0
HOUR_S = 3_600.0
OUTAGE_S = 10 * 24 * HOUR_S
PAGE_ROWS = 800
BATCH_S = 120.0
"""What a page takes when the backlog goes up: the test's sensors write seldom, so its Cosmos is slow."""

FRESH = timedelta(minutes=15)
"""A window leaves when three rows are past its end."""

THROUGHPUT = 30_000.0
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


class Site(threading.Event):
    """A node whose sensors write as time goes by; time goes by while the run waits, and with each batch."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node
        self.seconds = 0.0
        self.waits: list[float] = []
        self.writing = True
        self._rows = dict.fromkeys(SENSORS, 0)
        for sensor in SENSORS:
            databases.create(node.database(sensor))

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def clock(self) -> float:
        return self.seconds

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self.seconds += timeout
        if self.seconds - max(self._rows.values()) * STEP_S > HOUR_S:
            self.write()
        return self.is_set()

    def write(self) -> None:
        """Rows up to now; sensors that write more often would only take the test longer."""
        if not self.writing:
            return
        for seed, sensor in enumerate(SENSORS):
            done = self._rows[sensor]
            due = int(self.seconds / STEP_S) - done
            start = START + timedelta(seconds=done * STEP_S)
            rows = readings(due, seed=seed + 10 * done, step_s=STEP_S, start=start, sensors=(sensor,))
            databases.append(self.node.database(sensor), rows)
            self._rows[sensor] += due

    def facts(self) -> set[oracle.Fact]:
        return set().union(*(oracle.once(oracle.table(self.node.database(sensor))) for sensor in SENSORS))


@dataclass
class Drain(Silent):
    """What went up with each page of a backlog, and how old the newest window of each sensor was then."""

    site: Site
    strict: StrictCosmos
    pages: list[tuple[datetime, datetime]] = field(default_factory=list)
    ages: list[timedelta] = field(default_factory=list)
    provisional: int = 0
    _seen: int = 0
    _newest: dict[str, datetime] = field(default_factory=dict)

    def batch(self, database: Database, taken: Taken) -> None:  # noqa: ARG002 - see `world.Progress`
        new = self.strict.exchanges[self._seen :]
        self._seen += len(new)
        items = [item for each in new if each.kind == "batch" and each.status == 200 for item in each.documents]
        times = sorted(
            datetime.fromisoformat(item["observedAt"]) for item in items if "rowId" in item and "kind" not in item
        )
        self.pages.append((times[0], times[-1]))
        for item in items:
            if "windowStart" in item:
                start = datetime.fromisoformat(item["windowStart"])
                self._newest[item["sensorId"]] = max(start, self._newest.get(item["sensorId"], start))
                self.provisional += "provisional" in item
        self.ages.append(self.site.now() - min(self._newest.values(), default=START))
        self.site.seconds += BATCH_S
        self.site.write()


def resident_and_files() -> tuple[int, int]:
    resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return resident * _PAGE_KB, sum(1 for _ in Path("/proc/self/fd").iterdir())


def contents(node: Node) -> tuple[list[str], dict[Path, bytes]]:
    with closing(sqlite3.connect(node.checkpoint)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        positions = list(connection.iterdump())
    return positions, {path: path.read_bytes() for path in node.archive.rglob("*") if path.is_file()}


def stored(account: Account, container: str) -> list[dict[str, Any]]:
    return list(oracle.documents(account, container).values())


@pytest.fixture
def strict(account: Account) -> Iterator[StrictCosmos]:
    with StrictCosmos(account, throughput=THROUGHPUT) as strict:
        yield strict


def test_ten_days_without_cosmos(tmp_path: Path, strict: StrictCosmos) -> None:
    node = Node(tmp_path)
    site = Site(node)
    site.seconds = HOUR_S
    site.write()
    dice = random.Random(1)
    world = World(now=site.now, clock=site.clock, stop=site, jitter=dice.random)
    often = {"every": EVERY_S, "page_rows": PAGE_ROWS}
    before = next(passes(node.settings(strict.account, **often), world, Silent()))
    assert (before.exit_code, before.taken.rows) == (0, len(SENSORS) * HOUR_S / STEP_S)

    with Line(strict.endpoint) as line:
        drain = Drain(site, strict)
        reports = passes(node.settings(strict.account, endpoint=line.endpoint, **often), world, drain)
        assert_nothing_grows_and_nothing_moves(site, reports)
        line.up()
        assert_the_backlog_goes_up(site, drain, reports)


def assert_nothing_grows_and_nothing_moves(site: Site, reports: Iterator[Report]) -> None:
    kept = contents(site.node)
    end = site.seconds + OUTAGE_S
    samples = []
    while site.seconds < end:
        report = next(reports)
        assert (report.exit_code, report.taken.rows, report.backlog_rows) == (3, 0, None)
        samples.append(resident_and_files())
    assert contents(site.node) == kept

    waits = site.waits[2:]  # those before the first passes are left out
    assert len(waits) == len(samples) - 1
    assert OUTAGE_S / LONGEST_S <= len(samples) <= OUTAGE_S / LONGEST_S * 2 + 4
    assert [EVERY_S <= wait <= LONGEST_S for wait in waits] == [True] * len(waits)
    assert waits[0] == EVERY_S
    settled = waits[4:]
    assert LONGEST_S / 2 <= min(settled) < LONGEST_S * 0.51
    assert max(settled) > LONGEST_S * 0.99

    tenth = len(samples) // 10
    first, last = samples[:tenth], samples[-tenth:]
    memory_first, memory_last = (statistics.median(each[0] for each in part) for part in (first, last))
    assert memory_last <= memory_first * 1.02 + 1_024, (memory_first, memory_last)
    assert statistics.median(each[1] for each in last) <= statistics.median(each[1] for each in first)


def assert_the_backlog_goes_up(site: Site, drain: Drain, reports: Iterator[Report]) -> None:
    waiting = []
    for report in reports:
        assert report.exit_code == 0, report.document()
        waiting.append(report.backlog_rows)
        if report.backlog_rows == 0:
            break
    assert waiting == sorted(waiting, key=lambda rows: -(rows or 0))
    assert len(waiting) > OUTAGE_S / STEP_S / PAGE_ROWS / 2
    assert drain.pages == sorted(drain.pages), "oldest first, over all databases"
    assert drain.ages[0] > timedelta(days=9)
    assert max(drain.ages[1:]) < FRESH, "the newest windows of all sensors, after the first page of the first"
    assert drain.provisional

    site.writing = False
    rest = next(reports)
    assert (rest.exit_code, rest.backlog_rows) == (0, 0)
    facts = site.facts()
    account = drain.strict.account
    assert oracle.once(oracle.stated(stored(account, "readings"))) == facts
    assert oracle.once(oracle.archived(site.node.archive)) == facts
    aggregates = stored(account, "aggregates")
    assert not [item for item in aggregates if "provisional" in item or "ttl" in item]
    windows = oracle.windows(facts)
    assert len(windows) - 3 * len(SENSORS) <= len(aggregates) <= len(windows)
    assert len(stored(account, "runs")) == 1 + len(waiting) + 1
