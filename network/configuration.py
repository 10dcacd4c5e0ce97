"""What each program is told: its configuration file, arguments and environment."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path
from typing import Any

import yaml

from network.layout import Layout, NodeRecord
from network.ports import HOST
from network.processes import MARKER, NODE
from network.record import EMULATOR, ORCHESTRATOR, REGISTRY

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent / "infra" / "network"
TEMPLATES = _CHECKOUT if _CHECKOUT.is_dir() else _PACKAGE / "infra"
"""The configuration that is also an example for real nodes."""

PREFERRED = {ORCHESTRATOR: 1234, "bus": 4222, REGISTRY: 5000, EMULATOR: 8081}
FIRST_PUBLISHER = 6001
FIRST_NODE_API = 1235

SECRETS = ("COSMOS_KEY", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET")
"""What job specs name besides; all empty for an emulator, and there, because a node must have what a job names."""

_OURS = ("BACALHAU_", "COSMOS_", "AZURE_", "OTEL_", "REGISTRY_", "COSMIUM_")
"""Beginnings of variables that would change what a program does behind its configuration's back."""


@dataclass(frozen=True)
class Start:
    """How a program is started.

    Attributes:
        name: As in the record.
        port: Where it answers.
        argv: The first is a path.
        environment: Beside the inherited one.
    """

    name: str
    port: int
    argv: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Ports:
    """Ports of one network; those of nodes in the order of the nodes."""

    api: int
    bus: int
    registry: int
    emulator: int
    node_apis: tuple[int, ...]
    publishers: tuple[int, ...]


@dataclass(frozen=True)
class Bus:
    """Where nodes meet their orchestrator.

    Attributes:
        port: Of the orchestrator.
        token: What both know. Nodes look for a lost orchestrator at the same port for ever, and would else obey
            another network's that has taken it.
    """

    port: int
    token: str = field(default_factory=partial(secrets.token_hex, 16), repr=False)

    @property
    def url(self) -> str:
        """What a node dials."""
        return f"nats://{HOST}:{self.port}"


def preferred(nodes: int) -> list[int]:
    """The ports that a network has when all are free, for `ports_of`."""
    return [*PREFERRED.values(), *(FIRST_NODE_API,) * nodes, *(FIRST_PUBLISHER,) * nodes]


def ports_of(found: list[int]) -> Ports:
    """What `preferred` became."""
    api, bus, registry, emulator, *rest = found
    nodes = len(rest) // 2
    return Ports(api, bus, registry, emulator, tuple(rest[:nodes]), tuple(rest[nodes:]))


def registry(layout: Layout, ports: Ports, program: Path) -> Start:
    """The image registry; its images outlive `down`."""
    folder = layout.folder / REGISTRY
    configuration = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}, "delete": {"enabled": True}},
        "http": {"addr": f"{HOST}:{ports.registry}", "secret": secrets.token_hex(16)},
    }
    file = _write(folder / "config.yaml", configuration)
    # Without it the registry sends traces to a collector that is not there.
    environment = {**_marked(layout), "OTEL_TRACES_EXPORTER": "none"}
    return Start(REGISTRY, ports.registry, (str(program), "serve", str(file)), environment)


def emulator(layout: Layout, ports: Ports, program: Path) -> Start:
    """The Cosmos emulator; it writes its documents to a file when it is asked to end, and has them again later."""
    saved = layout.folder / EMULATOR / "documents.json"
    loaded = saved.with_name("loaded.json")
    saved.parent.mkdir(exist_ok=True)
    if _is_whole(saved):
        saved.replace(loaded)
    argv = [str(program), "-Host", HOST, "-Port", str(ports.emulator), "-DisableTls", "-DisableAuth"]
    argv += ["-LogLevel", "error", "-Persist", str(saved)]
    argv += ["-InitialData", str(loaded)] if loaded.exists() else []
    return Start(EMULATOR, ports.emulator, tuple(argv), _marked(layout))


def documents_lost(layout: Layout) -> bool:
    """Whether the emulator was there before and could not save its documents, so that it has those of before that."""
    folder = layout.folder / EMULATOR
    return folder.exists() and not _is_whole(folder / "documents.json")


def orchestrator(layout: Layout, ports: Ports, bus: Bus, program: Path) -> Start:
    """The orchestrator, which only this machine can reach."""
    folder = layout.folder / ORCHESTRATOR
    told = {
        "DataDir": str(folder),
        "API": {"Host": HOST, "Port": ports.api},
        "Orchestrator": {
            "Host": HOST,
            "Port": bus.port,
            "Advertise": f"{HOST}:{bus.port}",
            "Auth": {"Token": bus.token},
        },
        # An orchestrator's own client takes any of these and of its own address. The default is port 4222, where
        # another network's orchestrator may be: then this one would answer that one's nodes, and not its own.
        "Compute": {"Orchestrators": [bus.url]},
    }
    file = _write(folder / "config.yaml", _merged(_template("orchestrator.yaml"), told))
    return Start(ORCHESTRATOR, ports.api, _serve(program, folder, ORCHESTRATOR, file), _marked(layout))


def node(layout: Layout, ports: Ports, bus: Bus, program: Path, which: NodeRecord, index: int) -> Start:
    """A compute node that offers its city's data folder, and the emulator by its environment."""
    folder = layout.node(which.name)
    told = {
        "DataDir": str(folder),
        "API": {"Host": HOST, "Port": ports.node_apis[index]},
        "Compute": {
            "Orchestrators": [bus.url],
            "Auth": {"Token": bus.token},
            "AllowListedLocalPaths": [f"{layout.data}:rw"],
        },
        "Publishers": {"Types": {"Local": {"Address": HOST, "Port": ports.publishers[index]}}},
        "Labels": {"city": which.city},
    }
    file = _write(folder / "config.yaml", _merged(_template("node.yaml"), told))
    environment = {
        **_marked(layout),
        "COSMOS_ENDPOINT": f"http://{HOST}:{ports.emulator}",
        NODE: which.name,
        **dict.fromkeys(SECRETS, ""),
    }
    return Start(which.name, ports.node_apis[index], _serve(program, folder, which.name, file), environment)


def whole_environment(start_environment: Mapping[str, str]) -> dict[str, str]:
    """What a program gets: this process's variables without those that configure programs like ours, and its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, **start_environment}


def _is_whole(saved: Path) -> bool:
    """Whether the emulator wrote the file to its end, a closing brace."""
    if not saved.exists() or saved.stat().st_size == 0:
        return False
    with saved.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"}"


def _marked(layout: Layout) -> dict[str, str]:
    return {MARKER: str(layout.folder)}


def _serve(program: Path, folder: Path, name: str, file: Path) -> tuple[str, ...]:
    return (str(program), "serve", "--data-dir", str(folder), "--name", name, "-c", str(file))


def _template(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((TEMPLATES / name).read_text(encoding="utf-8"))
    return content


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid upon `base`: mappings key by key, all else replaced."""

    def lay(merged: dict[str, Any], item: tuple[str, Any]) -> dict[str, Any]:
        name, value = item
        old = merged.get(name)
        return {**merged, name: _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value}

    return reduce(lay, over.items(), dict(base))


def _write(file: Path, configuration: Mapping[str, Any]) -> Path:
    """As JSON, which is YAML, so that no path needs quoting rules; for nobody else to read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps(configuration, indent=2) + "\n", encoding="utf-8")
    return file
