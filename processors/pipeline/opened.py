"""A database that is open, with all that a pass keeps of it."""

from __future__ import annotations

from dataclasses import dataclass

from processors.archive import Archive
from processors.checkpoint import Checkpoint
from processors.model import Database
from processors.pipeline.recipe import Recipe
from processors.source import Source


@dataclass(frozen=True)
class Opened:
    """What the stages work on.

    Attributes:
        database: Which.
        source: Its table.
        checkpoint: Of the city: has where the database stands, and what is carried from batch to batch.
        archive: The database's part.
        recipe: How its rows are read and refined.
    """

    database: Database
    source: Source
    checkpoint: Checkpoint
    archive: Archive
    recipe: Recipe
