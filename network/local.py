"""The whole network: up and down."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from network import checks, configuration, containers, nodes, ports, processes, record
from network.errors import NetworkError, RequestError
from network.layout import Layout, NodeRecord, layout_of, nodes_of, prepare_data
from network.lock import alone
from network.record import Record

TERM_S = 60.0
"""In that time the nodes end their executions, and the emulator writes its documents to a file."""

KILL_S = 10.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Up:
    """A network that answers.

    Attributes:
        record: What it is.
        was_up: Whether it was there before, so that nothing was started.
        documents_lost: Whether the emulator of last time was killed, and with it what it had taken in since it began.
    """

    record: Record
    was_up: bool
    documents_lost: bool = False


@dataclass(frozen=True)
class Down:
    """What `down` ended and removed.

    Attributes:
        folder: State folder.
        processes: Ids of the processes that were ended.
        containers: Ids of the containers that were removed.
    """

    folder: Path
    processes: tuple[int, ...]
    containers: tuple[str, ...]


def up(
    folder: Path,
    cities: Sequence[str],
    each: int,
    *,
    on_endpoint: Callable[[str], None],
    progress: Progress,
) -> Up:
    """Start the network and return when its orchestrator answers and every node is connected.

    Of one that is up already, nodes that have ended are started again.

    Args:
        folder: State folder; made when it is not there.
        cities: Names; their slugs become labels.
        each: Nodes for each city.
        on_endpoint: Is given the URL of the emulator once it answers, to make database and containers there.
        progress: Is told each step.

    Raises:
        MissingError: Something has to be installed or allowed first.
        RequestError: A city's name makes no label, or another network is up.
        NetworkError: A program does not start; all that was started has been ended again.
    """
    layout = layout_of(folder)
    wanted = nodes_of(layout, cities, each)
    layout.refuse_strange_folder()
    layout.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    with alone(layout, "start the network"):
        if (there := record.running(folder)) is not None:
            return Up(_same(there, wanted), was_up=True)
        programs = checks.require_machine()
        _sweep(layout)
        lost = configuration.documents_lost(layout)
        try:
            return Up(_start(layout, wanted, programs, on_endpoint, progress), was_up=False, documents_lost=lost)
        except BaseException:
            _sweep(layout)
            raise


def down(folder: Path, *, purge: bool = False) -> Down | None:
    """End every program of the network and remove what its nodes started, also without a record of them.

    Data, archive, images, the emulator's documents and logs stay.

    Args:
        folder: State folder.
        purge: Remove the folder too.

    Returns:
        None when there was nothing to end or remove.

    Raises:
        NetworkError: A process does not end, or the Docker engine does not remove a container.
    """
    layout = layout_of(folder)
    if not layout.is_ours() and not processes.of_folder(layout.folder):
        return None
    layout.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    with alone(layout, "take the network down"):
        there = layout.record.exists() or bool(layout.node_names())
        ended, removed = _sweep(layout)
        if purge:
            shutil.rmtree(layout.folder)
    return Down(layout.folder, tuple(ended), tuple(removed)) if there or ended or purge else None


def _start(
    layout: Layout,
    wanted: Sequence[NodeRecord],
    programs: checks.Programs,
    on_endpoint: Callable[[str], None],
    progress: Progress,
) -> Record:
    prepare_data(layout, wanted)
    nodes.set_logs_aside(layout)
    found = configuration.ports_of(ports.free(configuration.preferred(len(wanted))))
    bus = configuration.Bus(found.bus)
    progress("starting the registry, the emulator and the orchestrator")
    base = [
        nodes.launch(layout, configuration.registry(layout, found, programs.registry)),
        nodes.launch(layout, configuration.emulator(layout, found, programs.cosmium)),
        nodes.launch(layout, configuration.orchestrator(layout, found, bus, programs.bacalhau)),
    ]
    for program in base:
        nodes.wait(program, partial(nodes.answers, program))
    progress(f"starting {len(wanted)} node{'s' if len(wanted) > 1 else ''}")
    started = [
        nodes.launch(layout, configuration.node(layout, found, bus, programs.bacalhau, node, index))
        for index, node in enumerate(wanted)
    ]
    endpoint = f"http://{ports.HOST}:{found.emulator}"
    on_endpoint(endpoint)
    network = Record(
        folder=layout.folder,
        host=ports.HOST,
        api_port=found.api,
        image_registry=f"localhost:{found.registry}",
        cosmos_endpoint=endpoint,
        data=layout.data,
        cities=tuple(dict.fromkeys(node.city for node in wanted)),
        nodes=tuple(wanted),
        programs=(*base, *started),
    )
    for program in started:
        nodes.wait(program, partial(_is_connected, network, program.name))
    for program in network.programs:
        # Another network may have taken a port in between, and have answered in the place of a program that ended.
        nodes.wait(program, lambda: True)
    record.save(network)
    return record.load(layout) or network


def _is_connected(network: Record, node: str) -> bool:
    return nodes.connected_since(network, node) is not None


def _same(there: Record, wanted: Sequence[NodeRecord]) -> Record:
    names = [node.name for node in there.nodes]
    if set(names) != {node.name for node in wanted}:
        raise RequestError(
            "start the network",
            there.folder,
            why=f"another one is up there, with the nodes {', '.join(names)}",
            hint="run `bacalhau-cosmos network down` first, or name another folder with --folder",
        )
    ended = [program.name for program in there.programs if not program.alive]
    if lost := set(ended) - set(names):
        raise NetworkError(
            "start the network",
            there.folder,
            why=f"it is up, but {', '.join(sorted(lost))} has ended",
            hint="`bacalhau-cosmos network status` shows what it said last; then run `network down` and `up`",
        )
    for name in ended:
        there = nodes.start(there, name)
    return there


def _sweep(layout: Layout) -> tuple[list[int], list[str]]:
    """End and remove all of the network that `down` does, whatever state it is in; ids of processes, of containers."""
    try:
        ended = processes.end(layout.folder, term_s=TERM_S, kill_s=KILL_S)
    except TimeoutError as error:
        raise NetworkError(
            "end the network's programs", layout.folder, why=str(error), hint="end them by `kill -9`, as root"
        ) from error
    removed = containers.remove(layout)
    layout.record.unlink(missing_ok=True)
    for folder in (layout.nodes, layout.folder / record.ORCHESTRATOR):
        if folder.exists():
            shutil.rmtree(folder)
    return ended, removed
