"""A node whose sensors write, and a record of every row that was ever in one of its tables.

Each row carries a mark of its own (`instance_id`), so that whatever becomes of its database, its documents and
archived copies can be counted.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from tests.harness import databases
from tests.harness.databases import START, Row
from tests.harness.folders import Folders

MARK = "instance_id"

BUSY_S = 10.0
"""A sensor waits so long for the processor's locks; it never has to for longer than a page is read."""


class World(Folders):
    """A city of one node, its folders and its sensors; several threads may be its sensors.

    Attributes:
        rows: Mark -> the row as it was written, for every row there ever was.
        rewritten: Sensors whose history was changed: recreated, replaced, cut or deleted from.
        deleted: Marks of rows that were deleted from a table. Where that was before a run had read them, they are not
            seen again if a copy brings them back: their ids are below those that were taken in.
    """

    def __init__(self, root: Path, dice: random.Random, sensors: int) -> None:
        super().__init__(root)
        self.rows: dict[str, Row] = {}
        self.rewritten: set[str] = set()
        self.deleted: set[str] = set()
        self.sensors = [f"box{number}" for number in range(sensors)]
        self._dice = dice
        self._at = START
        self._copies: dict[str, list[Path]] = {sensor: [] for sensor in self.sensors}
        for folder in (self.state, self.archive):
            folder.mkdir(parents=True)
        for sensor in self.sensors:
            databases.create(self.database(sensor))

    def drawn(self, sensor: str, count: int) -> list[Row]:
        """The next rows of a sensor: mostly plausible, some wild, some bad, some late."""
        rows = []
        for _ in range(count):
            self._at += timedelta(seconds=self._dice.choice((1, 2, 5, 20)))
            (row,) = databases.readings(1, seed=self._dice.randrange(10**6), start=self._at, sensors=(f"{sensor}-s",))
            row[MARK] = f"m{len(self.rows) + len(rows)}"
            chance = self._dice.random()
            if chance < 0.02:
                row["timestamp"] = "not a time"
            elif chance < 0.04:
                row["humidity"] = 1e6
            elif chance < 0.08:
                row["timestamp"] = (self._at - timedelta(seconds=200)).isoformat(timespec="milliseconds")
            elif chance < 0.1:
                row["temperature"] = 99.0
            rows.append(row)
        return rows

    def append(self, sensor: str, count: int) -> None:
        """A sensor writes rows in one transaction."""
        rows = self.drawn(sensor, count)
        with closing(sqlite3.connect(self.database(sensor), timeout=BUSY_S)) as connection, connection:
            databases.insert(connection, rows)
        self.rows |= {row[MARK]: row for row in rows}

    def recreate(self, sensor: str, count: int) -> None:
        """The database is deleted and begun again, its ids with it."""
        self.rewritten.add(sensor)
        databases.create(self.database(sensor))
        self.append(sensor, count)

    def vacuum(self, sensor: str) -> None:
        with closing(sqlite3.connect(self.database(sensor), timeout=BUSY_S)) as connection:
            connection.execute("VACUUM")

    def forget_old(self, sensor: str) -> None:
        """Retention: the older half of the rows is deleted."""
        self.rewritten.add(sensor)
        with closing(sqlite3.connect(self.database(sensor), timeout=BUSY_S)) as connection, connection:
            older = "FROM sensor_readings WHERE id <= (SELECT avg(id) FROM sensor_readings)"
            self.deleted |= {mark for (mark,) in connection.execute(f"SELECT {MARK} {older}")}
            connection.execute(f"DELETE {older}")

    def copy(self, sensor: str) -> None:
        """A copy of the database as it is now, to be put back one day."""
        copies = self._copies[sensor]
        target = self.root / "copies" / f"{sensor}-{len(copies)}.db"
        target.parent.mkdir(exist_ok=True)
        with (
            closing(sqlite3.connect(self.database(sensor), timeout=BUSY_S)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
        copies.append(target)

    def put_back(self, sensor: str, count: int) -> None:
        """One of the copies takes the database's place, and the sensor goes on writing to it."""
        self.rewritten.add(sensor)
        self._replace(sensor, self._dice.choice(self._copies[sensor]))
        self.append(sensor, count)

    def cut(self, sensor: str) -> None:
        """The file loses its end; `mend` undoes it."""
        self.copy(sensor)
        path = self.database(sensor)
        with closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = path.stat().st_size
        os.truncate(path, self._dice.randrange(size // 4, size))

    def mend(self, sensor: str) -> None:
        """The copy that was made before the cut is put back."""
        self.rewritten.add(sensor)
        self._replace(sensor, self._copies[sensor][-1])

    def _replace(self, sensor: str, copy: Path) -> None:
        path = self.database(sensor)
        arriving = path.with_name("arriving.db")
        shutil.copyfile(copy, arriving)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        arriving.replace(path)
