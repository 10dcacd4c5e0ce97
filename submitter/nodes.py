"""The network's nodes, and which of them a job is for; checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from submitter.errors import CityError, NodeError, UsageError, nearest
from submitter.spec import CITY, Constraint, JobSpec


@dataclass(frozen=True)
class Node:
    """A compute node as the orchestrator knows it.

    Attributes:
        name: Its id.
        labels: By key.
        engines: In lower case.
        connected: Whether it is in contact.
        approved: Whether the network admits it.
        last_seen: When it last was in contact, as the orchestrator writes it.
    """

    name: str
    labels: dict[str, str]
    engines: frozenset[str]
    connected: bool
    approved: bool
    last_seen: str

    @property
    def usable(self) -> bool:
        """Whether it can be given work."""
        return self.connected and self.approved


@dataclass(frozen=True)
class Matched:
    """The nodes of one job.

    Attributes:
        expected: Will run it.
        absent: Would, and cannot now: not in contact, or not admitted.
    """

    expected: tuple[str, ...]
    absent: tuple[Node, ...]


def compute_nodes(answer: dict[str, Any]) -> tuple[Node, ...]:
    """The compute nodes of an answer to `GET /orchestrator/nodes`, by name."""
    listed = [node for node in answer.get("Nodes") or () if node["Info"]["NodeType"] == "Compute"]
    return tuple(sorted(map(_node, listed), key=lambda node: node.name))


def cities(nodes: Iterable[Node]) -> list[str]:
    """City labels of the nodes that can be given work."""
    return sorted({node.labels[CITY] for node in nodes if node.usable and node.labels.get(CITY)})


def every_city(nodes: Sequence[Node], address: str) -> list[str]:
    """See `cities`.

    Raises:
        CityError: There is none.
    """
    found = cities(nodes)
    if not found:
        raise CityError(
            "submit to every city",
            address,
            why="no node in contact carries a label city" if nodes else "the network has no compute node",
            hint="start nodes with Labels: {city: NAME}, or look at bacalhau node list",
        )
    return found


def match(nodes: Sequence[Node], job: JobSpec) -> Matched:
    """Which nodes the job is for.

    Raises:
        CityError: No node carries the city.
        NodeError: Those that do are out of contact, not admitted, or lack the engine.
        UsageError: The spec's own constraints leave none.
    """
    of_city = [node for node in nodes if node.labels.get(CITY) == job.city]
    if not of_city:
        there = cities(nodes)
        raise CityError(
            f"submit {job.spec}",
            job.city,
            why=f"no node carries the label city={job.city}{nearest(job.city, there)}",
            hint=f"cities there are: {', '.join(there) or 'none'}",
        )
    meant = [node for node in of_city if all(_fulfils(node, constraint) for constraint in job.constraints)]
    if not meant:
        raise UsageError(
            f"submit {job.spec}",
            job.city,
            why=f"no node of the city fulfils the spec's constraints ({_listed(of_city)})",
            hint="look at Constraints in the spec, and at the labels in bacalhau node list",
        )
    absent = [node for node in meant if not node.usable]
    if len(absent) == len(meant):
        raise NodeError(
            f"submit {job.spec}",
            job.city,
            why="; ".join(map(absence, absent)),
            hint="start the node again, or look at its log; bacalhau node list shows when it is back",
        )
    usable = [node for node in meant if node.usable]
    if lacking := [node for node in usable if not job.engines <= node.engines]:
        raise NodeError(
            f"submit {job.spec}",
            job.city,
            why="; ".join(
                f"node {node.name} lacks {', '.join(sorted(job.engines - node.engines))}" for node in lacking
            ),
            hint="start the engine on the node (for docker: the Docker daemon), then the node again",
        )
    return Matched(tuple(node.name for node in usable), tuple(absent))


def absence(node: Node) -> str:
    """Why it cannot be given work, in a few words."""
    if not node.approved:
        return f"node {node.name} is not admitted to the network"
    return f"node {node.name} lost contact at {node.last_seen[:19]}Z"


def _node(written: dict[str, Any]) -> Node:
    info, connection = written["Info"], written.get("ConnectionState") or {}
    return Node(
        name=str(info["NodeID"]),
        labels=dict(info.get("Labels") or {}),
        engines=frozenset(map(str.lower, (info.get("ComputeNodeInfo") or {}).get("ExecutionEngines") or ())),
        connected=connection.get("Status") == "CONNECTED",
        approved=written.get("Membership") == "APPROVED",
        last_seen=str(connection.get("LastHeartbeat") or ""),
    )


def _fulfils(node: Node, constraint: Constraint) -> bool:
    """Kubernetes' rules, which Bacalhau follows; one we do not know excludes no node."""
    there = constraint.key in node.labels
    value = node.labels.get(constraint.key)
    match constraint.operator:
        case "=" | "==" | "in":
            return value in constraint.values
        case "!=" | "notin":
            return value not in constraint.values
        case "exists":
            return there
        case "!":
            return not there
        case _:
            return True


def _listed(nodes: Iterable[Node]) -> str:
    return ", ".join(node.name for node in nodes)
