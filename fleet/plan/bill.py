"""A month's bill of a city, serverless, manual and autoscale, at the present rate.

    serverless  request units
    manual      what is provisioned, every hour
    autoscale   the highest that each hour scaled to, never below a tenth of the maximum

What has come since the last pass is written in one go. So an hour with a pass scales to what that takes in one second,
up to the maximum, whatever the mean of the hour is; the other hours are billed at a tenth of the maximum.
https://learn.microsoft.com/azure/cosmos-db/understand-your-bill
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fleet.plan.limits import (
    AUTOSCALE_STEP,
    LEAST_OF_AUTOSCALE,
    MANUAL_STEP,
    SERVERLESS_RU_S,
    autoscale_floor,
    manual_floor,
    storage_gb,
    up,
)
from fleet.plan.prices import Prices
from fleet.plan.traffic import MONTH_S, Load, Traffic, total

HOURS = MONTH_S / 3_600

FREE_RU_S = 1_000
FREE_GB = 25.0
"""Of an account in the free tier, each month; not of a serverless one
(https://learn.microsoft.com/azure/cosmos-db/free-tier)."""


@dataclass(frozen=True)
class Choice:
    """What is known of the account.

    Attributes:
        ru_s: Request units a second of each container, or of the database where they share them; None: the least that
            carries the present rate.
        highest_ru_s: The highest that was ever set.
        free_tier: Whether the account is in the free tier.
    """

    ru_s: int | None = None
    highest_ru_s: float = 0.0
    free_tier: bool = False


@dataclass(frozen=True)
class Bill:
    """A month in one way of paying.

    Attributes:
        mode: `serverless`, `manual` or `autoscale`.
        shared: Whether the containers share the throughput of their database.
        ru_s: Provisioned, or the maximum of autoscale, of all containers; None serverless.
        throughput: Cost of request units; None where a charge is not known.
        storage: Cost of the GB that are there at the end of the month; None where these are not known.
        carries: Whether the present rate fits; None where it is not known.
    """

    mode: str
    shared: bool
    ru_s: int | None
    throughput: float | None
    storage: float | None
    carries: bool | None = True

    @property
    def cost(self) -> float | None:
        """All of it."""
        return total([self.throughput, self.storage])


def bills(load: Load, prices: Prices, choice: Choice, *, months: int = 1) -> Sequence[Bill]:
    """The bill of a month in each way of paying.

    Args:
        load: The city.
        prices: Of the account.
        choice: What is known of the account.
        months: Which month from now on: storage grows, and with it the least throughput.
    """
    gb = storage_gb(load, months)
    stored = total(list(gb.values()))
    free_gb = FREE_GB if choice.free_tier else 0.0
    storage = None if stored is None else max(0.0, stored - free_gb) * prices.storage
    groups: tuple[tuple[bool, list[list[Traffic]]], ...] = (
        (True, [list(load.month)]),
        (False, [[each] for each in load.month]),
    )
    provisioned = []
    for shared, parts in groups:
        sized = [(part, total([gb[each.container] for each in part])) for part in parts]
        provisioned.append(_manual(sized, prices, choice, storage, shared=shared))
        provisioned.append(_autoscale(sized, load.pass_s, prices, choice, storage, shared=shared))
    return _serverless(load, stored, prices), *provisioned


def of_backlog(load: Load, prices: Prices) -> float | None:
    """What the backlog costs once, serverless; None where a charge is not known.

    Provisioned throughput is paid whether it is used or not.
    """
    spent = total([each.request_units for each in load.backlog])
    return None if spent is None else spent / 1e6 * prices.serverless


Sized = Sequence[tuple[Sequence[Traffic], float | None]]
"""Containers that share throughput, and their GB, None where these are not known."""


def _serverless(load: Load, stored_gb: float | None, prices: Prices) -> Bill:
    spent = total([each.request_units for each in load.month])
    rates = [_rate([each]) for each in load.month]
    return Bill(
        "serverless",
        shared=False,
        ru_s=None,
        throughput=None if spent is None else spent / 1e6 * prices.serverless,
        storage=None if stored_gb is None else stored_gb * prices.storage,
        carries=_all([None if rate is None else rate <= SERVERLESS_RU_S for rate in rates]),
    )


def _manual(sized: Sized, prices: Prices, choice: Choice, storage: float | None, *, shared: bool) -> Bill:
    found = [_provisioned(part, gb, manual_floor, MANUAL_STEP, choice) for part, gb in sized]
    ru_s = _whole([each for each, _ in found])
    paid = None if ru_s is None else max(0, ru_s - _free(choice))
    throughput = None if paid is None else paid / 100 * prices.manual * HOURS
    return Bill("manual", shared, ru_s, throughput, storage, _all([fits for _, fits in found]))


def _autoscale(
    sized: Sized, pass_s: float, prices: Prices, choice: Choice, storage: float | None, *, shared: bool
) -> Bill:
    found = [_provisioned(part, gb, autoscale_floor, AUTOSCALE_STEP, choice) for part, gb in sized]
    scaled = [
        scaled_to(ru_s, rate, pass_s)
        for (ru_s, _), rate in zip(found, (_rate(part) for part, _ in sized), strict=True)
        if ru_s is not None and rate is not None
    ]
    throughput = None
    if len(scaled) == len(found):
        throughput = billed(scaled, _free(choice)) / 100 * prices.autoscale * HOURS
    ru_s = _whole([each for each, _ in found])
    return Bill("autoscale", shared, ru_s, throughput, storage, _all([fits for _, fits in found]))


@dataclass(frozen=True)
class Scaled:
    """What hours of autoscale are billed at.

    Attributes:
        peak: RU/s of an hour with a pass.
        least: Of the others.
        share: Of all hours, those with a pass.
    """

    peak: float
    least: float
    share: float


def scaled_to(maximum: float, rate: float, pass_s: float) -> Scaled:
    """What hours of a container are billed at.

    Args:
        maximum: Of autoscale.
        rate: Request units a second, in the mean.
        pass_s: From one pass to the next.
    """
    least = LEAST_OF_AUTOSCALE * maximum
    peak = min(maximum, max(least, rate * pass_s))
    seconds = rate * pass_s / maximum
    hours = max(1.0, seconds / 3_600)
    return Scaled(peak, least, min(1.0, hours * 3_600 / pass_s))


def billed(scaled: Sequence[Scaled], free_ru_s: float) -> float:
    """RU/s that are paid in the mean of all hours, of containers that one pass writes to.

    Their peaks begin in the same hour. What is free is free in each hour, and not in the mean.

    Args:
        scaled: The containers.
        free_ru_s: Of all of them together.
    """
    ends = sorted({0.0, 1.0, *(each.share for each in scaled)})
    return sum(
        max(0.0, sum(each.peak if each.share >= end else each.least for each in scaled) - free_ru_s) * (end - begin)
        for begin, end in pairwise(ends)
    )


def _free(choice: Choice) -> int:
    return FREE_RU_S if choice.free_tier else 0


def _provisioned(
    part: Sequence[Traffic], gb: float | None, floor: Callable[[float, float], int], step: int, choice: Choice
) -> tuple[int | None, bool | None]:
    """RU/s that are set, and whether they carry the present rate."""
    rate = _rate(part)
    if gb is None:
        return None, None
    least = floor(gb, choice.highest_ru_s)
    if choice.ru_s is not None:
        ru_s = up(max(least, choice.ru_s), step)
        return ru_s, None if rate is None else rate <= ru_s
    if rate is None:
        return None, None
    return up(max(least, rate), step), True


def _rate(part: Sequence[Traffic]) -> float | None:
    return total([each.request_units for each in part], MONTH_S)


def _whole(amounts: Sequence[int | None]) -> int | None:
    ru_s = total(amounts)
    return None if ru_s is None else round(ru_s)


def _all(fits: Sequence[bool | None]) -> bool | None:
    if False in fits:
        return False
    return None if None in fits else True
