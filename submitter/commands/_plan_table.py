"""A plan as a table that is read in a minute: from the document alone."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from submitter.output import plain, show_pairs, show_rows

Row = Mapping[str, Any]

_UNKNOWN = "not known"


def show(document: Row) -> None:
    """What it comes to, part by part."""
    money = document["prices"]["currency"]
    show_pairs(_head(document))
    _part("now", "what waits, sent once")
    show_rows(map(_container, document["backlog"]["containers"]), "table")
    show_pairs(_backlog(document["backlog"], money))
    _part("a month", "of what comes at the present rate")
    show_pairs(_rate(document))
    _part("bills", f"{money} a month, {document['prices']['date']}, {document['prices']['region']}")
    show_rows(map(_bill, document["bills"]), "table")
    _part("limits", "of partitions, at the present rate")
    show_rows(map(_limit, document["limits"]), "table")
    _part("levers", "what a month would be with each")
    show_rows((_lever(each, money) for each in document["levers"]), "table")
    for name, told in (("hazards", _hazards(document["hazards"])), ("notes", document["notes"])):
        lines = list(told)
        if lines:
            _part(name, "")
        for line in lines:
            print(plain(line))  # noqa: T201 - the command's result


def _part(name: str, says: str) -> None:
    print(f"\n{name.upper()}  {says}".rstrip())  # noqa: T201 - the command's result


def _head(document: Row) -> Iterator[tuple[str, Any]]:
    yield "city", document["city"]
    yield "outcome", document["outcome"]
    yield "databases", document["databases"]
    charges = document["charges"]
    probe = charges["probe"]
    yield "charges", _UNKNOWN if charges["learnedAt"] is None else f"learned, newest of {charges['learnedAt'][:16]}Z"
    if probe is not None:
        yield "probe", f"{probe['writes']} writes, {_number(probe['requestUnits'])} RU"
    for error in document["errors"]:
        yield f"failed {error.get('database', '')}".rstrip(), error["error"]


def _container(row: Row) -> Row:
    return {
        "container": row["container"],
        "inserts": row["inserts"],
        "replaces": row["replaces"],
        "bytes": _bytes(row["bytes"]),
        "largest": _bytes(row["largestBytes"]),
        "requests": row["requests"],
        "RU": _number(row["requestUnits"]),
    }


def _backlog(backlog: Row, money: str) -> Iterator[tuple[str, Any]]:
    yield "rows", f"{backlog['rows']:,} ({backlog['rejects']:,} rejects)"
    yield "request units", _number(backlog["requestUnits"])
    yield "cost, serverless", _money(backlog["cost"], money)
    seconds, reading = backlog["seconds"], backlog["readingSeconds"]
    least = f"{_UNKNOWN} without --throughput; reading and refining took {reading:,.1f} s here"
    if seconds is None and backlog["requestUnits"] is None:
        least = f"{_UNKNOWN} while charges are not"
    yield "seconds", least if seconds is None else f"{seconds:,.0f}, of which reading and refining {reading:,.1f}"
    if backlog["budgets"] is not None:
        yield "budgets", f"{backlog['budgets']:,.2f} times ru_budget"


def _rate(document: Row) -> Iterator[tuple[str, Any]]:
    rate, month = document["rate"], document["month"]
    when = ", until it stopped" if rate["stopped"] else ""
    each_s, documents = rate["rowsPerSecond"], month["documents"]
    yield "rows", _UNKNOWN if each_s is None else f"{each_s:,} a second, {rate['rowsPerDay']:,} a day{when}"
    yield "documents", _UNKNOWN if documents is None else f"{documents:,}, {_bytes(month['bytes'])}"
    spent, each = month["requestUnits"], month["requestUnitsPerSecond"]
    yield "request units", _UNKNOWN if spent is None else f"{_number(spent)}, {each:,.2f} a second"
    yield "a pass every", f"{rate['passSeconds']:g} s"


def _bill(row: Row) -> Row:
    how = row["mode"]
    if how != "serverless":
        how += ", shared by containers" if row["shared"] else ", each container its own"
    ru_s = row["requestUnitsPerSecond"]
    too_little = " (too little)" if row["carriesTheRate"] is False else ""
    unset = "-" if row["mode"] == "serverless" else _UNKNOWN
    return {
        "month": row["month"],
        "paid": how,
        "RU/s": (unset if ru_s is None else f"{ru_s:,}") + too_little,
        "throughput": _amount(row["throughputCost"]),
        "storage": _amount(row["storageCost"]),
        "total": _amount(row["cost"]),
        "GB": _UNKNOWN if row["storageGb"] is None else f"{row['storageGb']:,.1f}",
    }


def _limit(row: Row) -> Row:
    months = row["monthsUntil"]
    never = "no" if row["known"] else _UNKNOWN
    reached = never if months is None else "now" if not months else f"in {months:,.1f} months"
    now = row["now"]
    return {
        "limit": row["limit"],
        "at": row["at"],
        "now": _UNKNOWN if now is None else f"{now:,.3g}",
        "reached": reached,
    }


def _lever(row: Row, money: str) -> Row:
    return {
        "lever": row["lever"],
        "RU a month": _number(row["requestUnitsPerMonth"]),
        "RU saved": _percent(row["requestUnitsSaved"]),
        "bytes saved": _percent(row["bytesSaved"]),
        f"{money} saved in month 12": _amount(row["serverlessCostSavedAfterAYear"]),
        "price": row["price"],
    }


def _hazards(hazards: Iterable[Row]) -> Iterator[str]:
    for each in hazards:
        yield f"{each['hazard']}: {each['subject']}: {each['why']}. Try: {each['try']}"


def _number(amount: float | None) -> str:
    return _UNKNOWN if amount is None else f"{amount:,.0f}"


def _amount(amount: float | None) -> str:
    return _UNKNOWN if amount is None else f"{amount:,.2f}"


def _money(amount: float | None, money: str) -> str:
    return _UNKNOWN if amount is None else f"{amount:,.4f} {money}"


def _percent(share: float | None) -> str:
    return _UNKNOWN if share is None else f"{share:.1%}"


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1_000:
            return f"{size:,.4g} {unit}"
        size /= 1_000
    return f"{size:,.4g} TB"
