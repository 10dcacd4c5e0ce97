"""What is about to be sent, noted before: its last row, and the form that it leaves in.

A run that is killed after sending has left documents that nothing else tells of. The next run sends the same ones
again; in another form they would be others, and both would stay. So a batch that was intended is done in its form.
"""

from __future__ import annotations

import json

import polars as pl

from processors import lineage
from processors.checkpoint import Checkpoint
from processors.form import Form, form_of
from processors.model import Anchor, Branch, Database

_FORM = "form"


def form_in_force(
    checkpoint: Checkpoint, branch: Branch, wanted: Form, rows: pl.DataFrame
) -> tuple[Form, pl.DataFrame]:
    """The form that the next batch leaves in, and its rows: no more of them than were intended in another form.

    Args:
        checkpoint: Knows what was intended.
        branch: Life of the database.
        wanted: By the settings.
        rows: The page after its position, not empty.
    """
    intended = _intended(checkpoint, branch.generation) or Form(stage=wanted.stage)  # as before forms were noted
    reached = rows.filter(pl.col("id") <= branch.anchors[-1]["id"])
    return (wanted, rows) if intended == wanted or reached.is_empty() else (intended, reached)


def begin(checkpoint: Checkpoint, branch: Branch, form: Form) -> None:
    """Notes the form of a life that has just begun, whose first row is known and not sent yet."""
    checkpoint.keep(_owner(branch.generation), {_FORM: pl.DataFrame({"form": [form.encode()]})})


def intend(checkpoint: Checkpoint, database: Database, branch: Branch, last: Anchor, form: Form) -> Branch:
    """The branch with the end of a batch remembered, as the checkpoint has it from now on, like the form.

    Args:
        checkpoint: To note it.
        database: Whose batch.
        branch: Life of the database.
        last: The batch's last row.
        form: Of the batch.
    """
    if _intended(checkpoint, branch.generation) != form:
        begin(checkpoint, branch, form)
    branch = lineage.intend(branch, last)
    checkpoint.intend(database.sensor, branch)
    return branch


def _intended(checkpoint: Checkpoint, generation: str) -> Form | None:
    frame = checkpoint.carried(_owner(generation), _FORM).get(_FORM)
    return None if frame is None else form_of(json.loads(frame.item()))


def _owner(generation: str) -> str:
    """Stands for a generation in the checkpoint; none has such a name."""
    return f"{generation}/intended"
