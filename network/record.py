"""What is known of a network that is up: written when all of it answers, removed when it is taken down."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from network import processes
from network.errors import NetworkError
from network.layout import Layout, NodeRecord, layout_of

SCHEMA_VERSION = 1
ORCHESTRATOR = "orchestrator"
REGISTRY = "registry"
EMULATOR = "emulator"


@dataclass(frozen=True)
class Program:
    """A program of the network.

    Attributes:
        name: `registry`, `emulator`, `orchestrator` or the name of a node.
        pid: Process id.
        started: The kernel's start time of the process; with the id it names the process for good.
        port: Where it answers, on loopback.
        argv: How it is started; the first is a path.
        environment: What it gets beside this process's own environment.
        log: What it says.
    """

    name: str
    pid: int
    started: str
    port: int
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return processes.alive(self.pid, self.started)


@dataclass(frozen=True)
class Record:
    """A network that is up.

    Attributes:
        folder: State folder, absolute.
        host: Of all programs: loopback.
        api_port: Of the orchestrator.
        image_registry: `localhost:PORT`, the beginning of the names of images.
        cosmos_endpoint: URL of the emulator.
        data: Folder on this machine that jobs mount.
        cities: Labels, in the order they were asked for.
        nodes: All compute nodes.
        programs: All programs, the nodes among them.
        images: Value name -> image reference; only what was pushed to this registry.
    """

    folder: Path
    host: str
    api_port: int
    image_registry: str
    cosmos_endpoint: str
    data: Path
    cities: tuple[str, ...]
    nodes: tuple[NodeRecord, ...]
    programs: tuple[Program, ...]
    images: Mapping[str, str] = field(default_factory=dict)

    def program(self, name: str) -> Program:
        """The program of that name.

        Raises:
            KeyError: There is none.
        """
        return {program.name: program for program in self.programs}[name]

    def with_program(self, program: Program) -> Record:
        """The record with this program in the place of the one of the same name."""
        return replace(self, programs=tuple(program if old.name == program.name else old for old in self.programs))


def running(folder: Path) -> Record | None:
    """The network of this state folder; None when none is up, or its orchestrator has ended."""
    record = load(layout_of(folder))
    return record if record is not None and record.program(ORCHESTRATOR).alive else None


def load(layout: Layout) -> Record | None:
    """The record as it was written, whether or not its programs live; None when there is none.

    Raises:
        NetworkError: It cannot be read.
    """
    try:
        content = layout.record.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise NetworkError(
            "read the network's record",
            layout.record,
            why="only root may",
            hint="put `sudo` before the same command, or set BACALHAU_API_HOST to submit to another network",
        ) from error
    except OSError as error:
        raise _unreadable(layout, str(error)) from error
    try:
        record = _decoded(layout, json.loads(content))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable(layout, "it is not what this version writes") from error
    return replace(record, images=_images(layout, record.image_registry))


def save(record: Record) -> None:
    """Write the record; a kill at any instruction leaves the old one or the new one."""
    write_whole(Layout(record.folder).record, json.dumps(_encoded(record), indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """The file with this content: written aside, synced, renamed."""
    aside = path.with_name(f".{path.name}.new")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _images(layout: Layout, registry: str) -> dict[str, str]:
    """References that this registry can answer; another port's would not be found there."""
    try:
        known = json.loads(layout.images.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {name: image for name, image in known.items() if str(image).startswith(f"{registry}/")}


def _unreadable(layout: Layout, why: str) -> NetworkError:
    return NetworkError(
        "read the network's record", layout.record, why=why, hint="run `bacalhau-cosmos network down`, then `up`"
    )


def _encoded(record: Record) -> dict[str, Any]:
    return {
        "schemaVersion": SCHEMA_VERSION,
        "host": record.host,
        "apiPort": record.api_port,
        "registry": record.image_registry,
        "cosmosEndpoint": record.cosmos_endpoint,
        "data": str(record.data),
        "cities": list(record.cities),
        "nodes": [{"name": node.name, "city": node.city, "folder": str(node.folder)} for node in record.nodes],
        "programs": [
            {
                "name": program.name,
                "pid": program.pid,
                "started": program.started,
                "port": program.port,
                "argv": list(program.argv),
                "environment": dict(program.environment),
                "log": str(program.log),
            }
            for program in record.programs
        ],
    }


def _decoded(layout: Layout, content: dict[str, Any]) -> Record:
    if content["schemaVersion"] != SCHEMA_VERSION:
        raise ValueError(content["schemaVersion"])
    if ORCHESTRATOR not in [each["name"] for each in content["programs"]]:
        raise ValueError("a network has an orchestrator")
    return Record(
        folder=layout.folder,
        host=_text(content["host"]),
        api_port=_number(content["apiPort"]),
        image_registry=_text(content["registry"]),
        cosmos_endpoint=_text(content["cosmosEndpoint"]),
        data=Path(content["data"]),
        cities=tuple(content["cities"]),
        nodes=tuple(NodeRecord(node["name"], node["city"], Path(node["folder"])) for node in content["nodes"]),
        programs=tuple(
            Program(
                name=each["name"],
                pid=_number(each["pid"]),
                started=_text(each["started"]),
                port=_number(each["port"]),
                argv=tuple(each["argv"]),
                environment=each["environment"],
                log=Path(each["log"]),
            )
            for each in content["programs"]
        ),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise TypeError(value)
    return value


def _number(value: object) -> int:
    """A port or a process id; both are above nought and take at most 32 bits."""
    if type(value) is not int or not 0 < value < 1 << 31:
        raise TypeError(value)
    return value
