"""Three files where the alarms are best and three where they are worst, as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import polars as pl

from bench.anomalies.nab import MEASURE, Alarms, Benchmark
from processors.schema import OBSERVED_AT, SENSOR_ID

mpl.use("Agg")
from matplotlib import pyplot as plt

SHOWN = 3


def plot(benchmark: Benchmark, alarms: Alarms, folder: Path) -> Sequence[tuple[str, float, Path]]:
    """Draws the best and the worst files; name, share of what can be won there, and picture of each, best first."""
    shares = sorted(benchmark.by_file(alarms).items(), key=lambda item: (-item[1], item[0]))
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for title, chosen in (("good", shares[:SHOWN]), ("bad", shares[-SHOWN:])):
        for number, (name, share) in enumerate(chosen, 1):
            path = folder / f"{title}-{number}.png"
            _draw(benchmark, alarms, name, path)
            drawn.append((name, share, path))
    return drawn


def _draw(benchmark: Benchmark, alarms: Alarms, name: str, path: Path) -> None:
    """The values of a file, its labelled windows, and the alarms: right ones as triangles, false ones as crosses."""
    own = (benchmark.rows[SENSOR_ID] == f"{benchmark.names.index(name):03}").to_numpy()
    rows = benchmark.rows.filter(pl.Series(own))
    first = int(np.argmax(own))
    windows = [(a - first, b - first) for a, b in benchmark.windows if first <= a < first + len(rows)]
    times, values = rows[OBSERVED_AT].to_numpy(), rows[MEASURE].to_numpy()
    at = np.flatnonzero(alarms[own])
    right = np.array([any(a <= row <= b for a, b in windows) for row in at], dtype=bool)
    figure, axes = plt.subplots(figsize=(9, 2.4), layout="constrained")
    axes.plot(times, values, color="#4c566a", linewidth=0.6)
    for begin, end in windows:
        axes.axvspan(times[begin], times[end], color="#ebcb8b", alpha=0.5, linewidth=0)
    axes.plot(times[at[right]], values[at[right]], "^", color="#2e7d32", markersize=7)
    axes.plot(times[at[~right]], values[at[~right]], "x", color="#c62828", markersize=7)
    axes.set_title(name, fontsize=8, loc="left")
    axes.tick_params(labelsize=7)
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)
