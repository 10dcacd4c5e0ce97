"""Limits of the service, when a city comes to them, and what throughput there has to be at least.

All from https://learn.microsoft.com/azure/cosmos-db/concepts-limits and
https://learn.microsoft.com/azure/cosmos-db/autoscale-faq.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fleet.plan.traffic import MONTH_S, NEVER, Load, Traffic

GB = 1e9

LOGICAL_GB = 20.0
"""A logical partition: one sensor's month."""

PHYSICAL_GB = 50.0
PHYSICAL_RU_S = 10_000.0
"""A physical partition: a city's documents share one until it splits."""

MANUAL_STEP, MANUAL_LEAST, MANUAL_PER_GB, MANUAL_OF_HIGHEST = 100, 400, 1.0, 1 / 100
AUTOSCALE_STEP, AUTOSCALE_LEAST, AUTOSCALE_PER_GB, AUTOSCALE_OF_HIGHEST = 1_000, 1_000, 10.0, 1 / 10

LEAST_OF_AUTOSCALE = 0.1
"""Share of its maximum that autoscale never goes below."""


@dataclass(frozen=True)
class Reach:
    """A limit, and how far from it a city is.

    Attributes:
        name: What is limited.
        limit: In its unit.
        now: Likewise, of what is present: in a month, at a time, a second.
        months: Until it is reached; 0 when it is already, None when it never is at the present rate or is not known.
    """

    name: str
    limit: float
    now: float | None
    months: float | None


def stored_gb(traffic: Traffic, backlog: Traffic | None, months: float) -> float:
    """GB of a container's documents after so many months from now, without those that are there already.

    Args:
        traffic: Of a month.
        backlog: That is written at the beginning.
        months: 0 is when the backlog has been written.
    """
    kept = months if traffic.ttl_s == NEVER else min(months, traffic.ttl_s / MONTH_S)
    expired = traffic.ttl_s != NEVER and months * MONTH_S >= traffic.ttl_s
    first = 0.0 if backlog is None or expired else backlog.bytes
    return (first + traffic.bytes * kept) / GB


def storage_gb(load: Load, months: float) -> dict[str, float]:
    """Container -> `stored_gb`."""
    backlog = {each.container: each for each in load.backlog}
    month = {each.container: each for each in load.month}
    nothing = {name: Traffic(name, 0, 0, 0, 0.0, each.ttl_s) for name, each in backlog.items()}
    return {
        name: stored_gb(month.get(name) or nothing[name], backlog.get(name), months) for name in {**backlog, **month}
    }


def manual_floor(gb: float, highest_ru_s: float = 0.0) -> int:
    """The least RU/s that a container or shared database may have with manual throughput."""
    least = max(MANUAL_LEAST, MANUAL_PER_GB * gb, MANUAL_OF_HIGHEST * highest_ru_s)
    return up(least, MANUAL_STEP)


def autoscale_floor(gb: float, highest_ru_s: float = 0.0) -> int:
    """The least maximum that a container or shared database may have with autoscale.

    The largest of 1,000, a tenth of the highest that was ever set, and 10 for each GB, in thousands. Documented is
    "rounded to the nearest 1,000"; here it is rounded up, so that the plan is not below the bill.
    """
    least = max(AUTOSCALE_LEAST, AUTOSCALE_PER_GB * gb, AUTOSCALE_OF_HIGHEST * highest_ru_s)
    return up(least, AUTOSCALE_STEP)


def up(amount: float, step: int) -> int:
    """The next multiple."""
    return math.ceil(round(amount / step, 9)) * step


def reaches(load: Load) -> Sequence[Reach]:
    """Each limit of partitions, and when it is reached at the present rate."""
    sensor = max(load.sensors, key=lambda each: each.bytes_a_month, default=None)
    largest_gb = None if sensor is None else sensor.bytes_a_month / GB
    logical = Reach(
        "logical partition: a sensor's month, GB", LOGICAL_GB, largest_gb, _within_a_month(LOGICAL_GB, largest_gb)
    )
    rate = load.request_units_a_second
    after, before = storage_gb(load, 1), storage_gb(load, 0)
    fullest = max(after, key=lambda name: after[name], default=None)
    physical = Reach(
        f"physical partition: the city in {fullest or 'a container'}, GB",
        PHYSICAL_GB,
        None if fullest is None else before[fullest],
        None if fullest is None else _months_until(load, fullest, PHYSICAL_GB),
    )
    spent = Reach(
        "physical partition: the city, RU/s",
        PHYSICAL_RU_S,
        rate,
        0.0 if rate is not None and rate >= PHYSICAL_RU_S else None,
    )
    return logical, physical, spent


def _within_a_month(limit_gb: float, gb: float | None) -> float | None:
    """A logical partition ends with its month: it is full before that or never."""
    return limit_gb / gb if gb is not None and gb >= limit_gb else None


def _months_until(load: Load, container: str, limit_gb: float) -> float | None:
    there = storage_gb(load, 0)[container]
    if there >= limit_gb:
        return 0.0
    month = next((each for each in load.month if each.container == container), None)
    if month is None or not month.bytes:
        return None
    months = (limit_gb - there) * GB / month.bytes
    kept = math.inf if month.ttl_s == NEVER else month.ttl_s / MONTH_S
    return months if months <= kept else None
