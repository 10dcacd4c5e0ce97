"""What detection costs: rows a second of the histograms, bytes that they carry, and its part of a whole pass."""

from __future__ import annotations

import io
import math
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from unittest.mock import patch

import polars as pl

from bench.data import CITY
from bench.discard import serving
from processors import city, detect
from processors.detect.surprise import Surprise
from processors.schema import MEASURE_NAMES, OBSERVED_AT, ROW_ID, SENSOR_ID
from processors.settings import Settings
from sensors.simulator import Plan, backfill, fleet_of

REPEATS = 3
DAY = timedelta(days=1)
_START = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Shape:
    """Rows of one measure, sensors taking turns.

    Attributes:
        rows: In all.
        sensors: That write them.
        period_s: From one row of a sensor to its next.
        call_rows: Rows of a call; pages of the pipeline have 20,000 by default and 100,000 at most.
    """

    rows: int
    sensors: int
    period_s: int
    call_rows: int


SHAPES = (
    Shape(1_000_000, 1, 1, 20_000),
    Shape(1_000_000, 1, 1, 100_000),
    Shape(100_000, 1, 300, 100_000),
    Shape(1_000_000, 1, 300, 100_000),
    Shape(1_000_000, 1_000, 300, 100_000),
    Shape(1_000_000, 1, 300, 1_000_000),
    Shape(1_000_000, 1_000, 300, 1_000_000),
    Shape(1_000_000, 1, 1, 1_000_000),
    Shape(1_000_000, 1_000, 1, 1_000_000),
)


@dataclass(frozen=True)
class Speed:
    """How fast `surprise` takes rows of a shape.

    Attributes:
        shape: Of the rows.
        median: Rows a second of the usual repeat.
        best: Of the fastest.
        cpu_us_a_row: Processor time of the fastest, of all threads.
        state_bytes: The most that one sensor carries after the last row, packed as the checkpoint packs it.
    """

    shape: Shape
    median: float
    best: float
    cpu_us_a_row: float
    state_bytes: int


@dataclass(frozen=True)
class Share:
    """A day of one sensor through the whole pipeline, to an endpoint that discards.

    Attributes:
        rows: Of the day.
        with_s: Least seconds of a pass with all detectors.
        without_s: With none.
        ratios: Time with detection over time without, of each pair.
    """

    rows: int
    with_s: float
    without_s: float
    ratios: Sequence[float]

    @property
    def ratio(self) -> float:
        """The usual pair's."""
        return median(self.ratios)


def speed(shape: Shape) -> Speed:
    """The speed of `surprise` alone."""
    rows = _rows(shape)
    detector = Surprise(8.5)
    walls, cpus = [], []
    state = pl.DataFrame(schema=detector.carries)
    for _ in range(REPEATS):
        state = pl.DataFrame(schema=detector.carries)
        begun, used = time.perf_counter(), time.process_time()
        for page in rows.iter_slices(shape.call_rows):
            state = detector.judge(page, state).state
        walls.append(time.perf_counter() - begun)
        cpus.append(time.process_time() - used)
    return Speed(
        shape,
        median=shape.rows / median(walls),
        best=shape.rows / min(walls),
        cpu_us_a_row=min(cpus) / shape.rows * 1e6,
        state_bytes=max(_packed(own) for own in state.partition_by(SENSOR_ID)[:20]),
    )


def share_of_a_day(pairs: int = REPEATS) -> Share:
    """A day through the whole pipeline with detection and without, in pairs, each pass in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-day-") as folder:
        (sensor,) = fleet_of(CITY, 1)
        data = Path(folder) / "data"
        rows = backfill(data, sensor, Plan(_START, _START + DAY, 1.0)).rows
        found = []
        for _ in range(pairs):
            with serving() as endpoint, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                found.append([pool.submit(_pass, data, endpoint.url, detects).result() for detects in (True, False)])
    return Share(
        rows,
        with_s=min(pair[0] for pair in found),
        without_s=min(pair[1] for pair in found),
        ratios=[pair[0] / pair[1] for pair in found],
    )


def _pass(data: Path, url: str, detects: bool) -> float:
    """Seconds of one pass over all rows, without the start of the process."""
    with tempfile.TemporaryDirectory(prefix="bench-pass-") as folder:
        settings = Settings(
            city=CITY, endpoint=url, data=data, state=Path(folder, "state"), archive=Path(folder, "archive")
        )
        using = detect.detectors(thresholds=settings.thresholds, limits=settings.limits) if detects else ()
        with patch.object(city, "detectors", lambda **_: using):
            begun = time.perf_counter()
            (report,) = city.passes(settings, city.World(), city.Silent())
            seconds = time.perf_counter() - begun
    if report.errors:
        sys.exit(f"the pass failed: {report.errors}")
    return seconds


def _packed(frame: pl.DataFrame) -> int:
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="zstd")
    return buffer.tell()


def _rows(shape: Shape) -> pl.DataFrame:
    source = random.Random(shape.rows)
    noise = pl.Series([source.gauss(0, 0.3) for _ in range(100_003)])
    index = pl.int_range(shape.rows)
    turn = index // shape.sensors * shape.period_s
    values = 20 + 5 * (turn * (2 * math.pi / 86_400)).sin() + pl.lit(noise).gather(index % len(noise))
    absent = (pl.lit(None, pl.Float64).alias(name) for name in MEASURE_NAMES[1:])
    return pl.select(
        (index + 1).alias(ROW_ID),
        pl.format("s{}", index % shape.sensors).alias(SENSOR_ID),
        (pl.lit(_START) + pl.duration(seconds=turn)).cast(pl.Datetime("us", "UTC")).alias(OBSERVED_AT),
        values.round(4).alias(MEASURE_NAMES[0]),
    ).with_columns(absent)
