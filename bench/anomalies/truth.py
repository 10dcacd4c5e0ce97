"""Alarms against what is known to have happened.

An episode is what `sensors.anomalies` disturbs at a stretch: from its first reading to its last, readings of it that a
later episode took over left out, those without a row counted.

- It is found by the first alarm from its first reading to `LATE_READINGS` readings after its last, whatever the kind.
  Those few readings are for the gap, whose first row comes after it; they are too few to wait for the end of a trend.
- An alarm is false when it is in no episode so extended, nor within `SETTLING_S` after one: the return from a trend is
  a jump of the sensor's too, and no second event for those who were called for the first.
- An alarm while values settle is neither: it finds nothing, and costs nobody a way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from sensors import anomalies
from sensors.sensor import Sensor

LATE_READINGS = 5
SETTLING_S = 60

NAMED: dict[str, frozenset[str]] = {
    "spike": frozenset({"spike"}),
    "trend": frozenset({"drift"}),
    "pattern": frozenset({"noise", "drift", "spike", "joint", "surprise"}),
    "missing_data": frozenset({"gap"}),
    "noise": frozenset({"noise"}),
}
"""Kind of anomaly -> the kinds of alarm that name it rightly; no rule is made for a pattern."""


@dataclass(frozen=True)
class Episode:
    """One anomaly: its kind, and the times of its first and last reading."""

    kind: str
    first_ms: int
    last_ms: int


@dataclass(frozen=True)
class Alarm:
    """What was raised, and the time of its row."""

    kind: str
    at_ms: int


@dataclass(frozen=True)
class Judgement:
    """What became of the episodes and alarms of one sensor.

    Attributes:
        found: Each episode with the alarm that found it, or None.
        settling: Alarms that were raised while values settled.
        false: Alarms for nothing.
        alarms: Their number.
    """

    found: tuple[tuple[Episode, Alarm | None], ...]
    settling: tuple[Alarm, ...]
    false: tuple[Alarm, ...]
    alarms: int


@dataclass(frozen=True)
class OfKind:
    """The episodes of one kind, of all sensors.

    Attributes:
        kind: As the simulator names it.
        episodes: Their number.
        found: Of these.
        named: Of the found ones those whose alarm names them rightly.
        median_delay_s: From the first reading to the alarm, of the found ones; None without any.
    """

    kind: str
    episodes: int
    found: int
    named: int
    median_delay_s: float | None

    @property
    def recall(self) -> float | None:
        """Share of the episodes that were found; None without any."""
        return self.found / self.episodes if self.episodes else None


def episodes(sensor: Sensor, *, start_ms: int, period_ms: int, readings: int, probability: float) -> list[Episode]:
    """What happens to a sensor, in the order of the first readings."""
    times_ms = start_ms + np.arange(readings, dtype=np.int64) * period_ms
    disturbed = anomalies.at(sensor, times_ms, period_ms, probability)
    found = []
    for number in np.unique(disturbed.owners[disturbed.owners >= 0]):
        own = times_ms[disturbed.owners == number]
        kind = anomalies.KINDS[disturbed.episodes[number].label - 1]
        found.append(Episode(kind, int(own[0]), int(own[-1])))
    return sorted(found, key=lambda episode: episode.first_ms)


def judge(happened: Sequence[Episode], raised: Sequence[Alarm], period_ms: int) -> Judgement:
    """What became of each; an alarm in two episodes is of the later one."""
    finders: dict[Episode, Alarm] = {}
    settling, false = [], []
    for alarm in sorted(raised, key=lambda alarm: alarm.at_ms):
        begun = [episode for episode in happened if episode.first_ms <= alarm.at_ms]
        within = [episode for episode in begun if alarm.at_ms <= episode.last_ms + LATE_READINGS * period_ms]
        if within:
            finders.setdefault(within[-1], alarm)
        elif any(alarm.at_ms <= episode.last_ms + SETTLING_S * 1_000 for episode in begun):
            settling.append(alarm)
        else:
            false.append(alarm)
    found = tuple((episode, finders.get(episode)) for episode in happened)
    return Judgement(found, tuple(settling), tuple(false), len(raised))


def by_kind(judgements: Sequence[Judgement]) -> tuple[OfKind, ...]:
    """Of all sensors together, in the simulator's order."""
    return tuple(_of_kind(kind, judgements) for kind in anomalies.KINDS)


def _of_kind(kind: str, judgements: Sequence[Judgement]) -> OfKind:
    own = [each for judgement in judgements for each in judgement.found if each[0].kind == kind]
    found = [(episode, alarm) for episode, alarm in own if alarm is not None]
    return OfKind(
        kind,
        episodes=len(own),
        found=len(found),
        named=sum(alarm.kind in NAMED[kind] for _, alarm in found),
        median_delay_s=median((alarm.at_ms - episode.first_ms) / 1_000 for episode, alarm in found) if found else None,
    )
