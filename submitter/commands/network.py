"""`bacalhau-cosmos network`: a Bacalhau network on this machine."""
# ruff: noqa: PLC0415 - network and processors are imported when they are used, so that help stays fast

import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._network import FOLDER, Folder
from submitter.commands._options import AsOutput
from submitter.output import chosen, show_document, show_pairs, show_rows

if TYPE_CHECKING:
    from network.record import Record
    from network.status import State

app = typer.Typer(no_args_is_help=True, help="A Bacalhau network on this machine, to try jobs on.")


@app.callback()
def network() -> None:
    """A Bacalhau network on this machine, to try jobs on."""


@app.command(epilog="Example: bacalhau-cosmos network up --city denver --city chicago")
def up(
    *,
    city: Annotated[list[str], typer.Option(help="City that gets nodes; repeat for several.")],
    nodes: Annotated[int, typer.Option(min=1, help="Compute nodes for each city.")] = 1,
    folder: Folder = FOLDER,
    output: AsOutput = None,
) -> None:
    """Start an orchestrator, compute nodes, an image registry and a Cosmos emulator; return when all answer.

    They run until `network down`; nodes of it that have ended are started again. Needs root and a Docker engine.
    Ports are the usual ones, or the next free.
    """
    from network.local import up

    done = up(folder, city, nodes, on_endpoint=_create_containers, progress=_progress)
    if done.documents_lost:
        typer.echo(
            "The emulator was killed last time: it has lost the documents that it took in since it was started. "
            "Checkpoints still count them as sent; `network down --purge` begins anew.",
            err=True,
        )
    if chosen(output) == "json":
        show_document({"wasUp": done.was_up, "documentsLost": done.documents_lost, **_document(done.record)})
        return
    if done.was_up:
        typer.echo("It is up already.")
    show_pairs(_lines(done.record))
    typer.echo("\nNext:")
    for line in _next(done.record):
        typer.echo(f"  {line}")


@app.command(epilog="Example: bacalhau-cosmos network status --output json")
def status(*, folder: Folder = FOLDER, output: AsOutput = None) -> None:
    """Show each program of the network, and what one that has ended said last.

    Ends with exit code 1 when not all is well, or no network is up.
    """
    from network.status import status

    known, states = status(folder)
    if chosen(output) == "json":
        show_document({"ok": all(state.well for state in states), **_document(known, states)})
    else:
        show_rows((_row(state) for state in states), "table")
        for state in states:
            if state.last:
                typer.echo(f"\n{state.name} said last ({state.log}):")
                for line in state.last:
                    typer.echo(f"  {line}")
    if not all(state.well for state in states):
        raise typer.Exit(1)


@app.command(epilog="Example: bacalhau-cosmos network down --purge")
def down(
    *,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove the state folder too: data, archive, images, documents, logs.")
    ] = False,
    folder: Folder = FOLDER,
    output: AsOutput = None,
) -> None:
    """End all programs of the network and remove the containers that its nodes started.

    The nodes' data and archive, pushed images, the emulator's documents and the logs stay for the next `up`;
    Bacalhau's own record of jobs and executions does not.
    """
    from network.local import down

    done = down(folder, purge=purge)
    if chosen(output) == "json":
        ended, removed = (len(done.processes), len(done.containers)) if done else (0, 0)
        show_document({"wasUp": done is not None, "processesEnded": ended, "containersRemoved": removed})
    elif done is None:
        typer.echo(f"No network is up in {folder}.")
    else:
        typer.echo(f"Ended {len(done.processes)} programs, removed {len(done.containers)} containers.")
        typer.echo(f"{'Removed' if purge else 'Data, images, documents and logs stay in'} {done.folder}.")


def _create_containers(endpoint: str) -> None:
    from processors.containers import making
    from processors.cosmos import Account

    making.create(Account(endpoint, "", "SensorData"))


def _progress(step: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"{step} ...", err=True)


def _lines(record: "Record") -> Iterator[tuple[str, str]]:
    yield "orchestrator", f"http://{record.host}:{record.api_port}"
    yield "registry", record.image_registry
    yield "Cosmos emulator", record.cosmos_endpoint
    yield "data of the nodes", str(record.data)
    yield "logs", str(record.folder / "logs")
    for city in record.cities:
        yield f"nodes of {city}", ", ".join(node.name for node in record.nodes if node.city == city)


def _next(record: "Record") -> Iterator[str]:
    folder = "" if record.folder == FOLDER.absolute() else f" --folder {shlex.quote(str(record.folder))}"
    yield f"export BACALHAU_API_HOST={record.host} BACALHAU_API_PORT={record.api_port}"
    yield f"export COSMOS_ENDPOINT={record.cosmos_endpoint}"
    yield "make images                                # builds the images and pushes them to the registry"
    yield f"bacalhau-cosmos submit --city {record.cities[0]}"
    yield f"bacalhau-cosmos network status{folder}"
    yield f"bacalhau-cosmos network down{folder}"


def _document(record: "Record", states: "list[State] | None" = None) -> dict[str, Any]:
    return {
        "folder": str(record.folder),
        "host": record.host,
        "apiPort": record.api_port,
        "registry": record.image_registry,
        "cosmosEndpoint": record.cosmos_endpoint,
        "data": str(record.data),
        "cities": list(record.cities),
        "nodes": [{"name": node.name, "city": node.city, "folder": str(node.folder)} for node in record.nodes],
        "programs": [
            {"name": program.name, "pid": program.pid, "port": program.port, "log": str(program.log)}
            for program in record.programs
        ]
        if states is None
        else [{**_row(state), "log": str(state.log), "lastLines": list(state.last)} for state in states],
    }


def _row(state: "State") -> dict[str, Any]:
    return {
        "name": state.name,
        "pid": state.pid,
        "port": state.port,
        "state": state.state,
        "engines": " ".join(state.engines),
    }
