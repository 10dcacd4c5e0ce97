"""`bacalhau-cosmos plan`: what a city would send, take and cost, before anything is sent."""
# ruff: noqa: PLC0415 - processors and fleet are imported when they are used, so that help stays fast

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from submitter.commands._options import ArchiveToRead, AsOutput, Assigned, City, Config, Data, Endpoint
from submitter.commands._plan_document import document_of
from submitter.commands._plan_load import planned_of, seconds_of
from submitter.commands._plan_table import show
from submitter.commands._settings import load_settings
from submitter.commands._stop import stop_signal
from submitter.errors import INTERRUPTED, tell
from submitter.output import chosen, show_document

if TYPE_CHECKING:
    from processors.rehearsal.foresee import Foreseen

EXAMPLE = "Example: bacalhau-cosmos plan --city denver --throughput 1000 --probe"


def plan(
    *,
    city: City = None,
    data: Data = None,
    state: Annotated[
        Path | None, typer.Option(help="Positions; only plan.json is written there.", show_default="state")
    ] = None,
    archive: ArchiveToRead = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Read charges from 100 writes at most, which are deleted again.")
    ] = False,
    throughput: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="RU/s of each container, or of all together where they share it.",
            show_default="the least that carries the present rate",
        ),
    ] = None,
    highest_throughput: Annotated[
        int, typer.Option(min=0, help="RU/s that were the highest ever set: they bound what may be set now.")
    ] = 0,
    free_tier: Annotated[
        bool, typer.Option("--free-tier", help="The account has the first 1,000 RU/s and 25 GB for nothing.")
    ] = False,
    prices: Annotated[
        Path | None,
        typer.Option(help="File of prices (JSON), see docs/cost.md.", show_default="published list prices"),
    ] = None,
    endpoint: Endpoint = None,
    assigned: Assigned = None,
    config: Config = None,
    output: AsOutput = None,
) -> None:
    """Tell what a city would send, what it would cost, and what would make that less; nothing is sent.

    All that a run does is done, but for sending, on a copy of the positions: a run may be going on. Charges are those
    that runs were told, or a probe; without either the plan says so. The plan is kept for the next run, whose report
    compares. Exit code 0, or 5 when a database could not be read.
    """
    from fleet.plan.bill import Choice
    from fleet.plan.prices import PUBLISHED, read
    from processors.errors import Stopped
    from processors.rehearsal.foresee import foresee
    from processors.world import World

    paid = read(prices or PUBLISHED)
    named = {"city": city, "data": data, "state": state, "archive": archive, "endpoint": endpoint}
    required = ("city", "endpoint") if probe else ("city",)
    settings = load_settings(named, assigned, config, required=required).settings
    with stop_signal() as stop:
        try:
            foreseen = foresee(settings, World(stop=stop), probing=probe)
        except Stopped:
            raise typer.Exit(INTERRUPTED) from None
    takes_s = seconds_of(foreseen, throughput)
    notes = _kept(foreseen, takes_s)
    document = document_of(foreseen, paid, Choice(throughput, highest_throughput, free_tier), takes_s, notes)
    if chosen(output) == "json":
        show_document(document)
    else:
        show(document)
    for error in foreseen.rehearsal.report.errors:
        tell(error)
    raise typer.Exit(foreseen.rehearsal.report.exit_code)


def _kept(foreseen: "Foreseen", takes_s: float | None) -> list[str]:
    """Writes the plan down for the next run, unless it is not of all databases; what there is to say of that."""
    from processors.planned import FILE, write

    report = foreseen.rehearsal.report
    if report.exit_code:
        return ["a run is not compared with this plan: a database could not be read"]
    folder = foreseen.settings.state / foreseen.settings.city
    try:
        write(folder, planned_of(foreseen, takes_s))
    except OSError as error:
        return [f"a run is not compared with this plan: {folder / FILE} cannot be written: {error.strerror}"]
    return []
