"""What names a job once it was put."""

from __future__ import annotations

from dataclasses import dataclass

from submitter.nodes import Node
from submitter.spec import JobSpec


@dataclass(frozen=True)
class Handle:
    """A job that was put.

    Attributes:
        id: The orchestrator's name for it.
        job: What was sent.
        nodes: That are to run it.
        warnings: What Bacalhau finds wrong with it.
        absent: Nodes that should run it and were out of reach when it was put.
    """

    id: str
    job: JobSpec
    nodes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    absent: tuple[Node, ...] = ()

    @property
    def name(self) -> str:
        """The job's name, or its id where it has none."""
        return self.job.name or self.id
