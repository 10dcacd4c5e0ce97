"""A plan as one JSON object: what is printed, in either form."""
# ruff: noqa: PLC0415 - processors and fleet are imported when they are used, so that help stays fast

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from submitter.commands._plan_load import load_of, shape_of
from submitter.commands._plan_notes import notes_of

if TYPE_CHECKING:
    from fleet.plan.bill import Bill, Choice
    from fleet.plan.prices import Prices
    from fleet.plan.traffic import Load
    from processors.rehearsal.foresee import Foreseen
    from processors.rehearsal.pricing import Priced

VERSION = 1
"""Of the document."""

YEAR_MONTHS = 12

EXPIRY_DAYS = 90
"""Of the lever that lets readings expire."""

_SUMS = ("documents", "bytes", "requestUnits", "unpricedDocuments")


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
    load = load_of(foreseen, foreseen.coming)
    return {
        "schemaVersion": VERSION,
        "kind": "plan",
        **_outcome(foreseen),
        "backlog": _backlog(foreseen, load, prices, seconds),
        "rate": _rate(foreseen),
        "month": _month(foreseen, load),
        "charges": _charges(foreseen),
        "prices": {
            "date": prices.date,
            "source": prices.source,
            "region": prices.region,
            "currency": prices.currency,
        },
        "bills": list(_bills(load, prices, choice)),
        "limits": list(_limits(load)),
        "levers": list(_levers(foreseen, load, prices)),
        "hazards": list(_hazards(foreseen, load, choice)),
        "notes": [*notes, *notes_of(foreseen, choice)],
    }


def _outcome(foreseen: "Foreseen") -> dict[str, Any]:
    from processors.report import instant

    report = foreseen.rehearsal.report
    return {
        "city": report.city,
        "madeAt": instant(foreseen.made_at),
        "outcome": report.outcome,
        "exitCode": report.exit_code,
        "databases": report.databases,
        "failedDatabases": len(report.failures),
        "errors": report.told(),
    }


def _rate(foreseen: "Foreseen") -> dict[str, Any]:
    from processors.report import instant

    rates = foreseen.rates
    present = rates.present or None
    return {
        "rowsPerSecond": _rounded(present, 4),
        "rowsPerDay": None if present is None else round(present * 86_400),
        "stopped": rates.stopped,
        "newest": None if rates.newest is None else instant(rates.newest),
        "passSeconds": foreseen.pass_s,
    }


def _month(foreseen: "Foreseen", load: "Load") -> dict[str, Any]:
    written = None if foreseen.coming is None else foreseen.coming.written
    return {
        **(dict.fromkeys(_SUMS) if written is None else _sum(written)),
        "requestUnitsPerSecond": _rounded(load.request_units_a_second, 4),
        "containers": [] if written is None else [_container(each) for each in written.values()],
    }


def _charges(foreseen: "Foreseen") -> dict[str, Any]:
    from processors.report import instant

    probed = foreseen.probed
    told = None if probed is None else {"writes": probed.writes, "requestUnits": _rounded(probed.request_units)}
    return {"learnedAt": None if foreseen.learned_at is None else instant(foreseen.learned_at), "probe": told}


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
    from fleet.plan.traffic import total

    return {
        "documents": round(sum(each.inserts + each.replaces for each in priced.values())),
        "bytes": round(sum(each.bytes for each in priced.values())),
        "requestUnits": _rounded(total([each.request_units for each in priced.values()])),
        "unpricedDocuments": round(sum(each.unpriced for each in priced.values())),
    }


def _bills(load: "Load", prices: "Prices", choice: "Choice") -> Iterator[dict[str, Any]]:
    from fleet.plan.bill import bills
    from fleet.plan.limits import storage_gb
    from fleet.plan.traffic import total

    for months in (1, YEAR_MONTHS):
        gb = total(list(storage_gb(load, months).values()))
        for bill in bills(load, prices, choice, months=months):
            yield {"month": months, **_bill(bill), "storageGb": _rounded(gb, 3)}


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
            "known": each.is_known,
        }


def _levers(foreseen: "Foreseen", load: "Load", prices: "Prices") -> Iterator[dict[str, Any]]:
    readings = foreseen.settings.container
    for each in foreseen.pulled:
        pulled = load_of(foreseen, each.coming)
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


def _hazards(foreseen: "Foreseen", load: "Load", choice: "Choice") -> Iterator[dict[str, Any]]:
    from fleet.plan.lint import hazards

    for each in hazards(load, shape_of(foreseen), choice.ru_s):
        yield {"hazard": each.name, "subject": each.subject, "why": each.why, "try": each.hint}


def _lever(name: str, price: str, load: "Load", pulled: "Load", prices: "Prices") -> dict[str, Any]:
    from fleet.plan.bill import Choice, bills
    from fleet.plan.traffic import total

    (before, *_), (after, *_) = (bills(each, prices, Choice(), months=YEAR_MONTHS) for each in (load, pulled))
    spent, spends = (total([each.request_units for each in one.month]) for one in (load, pulled))
    size, sizes = (total([each.bytes for each in one.month]) for one in (load, pulled))
    saved = None if before.cost is None or after.cost is None else before.cost - after.cost
    return {
        "lever": name,
        "price": price,
        "requestUnitsPerMonth": _rounded(spends),
        "requestUnitsSaved": _share(spent, spends),
        "bytesPerMonth": None if sizes is None else round(sizes),
        "bytesSaved": _share(size, sizes),
        "serverlessCostAfterAYear": _rounded(after.cost),
        "serverlessCostSavedAfterAYear": _rounded(saved),
    }


def _share(before: float | None, after: float | None) -> float | None:
    return None if not before or after is None else round(1 - after / before, 4)


def _rounded(amount: float | None, digits: int = 2) -> float | None:
    return None if amount is None else round(amount, digits)
