"""`bacalhau-cosmos verify`: whether Cosmos has what this machine's tables and archive say it should have."""
# ruff: noqa: PLC0415 - processors is imported when it is used, so that help stays fast

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._options import ArchiveToRead, AsOutput, Assigned, City, Config, Data, Endpoint
from submitter.commands._settings import load_settings
from submitter.commands._stop import stop_signal
from submitter.errors import tell
from submitter.output import chosen, show_pairs

if TYPE_CHECKING:
    from processors.verify import VerifyReport

EXAMPLE = "Example: bacalhau-cosmos verify --city denver --ids findings.jsonl"


def verify(
    *,
    city: City = None,
    data: Data = None,
    state: Annotated[Path | None, typer.Option(help="Positions; only read.", show_default="state")] = None,
    archive: ArchiveToRead = None,
    ids: Annotated[
        Path | None,
        typer.Option(help="File for every finding, one JSON object a line.", show_default="the first few are shown"),
    ] = None,
    endpoint: Endpoint = None,
    assigned: Assigned = None,
    config: Config = None,
    output: AsOutput = None,
) -> None:
    """Compare SQLite, the archive and Cosmos DB by reading id: what is missing, extra or different.

    Nothing is written but the file of --ids, and a run may be going on. Rows that wait to be taken in are no fault, nor
    readings that wait for their bucket to be full, were left out on purpose, or have expired in the container (TTL).
    Aggregates and anomalies are not verified.
    Exit code 0 when nothing is missing, extra or different, 1 when something is.
    """
    from processors.report import encode
    from processors.verify import verify as compare
    from processors.world import World

    named = {"city": city, "data": data, "state": state, "archive": archive, "endpoint": endpoint}
    settings = load_settings(named, assigned, config, required=("city", "endpoint")).settings
    with stop_signal() as stop:
        report = compare(settings, World(stop=stop), ids)
    if chosen(output) == "json":
        typer.echo(encode(report.document()))
    else:
        show_pairs(_lines(report))
    for error in report.errors:
        tell(error)
    raise typer.Exit(report.exit_code)


def _lines(report: "VerifyReport") -> Iterator[tuple[str, Any]]:
    counts = report.counts
    yield "city", report.city
    yield "outcome", report.outcome
    yield "databases", "-" if report.databases is None else report.databases
    yield "rows taken in", counts.rows
    yield "  readings in Cosmos", counts.readings
    yield "  documents", counts.documents
    yield "  waiting in open buckets", counts.held
    yield "  left out on purpose", counts.leftOut
    yield "  expired", counts.expired
    yield "  rejects", counts.rejects
    yield "  aggregated only", counts.aggregated
    yield "rows waiting", counts.waiting
    yield "aggregates and anomalies", "not verified"
    for kind, findings in report.first.items():
        yield kind, report.found.get(kind, 0)
        for finding in findings:
            yield f"  {finding.name}", finding.why
    yield "seconds", round(report.seconds, 3)
    for name, error in report.failures.items():
        yield f"failed {name}", str(error)
