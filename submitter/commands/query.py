"""`bacalhau-cosmos query`: what Cosmos has."""
# ruff: noqa: PLC0415 - processors is imported when it is used, so that help stays fast

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._options import Assigned, Config, Endpoint
from submitter.commands._settings import load_settings
from submitter.commands._since import instant
from submitter.errors import UsageError
from submitter.output import RowOutput, chosen, show_document, show_rows

if TYPE_CHECKING:
    from processors.query import Group, Query, Reader, Selection

EXAMPLE = "Example: bacalhau-cosmos query --city denver --since 2h --anomalies --output csv"

_DEFAULT_LIMIT = 100
_NOT_ARCHIVED = ("--anomalies", "--container")


class Container(StrEnum):
    """Containers by what they hold; the name of the readings' is a setting."""

    READINGS = "readings"
    AGGREGATES = "aggregates"
    ANOMALIES = "anomalies"
    RUNS = "runs"


@dataclass(frozen=True)
class _Asked:
    """The options that say what to read."""

    city: str | None
    sensor: str | None
    since: str | None
    before: str | None
    anomalies: bool
    count: bool
    limit: int | None
    sql: str | None
    container: Container | None
    analyze: bool
    archive: bool
    endpoint: str | None

    def refuse_mixtures(self) -> None:
        """Options that another one leaves without a meaning are refused."""
        given = {
            "--city": self.city is not None,
            "--sensor": self.sensor is not None,
            "--since": self.since is not None,
            "--before": self.before is not None,
            "--anomalies": self.anomalies,
            "--count": self.count,
            "--limit": self.limit is not None,
            "--sql": self.sql is not None,
            "--container": self.container is not None,
            "--analyze": self.analyze,
        }
        if self.archive and (idle := [name for name in _NOT_ARCHIVED if given[name]]):
            raise _without_meaning(idle, "--archive")
        if self.archive and self.endpoint is not None:
            raise _without_meaning(["--endpoint"], "--archive")
        if self.sql is not None:
            mode, fitting = "--sql", {"--sql", "--container"}
        elif self.analyze:
            mode, fitting = "--analyze", {"--analyze", "--city", "--sensor"}
        elif self.count:
            mode, fitting = "--count", {"--count", "--city", "--sensor", "--since", "--before", "--anomalies"}
        else:
            mode, fitting = "a query without --sql", given.keys() - {"--container"}
        if idle := [name for name, there in given.items() if there and name not in fitting]:
            raise _without_meaning(idle, mode)


def _without_meaning(idle: list[str], mode: str) -> UsageError:
    return UsageError("query", ", ".join(idle), why=f"has no meaning with {mode}", hint=f"leave out {', '.join(idle)}")


def query(
    *,
    city: Annotated[
        str | None, typer.Option(help="One city, as its folder is named.", show_default="COSMOS_CITY, or all")
    ] = None,
    sensor: Annotated[str | None, typer.Option(help="One sensor, by its id.")] = None,
    since: Annotated[str | None, typer.Option(help="Observed then or later: 2h, 3d or 2026-11-20T00:00:00Z.")] = None,
    before: Annotated[str | None, typer.Option(help="Observed earlier than that, written likewise.")] = None,
    anomalies: Annotated[bool, typer.Option("--anomalies", help="Anomalies instead of readings.")] = False,
    count: Annotated[bool, typer.Option("--count", help="Only how many there are.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.", show_default=str(_DEFAULT_LIMIT))] = None,
    sql: Annotated[str | None, typer.Option(help="A SELECT in Cosmos SQL, sent as given.")] = None,
    container: Annotated[
        Container | None, typer.Option(help="With --sql: where it runs.", show_default="readings")
    ] = None,
    analyze: Annotated[
        bool,
        typer.Option(
            "--analyze", help="Documents, bytes and the newest, by city, sensor and day; reads every document."
        ),
    ] = False,
    archive: Annotated[
        bool,
        typer.Option(
            "--archive",
            help="Ask this machine's Parquet archive (the setting `archive`) instead: free, and without an account. "
            "--sql is then SQL of Polars on the table `readings`.",
        ),
    ] = False,
    endpoint: Endpoint = None,
    assigned: Assigned = None,
    config: Config = None,
    output: Annotated[
        RowOutput | None, typer.Option(help="How to print.", show_default="table on a terminal, else json")
    ] = None,
) -> None:
    """Read documents back from Cosmos DB, newest first, and say on stderr what that cost.

    Tables show the main fields; JSON and CSV have all of them. A city makes a query cheaper, and a sensor with --since
    and --before in one month makes it the cheapest: it is then sent to one partition.
    """
    from processors.city import account
    from processors.containers import ANOMALIES
    from processors.query import Selection, as_given, groups, open_reader

    asked = _Asked(city, sensor, since, before, anomalies, count, limit, sql, container, analyze, archive, endpoint)
    asked.refuse_mixtures()
    now = datetime.now(UTC)
    start = None if since is None else instant(since, now)
    end = None if before is None else instant(before, now, "--before")
    if start is not None and end is not None and start >= end:
        raise UsageError(
            "query", f"--since {since} --before {before}", why="no moment is both", hint="give an earlier --since"
        )
    named, required = {"city": city, "endpoint": endpoint}, () if archive else ("endpoint",)
    written = None if sql is None or archive else as_given(sql)
    settings = load_settings(named, assigned, config, required=required).settings
    selection = Selection(settings.city or None, sensor, start, end, alarms=anomalies)
    how = chosen(output)
    if archive:
        _show_archive(settings.archive, selection, asked, how)
        return
    where = ANOMALIES if anomalies else settings.container
    if container not in (None, Container.READINGS):
        where = container.value
    with open_reader(account(settings), where) as reader:
        if written is not None:
            _show_sql(reader, written, how)
        elif analyze:
            _show_groups(groups(reader, selection), how)
        elif count:
            _show_count(_counted(reader, selection), how)
        else:
            _show_documents(_found(reader, selection, limit or _DEFAULT_LIMIT), how, anomalies=anomalies)
        spent = reader.request_units
        charge = "not stated by the service" if spent is None else f"{spent:,.2f} request units"
        typer.echo(f"charge: {charge}, answers: {reader.answers}", err=True)


def _show_archive(root: Path, selection: "Selection", asked: _Asked, how: str) -> None:
    from processors import archived

    if asked.sql is not None:
        show_rows(archived.rows(root, asked.sql), how)
        return
    if asked.analyze:
        _show_groups(archived.groups(root, selection), how)
    elif asked.count:
        _show_count(archived.count(root, selection), how)
    else:
        _show_documents(archived.newest(root, selection, asked.limit or _DEFAULT_LIMIT), how)
    if selection.city is not None and (unknown := archived.unknown(root, selection.city)) is not None:
        typer.echo(unknown, err=True)


def _show_sql(reader: "Reader", written: "Query", how: str) -> None:
    rows = reader.rows(written)
    show_rows(rows if how == "json" else (_as_row(row) for row in rows), how)


def _as_row(value: Any) -> dict[str, Any]:
    """A document without what the service adds, or a bare value as a row of one column."""
    from processors.query import without_system

    return without_system(value) if isinstance(value, dict) else {"value": value}


def _counted(reader: "Reader", selection: "Selection") -> int:
    from processors.query import count, readings

    return sum(reader.rows(count(selection))) if selection.alarms else readings.count(reader, selection)


def _show_count(number: int, how: str) -> None:
    if how == "json":
        show_document({"count": number})
    else:
        show_rows([{"count": number}], how)


def _found(reader: "Reader", selection: "Selection", limit: int) -> Iterator[dict[str, Any]]:
    from processors.query import newest_first, readings

    return (
        reader.rows(newest_first(selection, limit)) if selection.alarms else readings.newest(reader, selection, limit)
    )


def _show_documents(documents: Iterable[dict[str, Any]], how: str, *, anomalies: bool = False) -> None:
    from processors.query import without_system
    from processors.schema import IS_ANOMALY, MEASURE_NAMES, OBSERVED_AT, SENSOR_ID

    columns: tuple[str, ...] = (OBSERVED_AT, "city", SENSOR_ID, *MEASURE_NAMES, IS_ANOMALY)
    if anomalies:
        columns = (OBSERVED_AT, "city", SENSOR_ID, "id", "explanation")
    show_rows(_or_say_none(map(without_system, documents)), how, columns=columns)


def _or_say_none(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        typer.echo("no document matches", err=True)


def _show_groups(groups: Iterable["Group"], how: str) -> None:
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
