"""Rows that a real deployment breaks, broken on request and counted.

Faults fall only on readings that no anomaly touches, never two on one reading, and never on the last one,
so each of them can be found again in the table and a later run knows where to go on.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np

from sensors import anomalies
from sensors.errors import RequestError
from sensors.randomness import generator
from sensors.sensor import Sensor
from sensors.waveform import Times

GAP_READINGS = 20
CLOCK_READINGS = 20
CLOCK_JUMP_MS = 6 * 3_600_000
NAN_TEXT = "NaN"  # SQLite stores a NaN number as NULL, so only text can carry it
NUMBER_TEXT = "n/a"
BAD_TIMESTAMPS = ("", "not-a-time", "2026-13-45T99:99:99.000+00:00", "0000-00-00 00:00:00", "NULL")


@dataclass(frozen=True)
class Faults:
    """How many of each to make in every database; 0 of all is a healthy sensor.

    Attributes:
        null: Readings with NULL in one measure.
        nan: Readings with the text `NaN` in one measure.
        text: Readings with the text `n/a` as temperature.
        bad_timestamp: Readings whose timestamp is no time.
        no_sensor_id: Readings with an empty sensor id.
        duplicate: Readings stored twice in a row, under two row ids.
        gap: Runs of 20 readings that were never stored.
        clock_back: Runs of 20 readings stamped six hours early.
        clock_forward: Runs of 20 readings stamped six hours late.
    """

    null: int = 0
    nan: int = 0
    text: int = 0
    bad_timestamp: int = 0
    no_sensor_id: int = 0
    duplicate: int = 0
    gap: int = 0
    clock_back: int = 0
    clock_forward: int = 0

    def __post_init__(self) -> None:
        for name, count in self.counts().items():
            if count < 0:
                raise RequestError(
                    "make faults", name, why=f"{count} is below 0", hint="give a count, for example null=10"
                )

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read `KIND=COUNT`, for example `null=10`; a kind given twice adds up.

        Raises:
            RequestError: A text is not of that form, or its kind is unknown.
        """
        known = [each.name for each in fields(cls)]
        counts: dict[str, int] = {}
        for text in texts:
            kind, _, number = text.partition("=")
            if kind not in known or not number.isascii() or not number.isdigit():
                raise RequestError(
                    "make faults",
                    repr(text),
                    why="it is not KIND=COUNT with a known kind",
                    hint=f"use one of {', '.join(known)}, for example null=10",
                )
            counts[kind] = counts.get(kind, 0) + int(number)
        return cls(**counts)

    def counts(self) -> dict[str, int]:
        """By kind, in the order of the fields."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


KINDS = tuple(each.name for each in fields(Faults))
_RUNS = {"gap": GAP_READINGS, "clock_back": CLOCK_READINGS, "clock_forward": CLOCK_READINGS}


class Fault(NamedTuple):
    """The readings one fault covers, counted from the start of the run; `choice` picks its variant."""

    first: int
    readings: int
    kind: str
    choice: int


class Placement(NamedTuple):
    """Faults in rising order; none overlaps another."""

    faults: tuple[Fault, ...] = ()

    def within(self, first: int, stop: int) -> Iterator[Fault]:
        """Those that cover any of the readings `first` to `stop - 1`."""
        longest = max(_RUNS.values())
        for fault in self.faults[bisect_left(self.faults, (first - longest,)) :]:
            if fault.first >= stop:
                return
            if fault.first + fault.readings > first:
                yield fault


def placed(
    sensor: Sensor, faults: Faults, *, start_ms: int, period_ms: int, count: int, probability: float
) -> Placement:
    """Where the faults fall among `count` readings of a sensor; the same run places them the same way.

    Raises:
        RequestError: The run has too few undisturbed readings for that many faults.
    """
    # Runs go first: they need room, and single readings fit anywhere.
    wanted = [kind for kind in sorted(KINDS, key=lambda kind: kind not in _RUNS) for _ in range(faults.counts()[kind])]
    if not wanted:
        return Placement()

    def plain(readings: Times) -> list[bool]:
        times_ms = start_ms + readings * period_ms
        before = anomalies.at(sensor, times_ms - period_ms, period_ms, probability).labels
        here = anomalies.at(sensor, times_ms, period_ms, probability).labels
        return [not label for label in (here | before).tolist()]

    rng = generator(*sensor.key, "faults", start_ms, period_ms, count)
    room = max(count - 1, 0)
    candidates = rng.choice(room, min(room, 16 * len(wanted) + 1_024), replace=False)
    in_order = np.sort(candidates)
    usable = dict(zip(in_order.tolist(), plain(in_order), strict=True))
    taken: set[int] = set()
    found: list[Fault] = []
    for first in candidates.tolist():
        if len(found) == len(wanted):
            break
        kind = wanted[len(found)]
        readings = _RUNS.get(kind, 1)
        covered = range(first, first + readings)
        if not usable[first] or not taken.isdisjoint(covered):
            continue
        if readings > 1 and (covered.stop > room or not all(plain(np.arange(first, covered.stop + 1)))):
            continue
        taken.update(covered)
        found.append(Fault(first, readings, kind, int(rng.integers(2**31))))
    if len(found) < len(wanted):
        raise RequestError(
            f"place {len(wanted)} faults",
            sensor.sensor_id,
            why=f"{count:,} readings have room for {len(found)}, away from anomalies and one another",
            hint="ask for fewer faults, more readings or fewer anomalies",
        )
    return Placement(tuple(sorted(found)))
