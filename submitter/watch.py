"""Follows jobs until every node has done its part, or the deadline passes; yields each change on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from submitter.errors import OrchestratorError
from submitter.handle import Handle
from submitter.nodes import Node
from submitter.spec import DAEMON
from submitter.states import (
    TERMINAL_EXECUTION,
    TERMINAL_JOB,
    TERMINAL_NODE,
    Execution,
    ExecutionState,
    JobState,
    NodeState,
    Snapshot,
)

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 0.5
_GROWTH = 1.3

CONTACT_EVERY_S = 5.0
"""How often nodes are asked for: they are found out of contact after a minute, by Bacalhau's own setting."""

PATIENCE_S = 60.0
"""How long the orchestrator may be out of reach while jobs are watched; it may be starting again."""


class Network(Protocol):
    """What is asked of a client."""

    def job(self, job_id: str) -> Snapshot: ...  # noqa: D102
    def nodes(self) -> tuple[Node, ...]: ...  # noqa: D102
    def advice(self, job_id: str) -> dict[str, str]: ...  # noqa: D102


FirstLine = Callable[[str, str], str | None]
"""Job, execution -> first line of its stdout, None as long as there is none."""


@dataclass(frozen=True)
class View:
    """One node's part of a job.

    Attributes:
        job_id: The job.
        node: The node.
        state: See `NodeState`.
        execution_id: None before the node was given one.
        exit_code: Of the program; None where it has not ended by itself.
        stdout: What it printed, None where that is not known.
        stderr: Likewise, empty where that is not known.
        truncated: Whether there is more on stdout.
        why: Bacalhau's reason for a failure.
        hint: Bacalhau's advice about it.
    """

    job_id: str
    node: str
    state: NodeState
    execution_id: str | None = None
    exit_code: int | None = None
    stdout: str | None = None
    stderr: str = ""
    truncated: bool = False
    why: str = ""
    hint: str = ""


def changes(
    network: Network,
    handles: Sequence[Handle],
    *,
    deadline_s: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    first_line: FirstLine,
) -> Iterator[View]:
    """Each node's view whenever it changes, first that of every expected node; ends when all are terminal.

    Args:
        network: The orchestrator.
        handles: Jobs that were put.
        deadline_s: From now on. When it passes, the last views stay as they are.
        clock: Seconds that only grow.
        sleep: Waits so many seconds.
        first_line: See `FirstLine`; asked for the executions of daemons.

    Raises:
        OrchestratorError: It cannot be reached any more, or not for `PATIENCE_S`.
        ApiError: It answered with an error.
    """
    end = clock() + deadline_s
    watched = {handle.id: _Job(handle) for handle in handles}
    for job in watched.values():
        yield from job.views.values()
    wait, heard, asked = FIRST_WAIT_S, clock(), clock()
    lost: frozenset[str] = frozenset()
    while any(job.open for job in watched.values()):
        changed = False
        try:
            if clock() - asked >= CONTACT_EVERY_S:
                lost, asked = frozenset(node.name for node in network.nodes() if not node.usable), clock()
            for job in (job for job in watched.values() if job.open):
                for view in job.seen(network, lost, first_line):
                    changed = True
                    yield view
            heard = clock()
        except OrchestratorError as error:
            if not error.passing or clock() - heard >= PATIENCE_S:
                raise
        if clock() >= end:
            return
        wait = FIRST_WAIT_S if changed else min(wait * _GROWTH, LONGEST_WAIT_S)
        if any(job.open for job in watched.values()):
            sleep(max(0.0, min(wait, end - clock())))


class _Job:
    """One job, and the last view of each of its nodes."""

    def __init__(self, handle: Handle):
        self._handle = handle
        self.views = {node: View(handle.id, node, NodeState.QUEUED) for node in handle.nodes}

    @property
    def open(self) -> bool:
        return any(view.state not in TERMINAL_NODE for view in self.views.values())

    def seen(self, network: Network, lost: frozenset[str], first_line: FirstLine) -> list[View]:
        """What has changed since the last call."""
        now = network.job(self._handle.id)
        views: dict[str, View] = {}
        for node in dict.fromkeys((*self._handle.nodes, *(execution.node for execution in now.executions))):
            executions = [execution for execution in now.executions if execution.node == node]
            old = self.views.get(node)
            if old is not None and old.state in TERMINAL_NODE:
                continue
            view = self._view(now, node, executions, first_line)
            if node in lost and view.state not in TERMINAL_NODE:
                view = replace(view, state=NodeState.LOST)
            views[node] = view
        changed = [view for node, view in views.items() if view != self.views.get(node)]
        if any(view.state is NodeState.FAILED and view.execution_id for view in changed):
            hints = network.advice(self._handle.id)
            changed = [replace(view, hint=hints.get(view.execution_id or "", "")) for view in changed]
        self.views |= {view.node: view for view in changed}
        return changed

    def _view(self, now: Snapshot, node: str, executions: list[Execution], first_line: FirstLine) -> View:
        if not executions:
            view = View(self._handle.id, node, NodeState.QUEUED)
            if now.state not in TERMINAL_JOB:
                return view
            why = now.why or f"the job is {now.state.value.lower()} and never reached this node"
            return replace(view, state=NodeState.FAILED, why=why)
        last = executions[-1]
        view = View(
            self._handle.id,
            node,
            NodeState.RUNNING,
            last.id,
            exit_code=last.exit_code,
            stdout=last.stdout,
            stderr=last.stderr,
            truncated=last.truncated,
            why=last.why,
        )
        if last.state in TERMINAL_EXECUTION:
            return self._ended(now, view, last, executions)
        if self._handle.job.type == DAEMON and (line := first_line(self._handle.id, last.id)) is not None:
            return replace(view, state=NodeState.WORKING, stdout=line, why="")
        return replace(view, stdout=None)

    def _ended(self, now: Snapshot, view: View, last: Execution, executions: list[Execution]) -> View:
        if self._handle.job.type != DAEMON and last.state is ExecutionState.COMPLETED:
            return replace(view, state=NodeState.DONE, why="")
        why = view.why or f"the execution is {last.state.name.lower().replace('_', ' ')}"
        # Bacalhau starts a failed daemon once more at once, and one whose node was away when the node is back.
        if self._handle.job.type == DAEMON and now.state is not JobState.STOPPED and len(executions) < 2:
            return replace(view, stdout=None, why=why)
        return replace(view, state=NodeState.FAILED, why=why)
