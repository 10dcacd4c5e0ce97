"""The figures in words and tables, and their place in docs/anomalies.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.anomalies.cost import Share, Speed
from bench.anomalies.nab import Scores
from bench.anomalies.simulated import Result
from sensors.sensor import MODELS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "anomalies.md"
PICTURES = ROOT / "docs" / "anomalies"

PUBLISHED: Mapping[str, float] = {
    "ARTime": 71.3,
    "CAD OSE": 65.7,
    "Numenta HTM": 64.6,
    "Relative Entropy": 53.7,
    "Windowed Gaussian": 42.5,
    "Etsy Skyline": 38.3,
}
"""Standard profile on the half of the benchmark that `make bench-anomalies` reads, by the benchmark's own results."""


def write(part: str, text: str) -> None:
    """Puts the text between the marks of a part of the page."""
    begin, end = f"<!-- {part}: written by make bench-anomalies -->", f"<!-- end of {part} -->"
    head, rest = PAGE.read_text(encoding="utf-8").split(begin)
    tail = rest.split(end)[1]
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")


def benchmark(own: Mapping[str, Scores], clock: tuple[int, Scores]) -> str:
    """Ours among the published detectors, and the control."""
    rows, control = clock
    named = {**own, f"an alarm every {rows} rows, without a look at the data": control}
    lines = [
        (name, scores.standard, f"{scores.low_fp:.1f}", f"{scores.windows_hit} of {scores.windows}",
         f"{scores.false_per_10_000:.1f}")
        for name, scores in named.items()
    ] + [(name, score, "", "", "") for name, score in PUBLISHED.items()]  # fmt: skip
    return _table(
        ("detector", "standard", "reward low FP rate", "windows hit", "false alarms in 10,000 rows"),
        [(name, f"{score:.1f}", *rest) for name, score, *rest in sorted(lines, key=lambda line: -line[1])],
    )


def pictures(drawn: Sequence[tuple[str, float, Path]]) -> str:
    """The good and the bad cases."""
    return "\n\n".join(
        f"`{name}`: {100 * share:.0f} % of what can be won\n\n![{name}]({path.relative_to(PAGE.parent).as_posix()})"
        for name, share, path in drawn
    )


def simulated(results: Sequence[Result]) -> str:
    """What was found of each kind, at each noise, beside the noise."""
    parts = []
    for result in results:
        of = result.of
        parts += [
            (
                f"**{of.sensors} sensors, {of.days:g} days at one reading a second, noise times {of.noise_factor:g}:** "
                f"{result.false_alarms} false alarms, {result.false_in_two_days:.2f} for each sensor in two days; "
                f"{result.alarms} alarms in all, {result.settling} of them while values settled after an anomaly; "
                f"precision {_percent(result.precision)}."
            ),
            _table(
                ("anomaly", "happened", "found", "recall", "named rightly", "median delay, s"),
                [
                    (
                        kind.kind,
                        kind.episodes,
                        kind.found,
                        _percent(kind.recall),
                        kind.named,
                        "" if kind.median_delay_s is None else f"{kind.median_delay_s:.0f}",
                    )
                    for kind in result.kinds
                ],
            ),
        ]
    return "\n\n".join(parts)


def noise() -> str:
    """The noise of the simulator's sensors: what the anomalies stand out from."""
    return _table(
        ("model", "temperature, °C", "humidity, %", "pressure, Pa", "vibration, mm/s", "voltage, V"),
        [(model.name, *(f"{level:g}" for level in model.noise.as_tuple())) for model in MODELS],
    )


def speeds(found: Sequence[Speed]) -> str:
    """Rows a second and bytes by shape."""
    return _table(
        (
            "rows",
            "in calls of",
            "sensors",
            "seconds between rows",
            "rows/s, median",
            "rows/s, best",
            "CPU µs a row",
            "bytes a sensor",
        ),
        [
            (
                f"{speed.shape.rows:,}",
                f"{speed.shape.call_rows:,}",
                f"{speed.shape.sensors:,}",
                speed.shape.period_s,
                f"{speed.median:,.0f}",
                f"{speed.best:,.0f}",
                f"{speed.cpu_us_a_row:.2f}",
                f"{speed.state_bytes:,}",
            )
            for speed in found
        ],
    )


def share(of: Share) -> str:
    """A day with and without detection."""
    ratios = ", ".join(f"{ratio:.2f}" for ratio in sorted(of.ratios))
    return (
        f"A day of one sensor, {of.rows:,} rows, through the whole pipeline to an endpoint that discards: "
        f"{of.with_s:.1f} s with all detectors, {of.without_s:.1f} s with none (the least of {len(of.ratios)} each). "
        f"Time with over time without, pair by pair: {ratios}; median {of.ratio:.2f}."
    )


def _percent(part: float | None) -> str:
    return "" if part is None else f"{100 * part:.1f} %"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
