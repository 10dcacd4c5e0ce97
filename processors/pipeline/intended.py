"""What is about to be sent, noted before: its last row, the form that it leaves in, and the zone that it is read in.

A run that is killed after sending has left documents that nothing else tells of. The next run sends the same ones
again; in another form, or of another month, they would be others, and both would stay. So a batch that was intended is
done as it was.
"""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl

from processors import lineage
from processors.checkpoint import Checkpoint
from processors.errors import CheckpointError
from processors.form import Form, form_of
from processors.model import Anchor, Branch, Database
from processors.pipeline.recipe import Recipe

_HOW = "how.1"


def in_force(checkpoint: Checkpoint, branch: Branch, wanted: Recipe, rows: pl.DataFrame) -> tuple[Recipe, pl.DataFrame]:
    """How the next batch is done, and its rows: no more of them than were intended to be done otherwise.

    Args:
        checkpoint: Knows what was intended.
        branch: Life of the database.
        wanted: By the settings.
        rows: The page after its position, not empty.

    Raises:
        CheckpointError: A later version intended it.
    """
    intended = _intended(checkpoint, branch.generation, wanted)
    if intended is None:  # as before it was noted
        intended = replace(wanted, form=Form(stage=wanted.form.stage))
    reached = rows.filter(pl.col("id") <= branch.anchors[-1]["id"])
    return (wanted, rows) if intended == wanted or reached.is_empty() else (intended, reached)


def begin(checkpoint: Checkpoint, generation: str, recipe: Recipe) -> None:
    """Notes how a life is done that has just begun, whose first row is known and not sent yet."""
    how = pl.DataFrame({"form": [recipe.form.encode()], "zone": [recipe.default_zone]})
    checkpoint.keep(_owner(generation), {_HOW: how})


def intend(checkpoint: Checkpoint, database: Database, branch: Branch, last: Anchor, recipe: Recipe) -> Branch:
    """The branch with the end of a batch remembered, as the checkpoint has it from now on, like how it is done.

    Args:
        checkpoint: To note it.
        database: Whose batch.
        branch: Life of the database.
        last: The batch's last row.
        recipe: Of the batch.
    """
    if _intended(checkpoint, branch.generation, recipe) != recipe:
        begin(checkpoint, branch.generation, recipe)
    branch = lineage.intend(branch, last)
    checkpoint.intend(database.sensor, branch)
    return branch


def _intended(checkpoint: Checkpoint, generation: str, wanted: Recipe) -> Recipe | None:
    frame = checkpoint.carried(_owner(generation), _HOW).get(_HOW)
    if frame is None:
        return None
    ((noted, zone),) = frame.select("form", "zone").rows()
    form = form_of(json.loads(noted))
    if form is None:
        raise CheckpointError(
            "go on with what was about to be sent",
            generation,
            why=f"this version does not know the form {noted} that it was to leave in",
            hint="use the version that began it, once with the settings of before",
        )
    return replace(wanted, form=form, default_zone=zone)


def _owner(generation: str) -> str:
    """Stands for a generation in the checkpoint; none has such a name."""
    return f"{generation}/intended"
