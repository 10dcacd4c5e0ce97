"""How a network is: each program, each node, and what a dead one said last."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from network import api, nodes, processes, record
from network.api import Connection
from network.errors import NetworkError
from network.layout import layout_of
from network.record import ORCHESTRATOR, Record


@dataclass(frozen=True)
class State:
    """One program.

    Attributes:
        name: As in the record.
        pid: Process id, also of one that has ended.
        port: Where it answers.
        state: `running`, `connected` (a node that the orchestrator knows as such), `silent` (it runs and does not
            answer), `not connected` or `ended`.
        well: Whether that is as it should be.
        engines: What a connected node can run; else empty.
        log: What it says.
        last: Its last lines when it is not well; else empty.
    """

    name: str
    pid: int
    port: int
    state: str
    well: bool
    engines: tuple[str, ...]
    log: Path
    last: tuple[str, ...]


def status(folder: Path) -> tuple[Record, list[State]]:
    """The network as it was started, and each of its programs now.

    Raises:
        NetworkError: None is up.
    """
    layout = layout_of(folder)
    known = record.load(layout)
    if known is None:
        left = processes.of_folder(layout.folder)
        raise NetworkError(
            "show the network",
            layout.folder,
            why=f"none is up, but {len(left)} programs of one are left" if left else "none is up",
            hint="run `bacalhau-cosmos network down`, then `up`"
            if left
            else "run `bacalhau-cosmos network up --city CITY`, or name its folder with --folder",
        )
    connected = api.nodes(known.host, known.api_port) if known.program(ORCHESTRATOR).alive else None
    return known, [_state(known, name, connected or {}) for name in [each.name for each in known.programs]]


def _state(known: Record, name: str, connected: dict[str, Connection]) -> State:
    program = known.program(name)
    engines: tuple[str, ...] = ()
    if not program.alive:
        word = "ended"
    elif name in {node.name for node in known.nodes}:
        word = "connected" if name in connected else "not connected"
        engines = connected[name].engines if name in connected else ()
    else:
        word = "running" if nodes.answers(program) else "silent"
    well = word in ("running", "connected")
    last = () if well else tuple(nodes.last_lines(program.log))
    return State(name, program.pid, program.port, word, well, engines, program.log, last)
