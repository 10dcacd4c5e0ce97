"""Detectors: rows and state in; whether each row is anomalous, the alarms, and state out.

A detector is exact under any split of the same rows into calls, and so are the alarms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from processors.detect import alarm
from processors.detect.contract import FINDING, Detector
from processors.detect.drift import Drift
from processors.detect.explain import explained
from processors.detect.gap import Gap
from processors.detect.joint import Joint
from processors.detect.limit import Limit
from processors.detect.noise import Noise
from processors.detect.spike import Spike
from processors.detect.stuck import Stuck
from processors.detect.surprise import Surprise
from processors.detect.thresholds import DEFAULT_THRESHOLDS
from processors.schema import IS_ANOMALY, SENSOR_ID

__all__ = ["Detected", "Detector", "State", "detect", "detectors"]

State = Mapping[str, pl.DataFrame]
"""Kind and version of a detector -> what it carries from call to call; what else is in there is left alone."""

_ALARMS = "alarms"
_ALARMS_VERSION = 1


@dataclass(frozen=True)
class Detected:
    """What is known of rows once all detectors have seen them.

    Attributes:
        rows: With `isAnomaly`: true when a detector found something, false when all that could tell found nothing,
            null when none could tell.
        alarms: See `alarm.ALARM`; with `explanation`.
        state: For the rows that follow.
        notices: What was learned anew, for people.
    """

    rows: pl.DataFrame
    alarms: pl.DataFrame
    state: dict[str, pl.DataFrame]
    notices: tuple[str, ...] = ()


def detectors(*, thresholds: Mapping[str, float], limits: Mapping[str, tuple[float, float]]) -> Sequence[Detector]:
    """All detectors.

    Args:
        thresholds: Kind -> score from which on there is a finding, for those that differ from the default.
        limits: Measure -> what its sensor can measure, likewise.
    """
    at = {**DEFAULT_THRESHOLDS, **thresholds}
    return (
        Limit(limits),
        Gap(at["gap"]),
        Stuck(at["stuck"]),
        Spike(at["spike"]),
        Noise(at["noise"]),
        Drift(at["drift"]),
        Surprise(at["surprise"]),
        Joint(at["joint"]),
    )


def detect(rows: pl.DataFrame, state: State, using: Sequence[Detector]) -> Detected:
    """What the detectors find in rows of one generation, in id order.

    Args:
        rows: Transformed.
        state: What the call before returned; empty at the start of a generation.
        using: See `detectors`.
    """
    following: dict[str, pl.DataFrame] = {}
    notices: list[str] = []

    def carried(name: str, version: int, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
        frame, notice = _known(state, name, version, columns)
        notices.extend(notice)
        return frame

    verdicts = [pl.repeat(value=False, n=len(rows), eager=True).alias("none")]
    found = [pl.DataFrame(schema=FINDING)]
    for detector in using:
        judged = detector.judge(rows, carried(detector.kind, detector.version, detector.carries))
        following[_key(detector.kind, detector.version)] = judged.state
        verdicts += [known.is_not_null().alias(f"{detector.kind}.{known.name}") for known in judged.scores]
        found.append(judged.findings)
    findings = pl.concat(found)
    alarms, following[_key(_ALARMS, _ALARMS_VERSION)] = alarm.raise_alarms(
        rows,
        findings,
        carried(_ALARMS, _ALARMS_VERSION, alarm.MEMORY),
        frozenset(detector.kind for detector in using if detector.in_bits),
    )
    known = pl.DataFrame(verdicts).select(pl.any_horizontal(pl.all())).to_series()
    anomalous = pl.int_range(pl.len(), dtype=pl.UInt32).is_in(findings["row"].unique().implode())
    marked = rows.with_columns(pl.when(anomalous | known).then(anomalous).alias(IS_ANOMALY))
    return Detected(marked, explained(alarms), following, tuple(notices))


def _key(name: str, version: int) -> str:
    return f"{name}.{version}"


def _known(
    state: State, name: str, version: int, columns: Mapping[str, pl.DataType]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """What a detector carries; without rows, and with a notice, where that is of another version or not as expected."""
    frame = state.get(_key(name, version))
    if frame is not None and frame.schema == pl.Schema(columns) and _sound(frame):
        return frame, ()
    empty = pl.DataFrame(schema=columns)
    if frame is not None:
        return empty, (f"what {name} had learned is not readable: it learns anew",)
    if any(key.rpartition(".")[0] == name or key == name for key in state):
        return empty, (f"what {name} had learned is of another version: it learns anew",)
    return empty, ()


def _sound(frame: pl.DataFrame) -> bool:
    """Whether it is known whose each row is and, for the memory of alarms, that there is one of each."""
    key = [name for name in alarm.MEMORY_KEY if name in frame.columns]
    return frame[SENSOR_ID].null_count() == 0 and (
        key != alarm.MEMORY_KEY or not frame.select(key).is_duplicated().any()
    )
