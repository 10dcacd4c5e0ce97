"""What is where in the state folder of a network, and what the nodes are called."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from network.errors import RequestError

OWNER = 10001
"""User and group of the processes in our containers; the images are built for it."""

MOST_NODES = 64

_NODE_FOLDERS = ("data", "state", "archive")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?")
_PATTERN = set("*?[]{}\\:")
"""Bacalhau reads an allowed path as a pattern, and what follows its last colon as a mode."""


@dataclass(frozen=True)
class NodeRecord:
    """A compute node.

    Attributes:
        name: `<label of the city>-<n>`; also its folder below the data folder.
        city: Label of its city, the slug of the name that was asked for.
        folder: Its databases, checkpoints and archive: `data/`, `state/`, `archive/`.
    """

    name: str
    city: str
    folder: Path


@dataclass(frozen=True)
class Layout:
    """Paths below one state folder, which is absolute."""

    folder: Path

    @property
    def record(self) -> Path:
        """What is known of the network that is up."""
        return self.folder / "network.json"

    @property
    def images(self) -> Path:
        """Names of values of job specs, and the images that were pushed for them."""
        return self.folder / "images.json"

    @property
    def lock(self) -> Path:
        """Held by the `up` or `down` that is at work."""
        return self.folder / ".lock"

    @property
    def data(self) -> Path:
        """Mounted into every container."""
        return self.folder / "data"

    @property
    def nodes(self) -> Path:
        """Bacalhau's own state of each compute node."""
        return self.folder / "nodes"

    @property
    def logs(self) -> Path:
        """One file a program."""
        return self.folder / "logs"

    def node(self, name: str) -> Path:
        """Configuration and state of a compute node."""
        return self.nodes / name

    def log(self, program: str) -> Path:
        """What the program said."""
        return self.logs / f"{program}.log"

    def is_ours(self) -> bool:
        """Whether a network has been in this folder."""
        return self.lock.is_file()

    def refuse_strange_folder(self) -> None:
        """Do nothing for a folder that is ours, empty or not there.

        Raises:
            RequestError: It is somebody else's: `down --purge` would remove it with all that it has.
        """
        if self.folder.exists() and not self.is_ours() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise RequestError(
                "use the state folder",
                self.folder,
                why="it is there and has something else in it",
                hint="name a new folder with --folder",
            )

    def node_names(self) -> tuple[str, ...]:
        """Nodes that have been prepared here, whether or not a record of them was written."""
        return tuple(sorted(path.name for path in self.nodes.iterdir())) if self.nodes.is_dir() else ()


def layout_of(folder: Path) -> Layout:
    """The layout of a state folder, which need not exist.

    Raises:
        RequestError: Bacalhau could not be told of this path.
    """
    absolute = folder.absolute().resolve()
    if found := sorted(_PATTERN & set(str(absolute))):
        raise RequestError(
            "use the state folder",
            absolute,
            why=f"its path has {' '.join(found)}, which Bacalhau reads as part of a pattern",
            hint="name another one with --folder",
        )
    return Layout(absolute)


def nodes_of(layout: Layout, cities: Sequence[str], each: int) -> tuple[NodeRecord, ...]:
    """`each` nodes for each city, in order.

    Raises:
        RequestError: A name makes no label, or two make the same one.
    """
    labels: dict[str, str] = {}
    for city in cities:
        label = slug_of(city)
        if not _LABEL.fullmatch(label):
            raise RequestError(
                "name a node",
                city,
                why=f"its label would be {label!r}",
                hint="a city's name needs a letter or digit at both ends, and between them also spaces or hyphens; "
                "50 at most, ASCII once accents are taken off",
            )
        if label in labels:
            raise RequestError(
                "name a node",
                city,
                why=f"{labels[label]!r} has the same label, {label!r}",
                hint="name each city once; --nodes gives a city more than one node",
            )
        labels[label] = city
    if len(labels) * each > MOST_NODES:
        raise RequestError(
            "start the network",
            f"{len(labels) * each} nodes",
            why=f"one machine takes {MOST_NODES} at most",
            hint="ask for fewer cities or --nodes",
        )
    numbered = [(label, f"{label}-{number}") for label in labels for number in range(1, each + 1)]
    return tuple(NodeRecord(name, label, layout.data / name) for label, name in numbered)


def slug_of(name: str) -> str:
    """`New York`, `new-york` and `NEW_YORK` are `new-york`, and `São Paulo` is `sao-paulo`."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return re.sub(r"[ _.-]+", "-", plain.casefold()).strip("-")


def prepare_data(layout: Layout, nodes: Sequence[NodeRecord]) -> None:
    """Folders that the containers' user may write; what exists keeps its content."""
    layout.data.mkdir(parents=True, exist_ok=True)
    for folder in (layout.data, *(path for node in nodes for path in _folders(node))):
        folder.mkdir(exist_ok=True)
        os.chown(folder, OWNER, OWNER)
        folder.chmod(0o750)


def _folders(node: NodeRecord) -> tuple[Path, ...]:
    return (node.folder, *(node.folder / name for name in _NODE_FOLDERS))
