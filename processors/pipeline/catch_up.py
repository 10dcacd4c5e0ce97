"""The archive is the log that the checkpoint follows: what it holds beyond the checkpoint is folded in, not sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import TypeVar

import polars as pl

from processors import lineage
from processors.anchors import anchors_of, matches
from processors.document import Origin
from processors.errors import ArchiveError
from processors.form import Form, form_of
from processors.manifest import Manifest
from processors.model import Branch
from processors.pipeline.evidence import conformed_range
from processors.pipeline.intended import begin
from processors.pipeline.let_go import Judged, let_go, waiting_form
from processors.pipeline.opened import Opened
from processors.pipeline.readings import SAID
from processors.pipeline.recipe import Recipe, Taken
from processors.pipeline.refine import refine
from processors.pipeline.totals import counted

T = TypeVar("T")


def catch_up(opened: Opened) -> Generator[Taken, None, list[Branch]]:
    """The known branches, each moved to where its archive ends; yields after each batch, with what to know of it."""
    database, checkpoint, archive = opened.database, opened.checkpoint, opened.archive
    known = checkpoint.branches(database.sensor)
    names = {branch.generation for branch in known}
    for ordinal, branch in enumerate(known, 1):
        archive.announce(branch, ordinal)
    for branch in archive.generations():
        if branch.generation not in names:
            begin(checkpoint, branch.generation, opened.recipe)
            checkpoint.add(database.sensor, branch)
            known.append(branch)
    caught_up = []
    for start in known:
        branch = start
        while manifest := archive.next_manifest(branch.generation, branch.position):
            branch, notices = _fold(opened, manifest, branch)
            yield Taken(notices=notices)
        caught_up.append(branch)
    return caught_up


def _fold(opened: Opened, manifest: Manifest, branch: Branch) -> tuple[Branch, tuple[str, ...]]:
    """The branch moved past a batch; a function of its own, so that the batch's frames end with it."""
    database, checkpoint, recipe = opened.database, opened.checkpoint, opened.recipe
    manifest, valid, notices = _archived(opened, manifest)
    carried = checkpoint.carried(branch.generation)
    form = _form(manifest, carried, recipe)
    refined = refine(valid, carried, checkpoint, branch.generation, replace(recipe, form=form).judges())
    refined = counted(refined, carried, branch.position, valid, manifest.rejects)
    waits = let_go(Judged(valid, refined, Origin(database.city, branch.generation), carried, form)).carried
    waits = {**waits, **{name: frame for name, frame in carried.items() if name == SAID}}
    last = manifest.anchors[-1] if manifest.anchors else branch.anchors[-1]
    branch = lineage.advance(branch, manifest.last_id, last)
    checkpoint.advance(database.sensor, branch, {**refined.carried, **waits}, refined.windows)
    return branch, (*notices, *(f"{database.sensor}: {notice}" for notice in refined.notices))


def _form(manifest: Manifest, carried: Mapping[str, pl.DataFrame], recipe: Recipe) -> Form:
    """The form that a batch left in; where its manifest was lost and made again, that of the batches around it.

    Raises:
        ArchiveError: A later version wrote it down.
    """
    if manifest.form is None:
        return waiting_form(carried) or (Form() if carried else recipe.form)
    form = form_of(manifest.form)
    if form is None:
        raise ArchiveError(
            "read the archive",
            f"batch after {manifest.after} of {manifest.generation}",
            why=f"this version does not know the form {json.dumps(manifest.form)} that it left in",
            hint="use the version that wrote it, or choose another folder with --archive",
        )
    return form


def _archived(opened: Opened, manifest: Manifest) -> tuple[Manifest, pl.DataFrame, tuple[str, ...]]:
    """A batch and its readings from the archive; from the table, and repaired, where a file is damaged."""
    source, archive = opened.source, opened.archive
    valid = _or_damage(archive.read, manifest)
    rejected = _or_damage(archive.rejected, manifest)
    if isinstance(valid, pl.DataFrame) and not isinstance(rejected, ArchiveError):
        return manifest, valid, ()
    found = conformed_range(source, manifest.after, manifest.last_id, opened.recipe)
    now = {row["id"]: row for row in anchors_of(source.rows_at([anchor["id"] for anchor in manifest.anchors]))}
    same = all(a["id"] in now and matches(a, now[a["id"]]) for a in manifest.anchors)
    same = same and len(found.valid) == manifest.rows
    notices = []
    if isinstance(valid, ArchiveError):
        if not same:
            raise ArchiveError(
                "repair the archive",
                ", ".join(manifest.files),
                why=f"{valid}; the table no longer has the {manifest.rows} rows of it",
                hint="restore the files from a copy of the archive",
            ) from valid
        manifest = archive.mend_readings(manifest, found.valid)
        valid = found.valid
        notices.append(f"archive repaired: {len(manifest.files)} files up to row {manifest.last_id}")
    if isinstance(rejected, ArchiveError):
        lost = manifest.rejects - len(found.rejects)  # what Cosmos refused is not known from the table
        if same and lost >= 0:
            manifest = archive.mend_rejects(manifest, found.rejects)
            notices.append(f"rejects repaired up to row {manifest.last_id}" + (f", {lost} are lost" if lost else ""))
        else:
            notices.append(f"{manifest.rejects} rejects up to row {manifest.last_id} are lost: {rejected}")
    return manifest, valid, tuple(notices)


def _or_damage(read: Callable[[Manifest], T], manifest: Manifest) -> T | ArchiveError:
    try:
        return read(manifest)
    except ArchiveError as error:
        return error
