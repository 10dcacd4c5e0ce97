"""`bacalhau-cosmos query`: what Cosmos has."""
# ruff: noqa: PLC0415 - processors is imported when it is used, so that help stays fast

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._options import Assigned, Config, Endpoint
from submitter.commands._query_asked import Asked, Container
from submitter.commands._query_show import as_row, show_count, show_documents, show_groups
from submitter.commands._settings import load_settings
from submitter.commands._since import instant
from submitter.errors import UsageError
from submitter.output import RowOutput, chosen, show_rows

if TYPE_CHECKING:
    from processors.query import Query, Reader, Selection

EXAMPLE = "Example: bacalhau-cosmos query --city denver --since 2h --anomalies --output csv"

_DEFAULT_LIMIT = 100


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

    asked = Asked(city, sensor, since, before, anomalies, count, limit, sql, container, analyze, archive, endpoint)
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
            show_groups(groups(reader, selection), how)
        elif count:
            show_count(_counted(reader, selection), how)
        else:
            shown = show_documents(_found(reader, selection, limit or _DEFAULT_LIMIT), how, anomalies=anomalies)
            if not shown and selection.city is not None:
                _tell_unknown(reader, Selection(selection.city, alarms=anomalies), where)
        spent = reader.request_units
        charge = "not stated by the service" if spent is None else f"{spent:,.2f} request units"
        typer.echo(f"charge: {charge}, answers: {reader.answers}", err=True)


def _show_archive(root: Path, selection: "Selection", asked: Asked, how: str) -> None:
    from processors import archived

    if asked.sql is not None:
        show_rows(archived.rows(root, asked.sql), how)
        return
    if asked.analyze:
        show_groups(archived.groups(root, selection), how)
    elif asked.count:
        show_count(archived.count(root, selection), how)
    else:
        show_documents(archived.newest(root, selection, asked.limit or _DEFAULT_LIMIT), how)
    if selection.city is not None and (unknown := archived.unknown(root, selection.city)) is not None:
        typer.echo(unknown, err=True)


def _show_sql(reader: "Reader", written: "Query", how: str) -> None:
    rows = reader.rows(written)
    show_rows(rows if how == "json" else (as_row(row) for row in rows), how)


def _tell_unknown(reader: "Reader", whole: "Selection", where: str) -> None:
    """That Cosmos has nothing of a whole city, where it is so: then its name may be written otherwise there."""
    if next(_found(reader, whole, 1), None) is None:
        hint = "its name is that of its folder, capitals included"
        typer.echo(f"nothing of the city {whole.city} is in {where}: {hint}", err=True)


def _counted(reader: "Reader", selection: "Selection") -> int:
    from processors.query import count, readings

    return sum(reader.rows(count(selection))) if selection.alarms else readings.count(reader, selection)


def _found(reader: "Reader", selection: "Selection", limit: int) -> Iterator[dict[str, Any]]:
    from processors.query import newest_first, readings

    return (
        reader.rows(newest_first(selection, limit)) if selection.alarms else readings.newest(reader, selection, limit)
    )
