"""Starting programs, and starting one of them again."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from network import api, processes
from network.configuration import Start, whole_environment
from network.errors import NetworkError
from network.layout import Layout
from network.ports import HOST
from network.record import Program, Record, save

READY_S = 60.0
"""Seconds within which a program must answer; a busy machine of two cores needs about five."""

LAST_LINES = 8


def launch(layout: Layout, start: Start) -> Program:
    """Start a program; it may not answer yet.

    Raises:
        NetworkError: It cannot be executed.
    """
    log = layout.log(start.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        pid = processes.spawn(start.argv, whole_environment(start.environment), log)
    except OSError as error:
        raise NetworkError(
            f"start {start.name}", start.argv[0], why=error.strerror or str(error), hint="run `make network` again"
        ) from error
    return Program(start.name, pid, processes.start_time(pid), start.port, start.argv, start.environment, log)


def set_logs_aside(layout: Layout) -> None:
    """Each log becomes `<program>.log.1`, in the place of the one before it."""
    for log in layout.logs.glob("*.log"):
        log.replace(log.with_name(f"{log.name}.1"))


def start(record: Record, name: str) -> Record:
    """Start a program of the network that has ended again, as it was, and wait until it is there.

    Args:
        record: The network.
        name: A node, or another program.

    Returns:
        The record with the new process, which was written too.

    Raises:
        NetworkError: It still runs, ends at once, or is not there within `READY_S`.
    """
    old = record.program(name)
    if old.alive:
        raise NetworkError(f"start {name}", f"process {old.pid}", why="it still runs", hint="end it first")
    before = connected_since(record, name)
    program = launch(Layout(record.folder), Start(name, old.port, old.argv, old.environment))
    renewed = record.with_program(program)
    save(renewed)
    if name in {node.name for node in record.nodes}:
        wait(program, lambda: connected_since(record, name) not in (before, None))
    else:
        wait(program, lambda: answers(program))
    return renewed


def connected_since(record: Record, node: str) -> str | None:
    """When the node last shook hands with the orchestrator; None when it does not count as connected."""
    connection = (api.nodes(record.host, record.api_port) or {}).get(node)
    return None if connection is None else connection.since


def answers(program: Program) -> bool:
    """Whether something answers where the program should."""
    return api.answers(f"http://{HOST}:{program.port}/")


def wait(program: Program, there: Callable[[], bool]) -> None:
    """Return when the program does what it is for.

    Raises:
        NetworkError: It ended, or does not within `READY_S`; its last lines are told.
    """
    if processes.until(lambda: not program.alive or there(), READY_S) and program.alive:
        return
    what = "does not answer" if program.alive else "has ended"
    said = last_lines(program.log)
    raise NetworkError(
        f"start {program.name}",
        program.argv[0],
        why=f"it {what}" + (", and said last:\n  " + "\n  ".join(said) if said else " and said nothing"),
        hint=f"read all it said: {program.log}",
    )


def last_lines(log: Path) -> list[str]:
    """The end of a log, at most `LAST_LINES` lines; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 16_384))
            lines = deque(file, maxlen=LAST_LINES)
    except OSError:
        return []
    return [line.decode(errors="replace").rstrip() for line in lines]
