"""Precision, recall and delay on simulated sensors: what they are told apart by is hidden from the pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context

import polars as pl

from bench.anomalies.truth import Alarm, Judgement, OfKind, by_kind, episodes, judge
from processors.conform import conform
from processors.detect import Detector, detect, detectors
from processors.schema import COLUMNS, OBSERVED_AT, ODD
from processors.transform import transform
from sensors.anomalies import DEFAULT_PROBABILITY
from sensors.faults import Placement
from sensors.plan import to_ms
from sensors.readings import Readings
from sensors.sensor import Levels, Sensor, fleet_of
from sensors.table import READING_COLUMNS

CITY = "Denver"
START = datetime(2026, 6, 1, tzinfo=UTC)
PERIOD_MS = 1_000
PAGE_ROWS = 20_000

HIDDEN = frozenset({"status_code", "anomaly_flag", "anomaly_type"})
"""Columns that tell the truth."""


@dataclass(frozen=True)
class Simulation:
    """Which sensors are simulated, from `START` on, one reading a second.

    Attributes:
        sensors: Of the city.
        days: Of each.
        noise_factor: Times the noise of their models.
        seed: Of everything that is drawn.
        city: Decides the weather.
        probability: Long-run share of readings that an anomaly disturbs.
    """

    sensors: int = 12
    days: float = 7.0
    noise_factor: float = 1.0
    seed: int = 0
    city: str = CITY
    probability: float = DEFAULT_PROBABILITY

    @property
    def readings(self) -> int:
        """Of each sensor, missing ones included."""
        return round(self.days * 86_400_000 / PERIOD_MS)


@dataclass(frozen=True)
class Result:
    """What was found.

    Attributes:
        of: What was simulated.
        kinds: What became of the episodes, one for each kind of anomaly.
        alarms: Their number.
        settling: Of these, those that were raised while values settled after an episode.
        false_by_kind: Kind of alarm -> how many were raised for nothing.
    """

    of: Simulation
    kinds: tuple[OfKind, ...]
    alarms: int
    settling: int
    false_by_kind: Mapping[str, int]

    @property
    def false_alarms(self) -> int:
        """Alarms that were raised for nothing."""
        return sum(self.false_by_kind.values())

    @property
    def precision(self) -> float | None:
        """Share of the alarms that were raised in an episode; None without any."""
        return (self.alarms - self.settling - self.false_alarms) / self.alarms if self.alarms else None

    @property
    def false_in_two_days(self) -> float:
        """False alarms of a sensor in two days."""
        return self.false_alarms / self.of.sensors / self.of.days * 2


def measure(simulation: Simulation, processes: int = 2) -> Result:
    """The result with default thresholds; in this process where that is one."""
    numbers = range(simulation.sensors)
    if processes == 1:
        judgements = [judge_sensor(simulation, number) for number in numbers]
    else:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            judgements = list(pool.map(partial(judge_sensor, simulation), numbers))
    return Result(
        simulation,
        by_kind(judgements),
        alarms=sum(judgement.alarms for judgement in judgements),
        settling=sum(len(judgement.settling) for judgement in judgements),
        false_by_kind=dict(Counter(alarm.kind for judgement in judgements for alarm in judgement.false)),
    )


def judge_sensor(simulation: Simulation, number: int) -> Judgement:
    """What became of the episodes and alarms of one sensor, counted from 0."""
    sensor = fleet_of(simulation.city, number + 1, simulation.seed)[number]
    noise = Levels(*(simulation.noise_factor * level for level in sensor.model.noise.as_tuple()))
    sensor = replace(sensor, model=replace(sensor.model, noise=noise))
    happened = episodes(
        sensor,
        start_ms=to_ms(START),
        period_ms=PERIOD_MS,
        readings=simulation.readings,
        probability=simulation.probability,
    )
    raised = alarms(pages(sensor, simulation), detectors(thresholds={}, limits={}))
    return judge(happened, raised, PERIOD_MS)


def pages(sensor: Sensor, simulation: Simulation) -> Iterator[pl.DataFrame]:
    """What the source would read, page after page, without the columns that tell the truth."""
    readings = Readings(sensor, to_ms(START), PERIOD_MS, simulation.probability, Placement())
    known = {field.source: field.dtype for field in COLUMNS}
    last_id = 0
    for first in range(0, simulation.readings, PAGE_ROWS):
        columns = readings.piece(first, min(first + PAGE_ROWS, simulation.readings)).columns
        rows = len(columns[0])
        shown = {
            "id": range(last_id + 1, last_id + rows + 1),
            **{name: values for name, values in zip(READING_COLUMNS, columns, strict=True) if name not in HIDDEN},
        }
        whole = {name: pl.Series(shown.get(name, [None] * rows), dtype=dtype) for name, dtype in known.items()}
        yield pl.DataFrame(whole).with_columns(pl.lit(None, pl.String).alias(name + ODD) for name in known)
        last_id += rows


def alarms(pages: Iterator[pl.DataFrame], using: Sequence[Detector]) -> list[Alarm]:
    """What the stages of the pipeline raise on pages of one database, in order."""
    carried: dict[str, pl.DataFrame] = {}
    raised = []
    for page in pages:
        rows, flags = transform(conform(page, default_zone="UTC").valid, carried)
        detected = detect(rows, carried, using)
        carried = {**flags, **detected.state}
        raised.append(detected.alarms.select("kind", pl.col(OBSERVED_AT).dt.epoch("ms")))
    return [Alarm(kind, at_ms) for kind, at_ms in pl.concat(raised).rows()] if raised else []
