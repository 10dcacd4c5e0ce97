"""Limits of the service, when a city comes to them, and what throughput there has to be at least.

All from https://learn.microsoft.com/azure/cosmos-db/concepts-limits and
https://learn.microsoft.com/azure/cosmos-db/autoscale-faq.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fleet.plan.traffic import Load, Traffic, total

GB = 1e9

LOGICAL_GB = 20.0
"""A logical partition: one sensor's month."""

PHYSICAL_GB = 50.0
PHYSICAL_RU_S = 10_000.0
"""A physical partition: a city's documents share one until it splits."""

SERVERLESS_RU_S = 5_000.0
"""A container that is paid serverless, while its documents fit one physical partition, as those of one city do
(https://learn.microsoft.com/azure/cosmos-db/serverless-performance). Editions of that page differ in what a container
of several has: the same up to 250 GB, or as much for each."""

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
        is_known: Whether that is known.
    """

    name: str
    limit: float
    now: float | None
    months: float | None
    is_known: bool = True


def stored_gb(traffic: Traffic, backlog: Traffic | None, months: float) -> float | None:
    """GB of a container's documents after so many months from now, without those that are there already.

    None where it is not known what comes or what waits.

    Args:
        traffic: Of a month.
        backlog: That is written at the beginning.
        months: 0 is when the backlog has been written.
    """
    kept = min(months, traffic.kept_months)
    first = 0.0 if backlog is None or months >= traffic.kept_months else backlog.bytes
    coming = 0.0 if not kept else None if traffic.bytes is None else traffic.bytes * kept
    return total([first, coming], GB)


def storage_gb(load: Load, months: float) -> dict[str, float | None]:
    """Container -> `stored_gb`."""
    backlog = {each.container: each for each in load.backlog}
    month = {each.container: each for each in load.month}
    nothing = {name: Traffic(name, 0.0, 0.0, each.ttl_s) for name, each in backlog.items()}
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
    return _logical(load), _physical(load), _spent(load)


def _logical(load: Load) -> Reach:
    """A sensor's month ends before it is full, or it is full within it."""
    kept = {each.container: min(1.0, each.kept_months) for each in load.month}
    fills = [
        (size / GB * kept.get(container, 1.0), size / GB)
        for sensor in load.sensors
        for container, size in sensor.bytes_a_month.items()
    ]
    now, rate = max(fills, default=(None, None))
    months = LOGICAL_GB / rate if now is not None and rate is not None and now >= LOGICAL_GB else None
    return Reach("logical partition: a sensor's month, GB", LOGICAL_GB, now, months, is_known=now is not None)


def _physical(load: Load) -> Reach:
    """Of the container that is full first; of that which has most in a month where none ever is."""
    before, after = storage_gb(load, 0), storage_gb(load, 1)
    reached = {each.container: _months_until(each, before[each.container] or 0.0, PHYSICAL_GB) for each in load.month}
    soonest = min(reached, key=lambda name: (_or_never(reached[name]), -(after[name] or 0.0)), default=None)
    months = None if soonest is None else reached[soonest]
    return Reach(
        f"physical partition: the city in {soonest or 'a container'}, GB",
        PHYSICAL_GB,
        None if soonest is None else before[soonest],
        months,
        is_known=months is not None or (bool(load.month) and None not in after.values()),
    )


def _spent(load: Load) -> Reach:
    rate = load.request_units_a_second
    months = 0.0 if rate is not None and rate >= PHYSICAL_RU_S else None
    return Reach("physical partition: the city, RU/s", PHYSICAL_RU_S, rate, months, is_known=rate is not None)


def _or_never(months: float | None) -> float:
    return math.inf if months is None else months


def _months_until(month: Traffic, there_gb: float, limit_gb: float) -> float | None:
    """None where it never is, or it is not known what comes."""
    if there_gb >= limit_gb:
        return 0.0
    if not month.bytes:
        return None
    months = (limit_gb - there_gb) * GB / month.bytes
    return months if months <= month.kept_months else None
