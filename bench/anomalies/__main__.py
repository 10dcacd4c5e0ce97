"""`make bench-anomalies`: measures the detectors, and writes the figures and pictures of docs/anomalies.md."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.anomalies import cost, nab, page, plots, simulated
from processors.detect import detectors

PARTS = ("benchmark", "speed", "day", "simulated")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what was asked for; 1 when the benchmark was asked for and is not there."""
    options = _parser().parse_args(arguments)
    parts = options.parts or PARTS
    try:
        benchmark = nab.load(options.nab) if "benchmark" in parts else None
    except FileNotFoundError as missing:
        print(f"Error: {missing}", file=sys.stderr)
        return 1
    if benchmark is not None:
        _benchmark(benchmark, writes=options.nab == nab.SHARED)
    if "speed" in parts:
        _tell("speed", page.speeds([_alone(shape) for shape in cost.SHAPES]))
    if "day" in parts:
        _tell("day", page.share(cost.share_of_a_day()))
    if "simulated" in parts:
        results = [simulated.measure(simulated.Simulation(noise_factor=factor)) for factor in (1.0, 2.0)]
        _tell("noise", page.noise())
        _tell("simulated", page.simulated(results))
    return 0


def _benchmark(benchmark: nab.Benchmark, *, writes: bool) -> None:
    """Scores of `surprise` alone and of all detectors; pages and pictures only of the half that they are about."""
    every = detectors(thresholds={}, limits={nab.MEASURE: (-sys.float_info.max, sys.float_info.max)})
    (surprise,) = (detector for detector in every if detector.kind == "surprise")
    alone, _ = nab.alarms_of(benchmark, [surprise])
    together, _ = nab.alarms_of(benchmark, every)
    own = {"**ours, all detectors**": benchmark.scores(together), "**ours, `surprise` alone**": benchmark.scores(alone)}
    text = page.benchmark(own, nab.best_clock(benchmark))
    if not writes:
        print(text)
        return
    _tell("benchmark", text)
    _tell("pictures", page.pictures(plots.plot(benchmark, together, page.PICTURES)))


def _alone(shape: cost.Shape) -> cost.Speed:
    """In a process of its own, so that no shape finds memory warmed by another."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(cost.speed, shape).result()


def _tell(part: str, text: str) -> None:
    page.write(part, text)
    print(f"{part}\n{text}\n", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench.anomalies", description="How good the detectors are.")
    parser.add_argument(
        "--nab", type=Path, default=nab.SHARED, help="folder of the benchmark; another one is only told"
    )
    which = f"of {', '.join(PARTS)}; all if none is named"
    parser.add_argument("parts", nargs="*", choices=(*PARTS, []), default=[], help=which)
    return parser


if __name__ == "__main__":
    sys.exit(main())
