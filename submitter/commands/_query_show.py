"""What a query found, as a table, as JSON or as CSV."""
# ruff: noqa: PLC0415 - processors is imported when it is used, so that help stays fast

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import typer

from submitter.output import show_document, show_rows

if TYPE_CHECKING:
    from processors.query import Group


def as_row(value: Any) -> dict[str, Any]:
    """A document without what the service adds, or a bare value as a row of one column."""
    from processors.query import without_system

    return without_system(value) if isinstance(value, dict) else {"value": value}


def show_count(number: int, how: str) -> None:
    if how == "json":
        show_document({"count": number})
    else:
        show_rows([{"count": number}], how)


def show_documents(documents: Iterable[dict[str, Any]], how: str, *, anomalies: bool = False) -> int:
    """Their main fields in a table; how many there were, which is said when there was none."""
    from processors.query import without_system
    from processors.schema import IS_ANOMALY, MEASURE_NAMES, OBSERVED_AT, SENSOR_ID

    columns: tuple[str, ...] = (OBSERVED_AT, "city", SENSOR_ID, *MEASURE_NAMES, IS_ANOMALY)
    if anomalies:
        columns = (OBSERVED_AT, "city", SENSOR_ID, "id", "explanation")
    shown = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal shown
        for document in documents:
            shown += 1
            yield without_system(document)

    show_rows(counted(), how, columns=columns)
    if not shown:
        typer.echo("no document matches", err=True)
    return shown


def show_groups(groups: Iterable["Group"], how: str) -> None:
    """JSON has the total apart, a table has it last, and a CSV has none, lest a sum counts it twice."""
    rows: list[dict[str, Any]] = []
    documents = size = 0
    newest: str | None = None
    for group in groups:
        rows.append(
            {
                "city": group.city,
                "sensorId": group.sensor_id,
                "day": group.day or None,
                "documents": group.documents,
                "bytes": group.bytes,
                "newest": group.newest,
            }
        )
        documents, size = documents + group.documents, size + (group.bytes or 0)
        newest = max(filter(None, (newest, group.newest)), default=None)
    known = all(row["bytes"] is not None for row in rows)
    total = {"documents": documents, "bytes": size if known else None, "newest": newest}
    if how == "json":
        show_document({"groups": rows, "total": total})
    else:
        show_rows(rows if how == "csv" else [*rows, {"city": "total", **total}], how)
