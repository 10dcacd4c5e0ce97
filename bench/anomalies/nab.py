"""The Numenta Anomaly Benchmark: its files, its scorer, and what detectors say of them.

A folder with `files.txt`, `data/`, `labels.json` and `nab_score.py`, the benchmark's own scorer, is read where it
stands. Every file is a sensor of its own, all are judged in one call, and no detector is told a name, a length or a
range. Lavin and Ahmad (2015), "Evaluating real-time anomaly detection algorithms", doi:10.1109/ICMLA.2015.141.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from processors.detect import Detector, detect
from processors.schema import MEASURE_NAMES, OBSERVED_AT, ROW_ID, SENSOR_ID

SHARED = Path(__file__).parents[3] / "shared" / "nab"

STANDARD, LOW_FP = "standard", "reward_low_FP_rate"

MEASURE = MEASURE_NAMES[0]
"""Column that the benchmark's one value stands in; no detector of `surprise`'s kind knows its unit."""

CLOCKS = range(50, 2_001, 25)
"""Rows between alarms of the control that does not look at the data."""

Alarms = npt.NDArray[np.float64]
"""1.0 for each row with an alarm, of all files end to end, else 0.0."""


@dataclass(frozen=True)
class Scores:
    """What alarms are worth, on the benchmark's scale: 0 for none at all, 100 for all windows at their beginning.

    Attributes:
        standard: Score of the profile.
        low_fp: Of the profile in which a false alarm costs twice as much.
        windows_hit: Labelled windows with an alarm.
        windows: Labelled windows.
        false_alarms: Outside the windows.
        rows: Of all files, without the probation at the beginning of each.
    """

    standard: float
    low_fp: float
    windows_hit: int
    windows: int
    false_alarms: int
    rows: int

    @property
    def false_per_10_000(self) -> float:
        """False alarms in 10,000 rows."""
        return 10_000 * self.false_alarms / self.rows


@dataclass(frozen=True)
class Benchmark:
    """The benchmark's files and how alarms are scored.

    Attributes:
        names: Of the files, in the order of the rows.
        rows: Transformed rows of all files end to end, one sensor a file.
        windows: First and last row of each labelled window.
    """

    names: Sequence[str]
    rows: pl.DataFrame
    windows: Sequence[tuple[int, int]]
    _corpus: Any

    def scores(self, alarms: Alarms) -> Scores:
        """What the alarms are worth."""
        if not alarms.any():
            return Scores(0.0, 0.0, 0, len(self.windows), 0, int(self._corpus.ok.sum()))
        files = self._corpus.detail(alarms, 1.0, STANDARD)
        return Scores(
            standard=self._corpus.at(alarms, 1.0, STANDARD),
            low_fp=self._corpus.at(alarms, 1.0, LOW_FP),
            windows_hit=sum(file["hit"] for file in files),
            windows=len(self.windows),
            false_alarms=sum(file["fp"] for file in files),
            rows=int(self._corpus.ok.sum()),
        )

    def by_file(self, alarms: Alarms) -> dict[str, float]:
        """Name of each file with windows -> share of what can be won there; below 0 where silence is better."""
        files = [file for file in self._corpus.detail(alarms, 1.0, STANDARD) if file["windows"]]
        return {file["file"]: (file["raw"] - file["null"]) / (2 * file["windows"]) for file in files}


def load(folder: Path) -> Benchmark:
    """The benchmark in a folder.

    Raises:
        FileNotFoundError: It is not there.
    """
    scorer = _scorer(folder / "nab_score.py")
    wanted = set((folder / "files.txt").read_text(encoding="utf-8").split())
    frames = scorer.load_frames(str(folder / "data"), str(folder / "labels.json"), wanted.__contains__)
    corpus = scorer.Corpus(frames)
    read = [_file(folder / "data" / name, number) for number, name in enumerate(corpus.names)]
    return Benchmark(corpus.names, _rows(pl.concat(read)), _windows(corpus), corpus)


def alarms_of(benchmark: Benchmark, using: Sequence[Detector]) -> tuple[Alarms, pl.DataFrame]:
    """What detectors say of the benchmark, told nothing but the rows; the alarms as such and as they are documented."""
    found = detect(benchmark.rows, {}, using).alarms
    return benchmark_rows(benchmark, found[ROW_ID]), found


def benchmark_rows(benchmark: Benchmark, row_ids: pl.Series) -> Alarms:
    """Alarms at the rows with these ids."""
    return benchmark.rows[ROW_ID].is_in(row_ids.implode()).to_numpy().astype(np.float64)


def best_clock(benchmark: Benchmark) -> tuple[int, Scores]:
    """The control: alarms every so many rows, and the best it comes to when the interval is chosen afterwards."""
    place = benchmark.rows.select(pl.int_range(pl.len()).over(SENSOR_ID)).to_series().to_numpy()
    tried = [(rows, benchmark.scores((place % rows == rows - 1).astype(np.float64))) for rows in CLOCKS]
    return max(tried, key=lambda one: one[1].standard)


def _file(path: Path, number: int) -> pl.DataFrame:
    return pl.read_csv(path).select(
        pl.lit(f"{number:03}").alias(SENSOR_ID),
        pl.col("timestamp").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", time_zone="UTC").alias(OBSERVED_AT),
        pl.col("value").cast(pl.Float64).alias(MEASURE),
    )


def _rows(values: pl.DataFrame) -> pl.DataFrame:
    absent = (pl.lit(None, pl.Float64).alias(name) for name in MEASURE_NAMES if name != MEASURE)
    return values.select(pl.int_range(1, pl.len() + 1).alias(ROW_ID), pl.all(), *absent)


def _windows(corpus: Any) -> list[tuple[int, int]]:
    spans = pl.DataFrame({"window": corpus.win}).with_row_index("row").filter(pl.col("window") >= 0)
    ends = spans.group_by("window").agg(first=pl.col("row").min(), last=pl.col("row").max()).sort("window")
    return list(ends.select("first", "last").iter_rows())


def _scorer(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("nab_score", path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f"the benchmark is not at {path.parent}: give its folder with --nab")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
