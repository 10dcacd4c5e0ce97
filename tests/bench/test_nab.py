"""The score that docs/anomalies.md tells, with the thresholds as they are."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bench.anomalies import nab
from bench.anomalies.__main__ import main
from processors.detect import detectors

# The benchmark's scorer leaves the labels' file open.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed file:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

STANDARD, LOW_FP = 73.0, 64.0

WIDE = {nab.MEASURE: (-sys.float_info.max, sys.float_info.max)}


@pytest.fixture(scope="module")
def benchmark() -> nab.Benchmark:
    if not nab.SHARED.is_dir():
        pytest.skip(f"NOT TESTED on the Numenta benchmark: {nab.SHARED} is missing")
    return nab.load(nab.SHARED)


def test_all_detectors_together_reach_the_score(benchmark: nab.Benchmark) -> None:
    alarms, documented = nab.alarms_of(benchmark, detectors(thresholds={}, limits=WIDE))
    scores = benchmark.scores(alarms)
    assert scores.standard >= STANDARD
    assert scores.low_fp >= LOW_FP
    assert len(documented) == alarms.sum()
    assert documented["explanation"].null_count() == 0


def test_silence_is_worth_nothing_and_knowing_the_windows_everything(benchmark: nab.Benchmark) -> None:
    silence = np.zeros(len(benchmark.rows))
    assert (benchmark.scores(silence).standard, benchmark.scores(silence).windows_hit) == (0.0, 0)
    known = silence.copy()
    known[[first for first, _ in benchmark.windows]] = 1.0
    scores = benchmark.scores(known)
    assert scores.windows_hit == scores.windows == len(benchmark.windows)
    assert scores.standard > 98
    assert scores.false_alarms == 0


def test_a_clock_is_worth_less_than_any_detector(benchmark: nab.Benchmark) -> None:
    _, scores = nab.best_clock(benchmark)
    assert 0 < scores.standard < STANDARD / 2


def test_a_folder_without_the_benchmark_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--nab"):
        nab.load(tmp_path)


def test_all_parts_are_measured_unless_some_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--nab", str(tmp_path / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err
