"""Each stage alone: what the pipeline does with a page, one call after the other, with a clock around each.

`python -m bench.stages DATABASE FOLDER` gives the speeds as JSON, from a process whose memory is its own.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import polars as pl

from bench.data import CITY, TABLE
from processors import document, lineage
from processors.anchors import anchor_of
from processors.archive import Archive
from processors.checkpoint import open_checkpoint
from processors.conform import conform
from processors.detect import detect, detectors
from processors.document import Origin
from processors.model import BEFORE_FIRST, Batch, Branch, Database
from processors.schema import COLUMNS, SENSOR_ID, WINDOW_START
from processors.settings import Settings
from processors.source import open_source
from processors.transform import transform
from processors.transform.aggregate import WINDOW_S, accumulate, merge, summarize
from processors.transform.privacy import Privacy, sanitize

PAGE_ROWS = 20_000

SOURCE = "source.page"
RAW = "sqlite3 fetchall"
_GENERATION = "bench"


@dataclass(frozen=True)
class Speed:
    """How fast a stage takes pages of equal size, in rows a second.

    Attributes:
        stage: Its name.
        median: The usual page.
        least: The slowest page.
        best: The fastest page.
        cpu_us_a_row: Processor time of the usual page, of all threads: says most where others use the machine too.
    """

    stage: str
    median: float
    least: float
    best: float
    cpu_us_a_row: float


@dataclass
class _Clock:
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begun, used = time.perf_counter(), time.process_time()
        yield
        self.seconds[name].append(time.perf_counter() - begun)
        self.cpu_s[name].append(time.process_time() - used)

    def speeds(self) -> list[Speed]:
        return [
            Speed(
                name,
                median=PAGE_ROWS / median(seconds),
                least=PAGE_ROWS / max(seconds),
                best=PAGE_ROWS / min(seconds),
                cpu_us_a_row=median(self.cpu_s[name]) / PAGE_ROWS * 1e6,
            )
            for name, seconds in self.seconds.items()
        ]


def measure(path: Path, folder: Path) -> list[Speed]:
    """Speeds over all whole pages of a database, in the pipeline's order; each page is one repeat.

    Args:
        path: The database; at least `PAGE_ROWS` rows.
        folder: For archive and checkpoint; on the disk whose speed matters.
    """
    clock = _Clock()
    _walk(path, folder, clock)
    return clock.speeds()


def _walk(path: Path, folder: Path, clock: _Clock) -> None:
    settings = Settings()
    using = detectors(thresholds=settings.thresholds, limits=settings.limits)
    privacy = Privacy(coordinate_decimals=settings.coordinate_decimals)
    database = Database(CITY, path.parent.name, path)
    archive = Archive(folder / "archive", database)
    branch = Branch(_GENERATION, None, BEFORE_FIRST, BEFORE_FIRST)
    carried: Mapping[str, pl.DataFrame] = {}
    with (
        open_source(path, table=TABLE, columns={}, scratch=folder / "scratch") as source,
        open_checkpoint(folder / "state", CITY) as checkpoint,
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw,
    ):
        checkpoint.add(database.sensor, branch)
        while True:
            with clock.stage(RAW):
                _fetch(raw, branch.position)
            with clock.stage(SOURCE):
                page = source.page(branch.position, PAGE_ROWS)
            if len(page) < PAGE_ROWS:
                _forget_last(clock)
                return
            with clock.stage("conform"):
                conformed = conform(page, default_zone="UTC")
            with clock.stage("transform"):
                rows, flags = transform(conformed.valid, carried)
            with clock.stage("detect"):
                detected = detect(rows, carried, using)
                rows = detected.rows
            with clock.stage("aggregate"):
                own = accumulate(rows)
                start = pl.col(WINDOW_START)
                spans = own.select(SENSOR_ID, start.alias("first"), start.alias("last"))
                windows = merge(checkpoint.windows(branch.generation, spans), own)
                leaving = summarize(windows)
            origin = Origin(CITY, branch.generation)
            with clock.stage("document"):
                body = sanitize(document.identify(rows, origin), privacy)
                for _ in document.readings(body, origin, "sanitized"):
                    pass
            with clock.stage("document, others"):
                for _ in document.anomalies(detected.alarms, origin):
                    pass
                for _ in document.aggregates(leaving, origin, WINDOW_S):
                    pass
            batch = Batch(database, branch.generation, int(page["id"][-1]), page)
            ends = (anchor_of(page, 0), anchor_of(page, -1))
            with clock.stage("archive"):
                archive.write(batch, branch.position, conformed.valid, conformed.rejects, ends)
            branch = lineage.advance(branch, batch.last_id, ends[-1])
            carried = {**flags, **detected.state}
            with clock.stage("checkpoint"):
                checkpoint.advance(database.sensor, branch, carried, windows)


def _forget_last(clock: _Clock) -> None:
    """The page at the end of the table is not a whole one."""
    for name in (RAW, SOURCE):
        clock.seconds[name].pop()
        clock.cpu_s[name].pop()


def _fetch(connection: sqlite3.Connection, after: int) -> None:
    """The page as Python objects, by the means that everybody has: the same columns, the same rows."""
    columns = ", ".join(column.source for column in COLUMNS)
    connection.execute(f"SELECT {columns} FROM {TABLE} WHERE id > ? ORDER BY id LIMIT {PAGE_ROWS}", (after,)).fetchall()


if __name__ == "__main__":
    print(json.dumps([asdict(speed) for speed in measure(Path(sys.argv[1]), Path(sys.argv[2]))]))
