"""States: Bacalhau's, of jobs and executions, and ours, of a node that has work to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any


class JobState(StrEnum):
    """Bacalhau's pkg/models/job.go, by the names it sends."""

    UNDEFINED = "Undefined"
    PENDING = "Pending"
    QUEUED = "Queued"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"


class ExecutionState(IntEnum):
    """Bacalhau's pkg/models/execution.go, by the numbers it sends.

    To the orchestrator an execution that runs is `NEW`: in Bacalhau 1.9.3 a node tells it nothing before the end.
    """

    UNDEFINED = 0
    NEW = 1
    ASK_FOR_BID = 2
    ASK_FOR_BID_ACCEPTED = 3
    ASK_FOR_BID_REJECTED = 4
    BID_ACCEPTED = 5
    RUNNING = 6
    PUBLISHING = 7
    BID_REJECTED = 8
    COMPLETED = 9
    FAILED = 10
    CANCELLED = 11


class NodeState(StrEnum):
    """What a user is shown of one node."""

    ABSENT = "absent"
    """The node carries the city's label and was out of reach when the job was put: it was given nothing."""
    QUEUED = "queued"
    """The node has been given no execution yet."""
    RUNNING = "running"
    """The node has an execution that has not ended."""
    LOST = "lost"
    """The node has an execution, and lost contact; its work goes on there, and is told when it returns."""
    WORKING = "working"
    """A daemon that has reported its first pass."""
    DONE = "done"
    """The program has ended; its exit code and its report say how."""
    FAILED = "failed"
    """The program did not run, or was ended."""


TERMINAL_JOB = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.STOPPED})
TERMINAL_EXECUTION = frozenset(
    {
        ExecutionState.ASK_FOR_BID_REJECTED,
        ExecutionState.BID_REJECTED,
        ExecutionState.COMPLETED,
        ExecutionState.FAILED,
        ExecutionState.CANCELLED,
    }
)
TERMINAL_NODE = frozenset({NodeState.WORKING, NodeState.DONE, NodeState.FAILED})


@dataclass(frozen=True)
class Execution:
    """One attempt of a job on one node.

    Attributes:
        id: Its own.
        node: Where it runs.
        version: Of the job that it belongs to.
        state: See `ExecutionState`.
        why: What Bacalhau says about the state; often empty.
        exit_code: Of the program; None where it has not ended by itself.
        stdout: The first 2,048 bytes of what it printed.
        stderr: Likewise.
        truncated: Whether there is more on stdout.
        created: Nanoseconds since 1970.
    """

    id: str
    node: str
    version: int
    state: ExecutionState
    why: str = ""
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    created: int = 0


@dataclass(frozen=True)
class Snapshot:
    """A job as the orchestrator has it now.

    Attributes:
        state: See `JobState`.
        why: What Bacalhau says about the state; often empty.
        version: Grows with each update under the same name.
        executions: Of that version, oldest first.
    """

    state: JobState
    why: str = ""
    version: int = 1
    executions: tuple[Execution, ...] = field(default=())


def snapshot(answer: Mapping[str, Any]) -> Snapshot:
    """What an answer to `GET /orchestrator/jobs/ID?include=executions` says."""
    job = answer["Job"]
    version = int(job.get("Version") or 1)
    listed = (answer.get("Executions") or {}).get("Items") or ()
    executions = sorted(map(_execution, listed), key=lambda execution: execution.created)
    state = job.get("State") or {}
    return Snapshot(
        state=next((known for known in JobState if known.value == state.get("StateType")), JobState.UNDEFINED),
        why=str(state.get("Message") or ""),
        version=version,
        executions=tuple(execution for execution in executions if execution.version == version),
    )


def hints(answer: Mapping[str, Any]) -> dict[str, str]:
    """Execution -> Bacalhau's advice, of an answer to `GET /orchestrator/jobs/ID/history`."""
    events = answer["Items"] or ()
    found = {event.get("ExecutionID"): (event["Event"].get("Details") or {}).get("Hint") for event in events}
    return {str(execution): str(hint) for execution, hint in found.items() if execution and hint}


def urls(answer: Mapping[str, Any]) -> list[str]:
    """Where results are, of an answer to `GET /orchestrator/jobs/ID/results`."""
    params = [item.get("Params") or {} for item in answer["Items"] or ()]
    return [str(param.get("URL") or param.get("PreSignedURL") or "") for param in params]


def _execution(written: Mapping[str, Any]) -> Execution:
    number = written["ComputeState"].get("StateType")
    state = next((known for known in ExecutionState if known.value == number), ExecutionState.UNDEFINED)
    output = written.get("RunOutput") or {}
    why = written["ComputeState"].get("Message") or output.get("ErrorMsg") or ""
    code = output.get("ExitCode")
    # A failed execution has the exit code 0 when its program never ran, and -1 when it was not awaited.
    ended = state == ExecutionState.COMPLETED or (state == ExecutionState.FAILED and code)
    return Execution(
        id=str(written["ID"]),
        node=str(written["NodeID"]),
        version=int(written.get("JobVersion") or 1),
        state=state,
        why=str(why),
        exit_code=int(code) if ended and isinstance(code, int) and code >= 0 else None,
        stdout=str(output.get("Stdout") or ""),
        stderr=str(output.get("stderr") or ""),
        truncated=bool(output.get("StdoutTruncated")),
        created=int(written.get("CreateTime") or 0),
    )
