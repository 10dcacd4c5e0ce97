"""What a network's nodes started in the Docker engine: known by the labels that Bacalhau puts on it."""

from __future__ import annotations

import shutil
import subprocess

from network.errors import NetworkError
from network.layout import Layout

REMOVE_S = 60.0


def remove(layout: Layout) -> list[str]:
    """Remove the containers and Docker networks of this network's nodes, and of no other's.

    Bacalhau's labels name the node and the execution. Another network on this machine may have a node of the same
    name, but ids of executions are unlike everywhere, and a node's own store has each that it ever took, as plain
    bytes. (Its folders of executions will not do: a node that ends in order removes them, and leaves containers.)

    Returns:
        Ids of the containers.

    Raises:
        NetworkError: The Docker engine does not do it.
    """
    removed: list[str] = []
    if shutil.which("docker") is None:
        return removed
    for node in layout.node_names():
        store = layout.node(node) / "compute" / "state_boltdb.db"
        if not store.is_file():
            continue
        taken = store.read_bytes()
        if found := _of_executions(node, taken, "ps", "--all"):
            _docker("rm", "--force", "--volumes", *found)
            removed += found
        if found := _of_executions(node, taken, "network", "ls"):
            _docker("network", "rm", *found)
    return removed


def _of_executions(node: str, taken: bytes, *listing: str) -> list[str]:
    """Ids of what the listing has of this node, for executions that `taken` names."""
    shown = _docker(
        *listing,
        *("--filter", f"label=bacalhau-executor=bacalhau-{node}"),
        *("--format", '{{.ID}} {{.Label "bacalhau-executionID"}}'),
    )
    pairs = (line.split() for line in shown.splitlines())
    return [found for found, label in pairs if label.removeprefix(f"bacalhau-{node}").encode() in taken]


def _docker(*arguments: str) -> str:
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=REMOVE_S, check=False)
        why = "" if done.returncode == 0 else done.stderr.strip()
    except subprocess.TimeoutExpired:
        why = f"no answer within {REMOVE_S:.0f} s"
    # Both mean that somebody else, mostly a node, removes it at this moment.
    if why and "No such" not in why and "already in progress" not in why:
        raise NetworkError(
            "remove what the nodes started",
            f"docker {arguments[0]}",
            why=why,
            hint="start the Docker engine (`sudo make engine` in a checkout), then run `network down` again",
        )
    return done.stdout
