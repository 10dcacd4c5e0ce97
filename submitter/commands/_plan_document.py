"""A plan as one JSON object: what is printed, in either form."""
# ruff: noqa: PLC0415 - processors and fleet are imported when they are used, so that help stays fast

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from submitter.commands._plan_load import load_of, shape_of

if TYPE_CHECKING:
    from fleet.plan.bill import Bill, Choice
    from fleet.plan.prices import Prices
    from fleet.plan.traffic import Load
    from processors.rehearsal.foresee import Foreseen
    from processors.rehearsal.pricing import Priced
    from processors.settings import Settings

VERSION = 1
"""Of the document."""

YEAR_MONTHS = 12

EXPIRY_DAYS = 90
"""Of the lever that lets readings expire."""

_LEARN = "no charge is read yet: run once, or give --probe, which writes 100 times at most and deletes what it wrote"
_LEARN_MORE = "some charges are not known yet: give --probe, or run once with these settings"


def document_of(
    foreseen: "Foreseen", prices: "Prices", choice: "Choice", seconds: float | None, notes: Sequence[str]
) -> dict[str, Any]:
    """The plan.

    Args:
        foreseen: The city.
        prices: Of the account.
        choice: What is known of the account.
        seconds: That the backlog takes, None where that is not known.
        notes: For people, beside those that follow from the plan.
    """
    from fleet.plan.lint import hazards
    from processors.report import instant

    load = load_of(foreseen)
    report = foreseen.rehearsal.report
    probed = foreseen.probed
    return {
        "schemaVersion": VERSION,
        "kind": "plan",
        "city": report.city,
        "madeAt": instant(foreseen.made_at),
        "outcome": report.outcome,
        "exitCode": report.exit_code,
        "databases": report.databases,
        "failedDatabases": len(report.failures),
        "errors": report.told(),
        "backlog": _backlog(foreseen, load, prices, seconds),
        "rate": {
            "rowsPerSecond": round(foreseen.rates.present, 4),
            "rowsPerDay": round(foreseen.rates.present * 86_400),
            "stopped": foreseen.rates.stopped,
            "newest": None if foreseen.rates.newest is None else instant(foreseen.rates.newest),
            "passSeconds": foreseen.pass_s,
        },
        "month": {
            **_sum(foreseen.month),
            "requestUnitsPerSecond": _rounded(load.request_units_a_second, 4),
            "containers": [_container(each) for each in foreseen.month.values()],
        },
        "charges": {
            "learnedAt": None if foreseen.learned_at is None else instant(foreseen.learned_at),
            "probe": None
            if probed is None
            else {"writes": probed.writes, "requestUnits": _rounded(probed.request_units)},
        },
        "prices": {
            "date": prices.date,
            "source": prices.source,
            "region": prices.region,
            "currency": prices.currency,
        },
        "bills": list(_bills(load, prices, choice)),
        "limits": list(_limits(load)),
        "levers": list(_levers(foreseen, load, prices)),
        "hazards": [
            {"hazard": each.name, "subject": each.subject, "why": each.why, "try": each.hint}
            for each in hazards(load, shape_of(foreseen), choice.ru_s)
        ],
        "notes": [*notes, *_notes(foreseen, choice)],
    }


def _backlog(foreseen: "Foreseen", load: "Load", prices: "Prices", seconds: float | None) -> dict[str, Any]:
    from fleet.plan.bill import of_backlog
    from processors.budget import parse

    taken, counted = foreseen.rehearsal.report.taken, foreseen.rehearsal.counted
    whole = _sum(foreseen.backlog)
    budget = parse(foreseen.settings.ru_budget)
    spent = whole["requestUnits"]
    return {
        "rows": taken.rows,
        "rejects": taken.rejected,
        **whole,
        "requests": sum(counted.requests.values()),
        "seconds": _rounded(seconds, 3),
        "readingSeconds": round(foreseen.rehearsal.seconds, 3),
        "cost": _rounded(of_backlog(load, prices), 4),
        "budgets": None if budget is None or spent is None else round(spent / budget.request_units, 2),
        "containers": [
            {
                **_container(each),
                "requests": counted.requests.get(each.container, 0),
                "largestBytes": counted.largest.get(each.container, 0),
            }
            for each in foreseen.backlog.values()
        ],
    }


def _container(priced: "Priced") -> dict[str, Any]:
    return {
        "container": priced.container,
        "inserts": round(priced.inserts),
        "replaces": round(priced.replaces),
        "bytes": round(priced.bytes),
        "requestUnits": _rounded(priced.request_units),
        "unpricedDocuments": round(priced.unpriced),
    }


def _sum(priced: "Mapping[str, Priced]") -> dict[str, Any]:
    spent = [each.request_units for each in priced.values()]
    known = [amount for amount in spent if amount is not None]
    return {
        "documents": round(sum(each.inserts + each.replaces for each in priced.values())),
        "bytes": round(sum(each.bytes for each in priced.values())),
        "requestUnits": round(sum(known), 2) if len(known) == len(spent) else None,
        "unpricedDocuments": round(sum(each.unpriced for each in priced.values())),
    }


def _bills(load: "Load", prices: "Prices", choice: "Choice") -> Iterator[dict[str, Any]]:
    from fleet.plan.bill import bills
    from fleet.plan.limits import storage_gb

    for months in (1, YEAR_MONTHS):
        gb = sum(storage_gb(load, months).values())
        for bill in bills(load, prices, choice, months=months):
            yield {"month": months, **_bill(bill), "storageGb": round(gb, 3)}


def _bill(bill: "Bill") -> dict[str, Any]:
    return {
        "mode": bill.mode,
        "shared": bill.shared,
        "requestUnitsPerSecond": bill.ru_s,
        "carriesTheRate": bill.carries,
        "throughputCost": _rounded(bill.throughput),
        "storageCost": _rounded(bill.storage),
        "cost": _rounded(bill.cost),
    }


def _limits(load: "Load") -> Iterator[dict[str, Any]]:
    from fleet.plan.limits import reaches

    for each in reaches(load):
        yield {
            "limit": each.name,
            "at": each.limit,
            "now": _rounded(each.now, 4),
            "monthsUntil": _rounded(each.months),
        }


def _levers(foreseen: "Foreseen", load: "Load", prices: "Prices") -> Iterator[dict[str, Any]]:
    readings = foreseen.settings.container
    for each in foreseen.pulled:
        pulled = load_of(foreseen, each.month, each.kept_bytes)
        yield _lever(each.lever.name, each.lever.price, load, pulled, prices)
    ttl_s = EXPIRY_DAYS * 86_400
    expiring = [
        replace(each, ttl_s=ttl_s) if each.container == readings and each.bytes and each.ttl_s < 0 else each
        for each in load.month
    ]
    if expiring != list(load.month):
        yield _lever(
            f"readings expire after {EXPIRY_DAYS} days",
            "older readings are in the archive only",
            load,
            replace(load, month=expiring),
            prices,
        )


def _lever(name: str, price: str, load: "Load", pulled: "Load", prices: "Prices") -> dict[str, Any]:
    from fleet.plan.bill import Choice, bills
    from fleet.plan.traffic import total

    (before, *_), (after, *_) = (bills(each, prices, Choice(), months=YEAR_MONTHS) for each in (load, pulled))
    spent, spends = (total([each.request_units for each in one.month]) for one in (load, pulled))
    size, sizes = (sum(each.bytes for each in one.month) for one in (load, pulled))
    return {
        "lever": name,
        "price": price,
        "requestUnitsPerMonth": _rounded(spends),
        "requestUnitsSaved": _share(spent, spends),
        "bytesPerMonth": round(sizes),
        "bytesSaved": _share(size, sizes),
        "serverlessCostAfterAYear": _rounded(after.cost),
        "serverlessCostSavedAfterAYear": None
        if before.cost is None or after.cost is None
        else round(before.cost - after.cost, 2),
    }


def _share(before: float | None, after: float | None) -> float | None:
    return None if not before or after is None else round(1 - after / before, 4)


def _notes(foreseen: "Foreseen", choice: "Choice") -> Iterator[str]:
    from fleet.plan.limits import manual_floor

    least_ru_s = manual_floor(0.0, choice.highest_ru_s)
    if choice.ru_s is not None and choice.ru_s < least_ru_s:
        yield f"{choice.ru_s:,} RU/s is below the least that can be had ({least_ru_s:,})"
    priced = [*foreseen.backlog.values(), *foreseen.month.values()]
    probed = foreseen.probed
    unstated = probed is not None and probed.request_units is None
    if any(each.request_units is None for each in priced):
        if not unstated:
            yield _LEARN if foreseen.learned_at is None else _LEARN_MORE
    elif unpriced := round(sum(each.unpriced for each in foreseen.backlog.values())):
        yield f"the charge of {unpriced:,} documents is not known and is left out"
    if probed is not None and probed.stays:
        yield "this identity may not delete what the probe wrote: it expires within a minute"
    yield from _without_effect(foreseen.settings)
    if unstated:
        yield "the service states no charges, so nothing could be learned of them"
    if foreseen.rates.stopped:
        yield "all writers have stopped: a month is reckoned at the rate at which they wrote last"
    elif not foreseen.rates.present:
        yield "too few rows tell how fast they come: a month is not known"
    if foreseen.settings.every is None:
        yield "`every` is not set: a pass each hour is reckoned with"


def _without_effect(settings: "Settings") -> Iterator[str]:
    """Settings that change nothing, so that a bill that stays the same is not taken for their effect."""
    if settings.send != "changes" and (settings.dead_band or settings.swinging_door):
        yield f"dead_band and swinging_door have no effect, for send is {settings.send}"
    if settings.bucket_rows == 1 and settings.bucket_seconds is not None:
        yield "bucket_seconds has no effect, for bucket_rows is 1"


def _rounded(amount: float | None, digits: int = 2) -> float | None:
    return None if amount is None else round(amount, digits)
