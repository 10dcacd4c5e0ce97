"""`bacalhau-cosmos submit`: a job for the nodes of a city."""
# ruff: noqa: PLC0415 - the Bacalhau client and network are imported when they are used, so that help stays fast

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from submitter.commands._network import FOLDER, NetworkFolder
from submitter.commands._options import AsOutput
from submitter.errors import DEADLINE, UsageError
from submitter.output import chosen, plain, show_document, show_rows

if TYPE_CHECKING:
    from submitter.client import Client
    from submitter.config import Local, Orchestrator
    from submitter.handle import Handle
    from submitter.nodes import Matched, Node
    from submitter.report import Outcome
    from submitter.spec import JobSpec, Template

EXAMPLE = "Example: bacalhau-cosmos submit --city denver --city chicago --spec ingest --set stage=schematized"


def submit(
    *,
    city: Annotated[list[str] | None, typer.Option(help="City whose nodes get the job; repeat for several.")] = None,
    all_cities: Annotated[bool, typer.Option("--all", help="Every city that the network's nodes carry.")] = False,
    spec: Annotated[str, typer.Option(help="Name of a job spec, or a path to one.")] = "ingest",
    assigned: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A value of the spec; else SUBMIT_<NAME>. Repeat for several."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the bytes that would be sent.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return when the jobs are accepted.")] = False,
    deadline: Annotated[str, typer.Option(help="How long to wait for the end: 90s, 10m, 2h.")] = "1h",
    fetch: Annotated[
        Path | None, typer.Option(help="Folder for what the nodes publish: <job>/<node>/ below it.")
    ] = None,
    jobs_dir: Annotated[
        Path | None, typer.Option(help="Folder of job specs.", show_default="jobs of the checkout, or of the install")
    ] = None,
    network_folder: NetworkFolder = FOLDER,
    output: AsOutput = None,
) -> None:
    """Send a job to the nodes of a city, and follow it until each has reported.

    Ctrl-C leaves the job running. The network is that of BACALHAU_API_HOST and BACALHAU_API_PORT, or the local one.
    """
    from submitter import config
    from submitter.fetch import fetch as fetch_results
    from submitter.spec import find

    wait_s = config.seconds(deadline)
    _refuse_mixtures(city, all_cities=all_cities, detach=detach, dry_run=dry_run, fetch=fetch)
    local = _local(network_folder)
    place = config.orchestrator(os.environ, local)
    asked = _Asked(find(spec, jobs_dir), config.assigned(assigned or ()), config.offered(os.environ, local, place))
    how = chosen(output)
    jobs = [asked.job(name) for name in dict.fromkeys(city or ())]
    if dry_run and not all_cities:
        _show_bytes(jobs)
        return
    with _client(place) as client:
        nodes = client.nodes()
        if all_cities:
            jobs = asked.every(nodes, place)
        if dry_run:
            _show_bytes(jobs)
            return
        handles = _put(client, _matched(jobs, nodes, fetching=fetch is not None), how)
        outcomes = [] if detach else _followed(client, handles, wait_s)
        code = _show(handles, outcomes, how)
        if fetch is not None:
            for handle in handles:
                fetch_results(client, handle, [each.view for each in outcomes if each.handle is handle], fetch)
    raise typer.Exit(code)


@dataclass(frozen=True)
class _Asked:
    """What makes jobs of cities."""

    template: "Template"
    given: dict[str, str]
    offered: dict[str, str]

    def job(self, city: str) -> "JobSpec":
        from submitter.spec import render

        return render(self.template, city, datetime.now(UTC), given=self.given, offered=self.offered)

    def every(self, nodes: "Sequence[Node]", place: "Orchestrator") -> "list[JobSpec]":
        from submitter.nodes import every_city

        return [self.job(city) for city in every_city(nodes, place.url)]


def _refuse_mixtures(
    city: Sequence[str] | None, *, all_cities: bool, detach: bool, dry_run: bool, fetch: Path | None
) -> None:
    if bool(city) == all_cities:
        raise UsageError(
            "submit",
            "--city and --all" if city else "no city",
            why="both say which cities" if city else "it must be said whose nodes get the job",
            hint="--city NAME, or --all for every city of the network",
        )
    if fetch is not None and (detach or dry_run):
        other = "--detach" if detach else "--dry-run"
        raise UsageError("take --fetch", other, why=f"with {other} there are no results", hint=f"leave out {other}")


def _local(folder: Path) -> "Local | None":
    """The local network, if one is up; one that may not be read is none to those who name an orchestrator."""
    from network.errors import NetworkError
    from network.record import running
    from submitter.config import Local, is_named

    try:
        record = running(folder)
    except NetworkError:
        if not is_named(os.environ):
            raise
        return None
    if record is None:
        return None
    return Local(record.host, record.api_port, {"data": str(record.data), **record.images})


def _client(place: "Orchestrator") -> "Client":
    from submitter.client import Client

    return Client(place)


def _show_bytes(jobs: "Sequence[JobSpec]") -> None:
    for job in jobs:
        typer.echo(job.body)


def _matched(jobs: "Sequence[JobSpec]", nodes: "Sequence[Node]", *, fetching: bool) -> "list[tuple[JobSpec, Matched]]":
    """All checks of all jobs, before the first is put."""
    from submitter.fetch import refuse_without_results
    from submitter.nodes import absence, match

    for job in jobs:
        if fetching:
            refuse_without_results(job)
    _refuse_one_name(jobs)
    found = [(job, match(nodes, job)) for job in {job.city: job for job in jobs}.values()]
    for _, matched in found:
        for node in matched.absent:
            typer.echo(plain(f"Warning: {absence(node)}, and will be missing"), err=True)
    return found


def _refuse_one_name(jobs: "Sequence[JobSpec]") -> None:
    """To Bacalhau a second job of the same name is an update of the first, and ends it."""
    cities: dict[str, list[str]] = {}
    for job in jobs:
        cities.setdefault(job.name, []).append(job.city)
    for name, of in cities.items():
        if name and len(set(of)) > 1:
            raise UsageError(
                "submit",
                name,
                why=f"the jobs of {', '.join(of)} have this one name, so that each would end the one before",
                hint="put {{.city}} into the spec's Name, or submit one city at a time",
            )


def _put(client: "Client", found: "Sequence[tuple[JobSpec, Matched]]", how: str) -> "list[Handle]":
    """Sends each job; ids go to stdout as soon as they are known."""
    handles: list[Handle] = []
    try:
        for job, matched in found:
            handle = client.put(job, matched)
            handles.append(handle)
            if how == "table":
                typer.echo(handle.id)
            for warning in handle.warnings:
                typer.echo(plain(f"Warning: {warning}"), err=True)
    except BaseException:
        _tell_how_to_follow(handles)
        raise
    return handles


def _followed(client: "Client", handles: "Sequence[Handle]", wait_s: float) -> "list[Outcome]":
    from submitter.live import display
    from submitter.logs import FirstLines
    from submitter.report import left_out, outcome
    from submitter.watch import changes

    by_id = {handle.id: handle for handle in handles}
    views = {}
    try:
        with display() as shown:
            for view in changes(
                client,
                handles,
                deadline_s=wait_s,
                clock=time.monotonic,
                sleep=time.sleep,
                first_line=FirstLines(client.log).of,
            ):
                views[view.job_id, view.node] = view
                shown.show(by_id[view.job_id].job.city, view)
    except BaseException:
        _tell_how_to_follow(handles)
        raise
    done = [outcome(by_id[job_id], view) for (job_id, _), view in views.items()]
    return [*done, *(absent for handle in handles for absent in left_out(handle))]


def _show(handles: "Sequence[Handle]", outcomes: "Sequence[Outcome]", how: str) -> int:
    """Prints what came of it; the exit code."""
    from submitter.report import document, exit_code, rows

    code = exit_code(outcomes)
    if how == "json":
        show_document(document(handles, outcomes))
    else:
        show_rows(rows(outcomes), how)
    for each in outcomes:
        if each.view.hint:
            typer.echo(plain(f"Try, on {each.view.node}: {each.view.hint}"), err=True)
    if code == DEADLINE or not outcomes:
        _tell_how_to_follow(handles)
    else:
        _tell_how_to_inspect(handles)
    return code


def _tell_how_to_follow(handles: "Sequence[Handle]") -> None:
    for handle in handles:
        typer.echo(f"Job {handle.id} goes on. To follow it, or to stop it:", err=True)
        typer.echo(f"  bacalhau job describe {handle.id}\n  bacalhau job logs {handle.id} --follow", err=True)
        typer.echo(f"  bacalhau job stop {handle.id}", err=True)


def _tell_how_to_inspect(handles: "Sequence[Handle]") -> None:
    for handle in handles:
        typer.echo(f"bacalhau job describe {handle.id}\nbacalhau job logs {handle.id}", err=True)
