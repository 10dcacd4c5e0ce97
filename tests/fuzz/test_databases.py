"""Databases with mutated bytes: an error that says what to try, or documents of rows that SQLite itself shows."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from processors.errors import ProcessorError
from tests.fuzz import seen
from tests.fuzz.guard import ends, told
from tests.fuzz.mutate import mutated
from tests.fuzz.writer import live
from tests.harness import databases
from tests.harness.node import Node

ATTEMPTS = 60
ID_COLUMNS = (databases.AUTO, databases.AUTO, databases.PLAIN, "id INTEGER NOT NULL UNIQUE")

Maker = Callable[[Path, random.Random], None]


def rows(dice: random.Random) -> list[databases.Row]:
    """Some of them long enough for pages of their own."""
    made = databases.readings(dice.choice([20, 60, 150]), seed=dice.randrange(100), sensors=("s1", "s2"))
    for number, row in enumerate(made, start=1):
        row["id"] = number
        if dice.random() < 0.05:
            row["location"] = "Denver " * dice.randint(1, 400)
    return made


def create(path: Path, dice: random.Random, journal: str) -> sqlite3.Connection:
    """An open connection to a new table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA page_size = {dice.choice([512, 512, 1024, 4096])}")
    connection.execute(f"PRAGMA encoding = '{dice.choice(['UTF-8', 'UTF-8', 'UTF-16le', 'UTF-16be'])}'")
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute(f"CREATE TABLE sensor_readings ({dice.choice(ID_COLUMNS)}, {databases.UPSTREAM})")
    if dice.random() < 0.3:
        connection.execute("CREATE INDEX by_time ON sensor_readings (timestamp)")
    return connection


def rollback(path: Path, dice: random.Random) -> None:
    with closing(create(path, dice, "DELETE")) as connection, connection:
        databases.insert(connection, rows(dice))
        if dice.random() < 0.3:
            connection.execute("DELETE FROM sensor_readings WHERE id % 7 = 3")


def closed_wal(path: Path, dice: random.Random) -> None:
    with closing(create(path, dice, "WAL")) as connection, connection:
        databases.insert(connection, rows(dice))


def power_cut(path: Path, dice: random.Random) -> None:
    """`-wal` with content, some of it in the database already, and no `-shm`."""
    aside = path.with_name("writing.db")
    with closing(create(aside, dice, "WAL")) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        made = rows(dice)
        half = dice.randrange(len(made))
        with connection:
            databases.insert(connection, made[:half])
        if dice.random() < 0.5:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        with connection:
            databases.insert(connection, made[half:])
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{aside}{suffix}", f"{path}{suffix}")
    databases.remove(aside)


def hot_journal(path: Path, dice: random.Random) -> None:
    """The middle of a transaction, part of which is in the database."""
    aside = path.with_name("writing.db")
    with closing(create(aside, dice, "DELETE")) as connection:
        made = rows(dice)
        with connection:
            databases.insert(connection, made[: len(made) // 2])
        connection.execute("PRAGMA cache_size = 1")
        databases.insert(connection, made[len(made) // 2 :])
        for suffix in ("", "-journal"):
            shutil.copyfile(f"{aside}{suffix}", f"{path}{suffix}")
        connection.rollback()
    databases.remove(aside)


STATES: dict[str, Maker] = {
    "rollback": rollback,
    "closed": closed_wal,
    "power cut": power_cut,
    "hot journal": hot_journal,
    "live": closed_wal,
}


@contextmanager
def written(state: str, path: Path, dice: random.Random) -> Iterator[None]:
    """The database in that state, with mutated bytes."""
    STATES[state](path, dice)
    with live(path) if state == "live" else nullcontext():
        there = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-journal")]
        there = [file for file in there if file.exists() and file.stat().st_size]
        for file in {dice.choice(there)} if dice.random() < 0.8 else there:
            content = bytearray(mutated(file.read_bytes(), dice))
            if file == path and len(content) >= 64:
                content[52:56] = bytes(
                    4
                )  # auto-vacuum: what SQLite reads of a damaged one depends on what it read before
            with file.open("r+b") as output:  # in place: a writer may have it open
                output.write(content)
                output.truncate()
        yield


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}


def attempt(seed: int, folder: Path) -> str:
    """One damaged database, read; what came of it."""
    dice = random.Random(seed)
    node = Node(folder)
    state = dice.choice([*STATES])
    path = node.database()
    with written(state, path, dice):
        before = contents(path)
        outcome = "read"
        try:
            with ends():
                node.run(page_rows=dice.choice([9, 50, 50, 500]), stage="schematized")
        except ProcessorError as error:
            outcome = told(error)
        assert contents(path) == before, "the source was changed"
        judge(node, path, live=state == "live", complete=outcome == "read")
    return f"{state}: {outcome}"


def judge(node: Node, path: Path, *, live: bool, complete: bool) -> None:
    """By what SQLite shows of a copy; of a live one also in place, by the `-shm` that its writer has."""
    taken = [*node.memory.contents["readings"].values(), *seen.rejects(node.archive)]
    ids = [item["rowId"] for item in taken]
    copy = seen.copied(path, node.root / "judged")
    places = [(copy, "mode=rw"), (path, "mode=ro")] if live else [(copy, "mode=rw")]
    views = [seen.seen(place, ids, order=o, options=how) for place, how in places for o in ("", "ORDER BY id")]
    wrong = []
    for shown in views:
        try:
            check(node, shown, ids, complete=complete)
            return
        except AssertionError as error:
            wrong.append(error)
    raise wrong[-1]


def check(node: Node, shown: seen.Seen, ids: list[int], *, complete: bool) -> None:
    readings = node.memory.contents["readings"].values()
    rejects = seen.rejects(node.archive)
    seen.check_readings(readings, shown)
    seen.check_rejects(rejects, shown)
    seen.check_aggregates(node.memory.contents)
    if complete:
        assert shown.whole, "SQLite cannot read the table to its end"
        seen.check_nothing_lost(readings, rejects, scanned(shown, ids))


def scanned(shown: seen.Seen, ids: list[int]) -> seen.Seen:
    """Without the rows that were looked up once more."""
    times = Counter(ids)
    rows = {row_id: means[: len(means) - times[row_id]] for row_id, means in shown.rows.items()}
    return seen.Seen({row_id: means for row_id, means in rows.items() if means}, shown.whole)


@pytest.mark.parametrize("first", range(0, ATTEMPTS, 20))
def test_a_damaged_database_is_an_error_or_rows_that_are_there(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + 20):
        attempt(seed, tmp_path / str(seed))


SUBJECTS = {"databases": attempt}
