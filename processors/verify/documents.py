"""What a reading must say, and where the one that is there says otherwise.

Readings are made again from the row by the code that makes them, in the form that the row was taken in with; where the
archive does not tell it, at the stage that the reading itself names. Not compared are `isAnomaly` and `isDuplicate`,
which depend on the rows before, and `provisional` of a reading that waits. Of a reading at the stage `sanitized` that
left with a batch that says what was hidden of it, just that may be: a hash is any, for its key is nowhere written
down. Of others descriptions may be as any settings would write them: whole, absent, as a hash, or with another number
of decimals; what cannot have come from the row differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from processors import document
from processors.document import Origin
from processors.document.description import NAMES
from processors.form import STAGES, Form, Stage
from processors.pipeline.readings import as_they_leave
from processors.pipeline.recipe import Recipe
from processors.schema import DESCRIPTIONS, IS_ANOMALY, IS_DUPLICATE, PROVISIONAL
from processors.transform import transform
from processors.transform.privacy import Privacy
from processors.verify.described import Told
from processors.verify.due import MARKED, OWN, PRIVACY, decoded
from processors.verify.stretches import FORM

_NOT_COMPARED = {IS_ANOMALY, IS_DUPLICATE, PROVISIONAL}
_HIDEABLE = {field.name for field in DESCRIPTIONS}
_STAGES: tuple[Stage, ...] = tuple(stage for stage in STAGES if stage != "aggregated")
_HASH = re.compile(r"[0-9a-f]{32}")
_DECIMALS = range(9)


def prepared(kept: pl.DataFrame, origin: Origin) -> pl.DataFrame:
    """The rows as they are before they become documents, with `id` and `month`.

    Args:
        kept: Conformed rows, in id order.
        origin: Where they come from.
    """
    return document.identify(transform(kept, {})[0], origin)


def differences(
    kept: pl.DataFrame, rows: pl.DataFrame, told: Told, origin: Origin, recipe: Recipe
) -> Iterator[tuple[str, str]]:
    """Id and why, of readings that are not what their rows give.

    Args:
        kept: Conformed rows with `due.OWN`.
        rows: The same, `prepared`, without these.
        told: Readings of some of the rows; without what the service adds.
        origin: Where the rows come from.
        recipe: Of the present settings: what must not leave, and the form where the archive does not tell it.
    """
    certain = set(rows.filter(kept[MARKED].eq_missing(pl.Series([False])))[document.ID])
    for name in rows.filter(kept[MARKED].fill_null(value=False))[document.ID]:
        if name in told.readings and told.readings[name].get(PROVISIONAL) is not True:
            yield name, "it was left out, and is not marked provisional"
    for text, hidden in kept.select(FORM, PRIVACY).unique(maintain_order=True).rows():
        form = decoded(text)
        those = rows.filter(
            kept[FORM].eq_missing(pl.Series([text], dtype=pl.String))
            & kept[PRIVACY].eq_missing(pl.Series([hidden], dtype=pl.String))
        )
        privacy = recipe.privacy if hidden is None else _as_it_was(json.loads(hidden), recipe.privacy)
        view = _View(told, certain, privacy, is_known=hidden is not None)
        said = {name: told.readings[name].get("stage") for name in those[document.ID] if name in told.readings}
        for stage in _STAGES if form is None else (form.stage,):
            names = [name for name in said if form is not None or said[name] == stage]
            own = those.filter(pl.col(document.ID).is_in(names))
            possible = [Form(stage=stage), replace(recipe.form, stage=stage)] if form is None else [form]
            ways = [dict(_compared(kept, own, view, origin, each)) for each in possible]
            yield from ((name, why) for name, why in ways[0].items() if all(name in way for way in ways))
        for name in said if form is None else ():
            if said[name] not in _STAGES:
                yield name, f"its stage is {said[name]!r}, which no reading has"


@dataclass(frozen=True)
class _View:
    """What readings are looked at with.

    Attributes:
        told: The readings.
        certain: Ids of those that must not say that they are provisional.
        privacy: That they left with, as far as it is known.
        is_known: Whether it is, but for the key of hashes.
    """

    told: Told
    certain: Set[str]
    privacy: Privacy
    is_known: bool


def _as_it_was(hidden: Mapping[str, Any], now: Privacy) -> Privacy:
    return Privacy(hidden["decimals"], tuple(hidden["drop"]), tuple(hidden["hash"]), now.hash_key)


def _compared(
    kept: pl.DataFrame, own: pl.DataFrame, view: _View, origin: Origin, form: Form
) -> Iterator[tuple[str, str]]:
    told = view.told
    sourced = document.with_source(own, kept.drop(OWN)) if form.stage == "raw" else own
    for documents in document.readings(as_they_leave(sourced, form, view.privacy), origin, form.stage):
        for item in documents.items:
            name = item[document.ID]
            fields = _differing(item, told.readings[name], own, form.stage, view)
            if fields := [field for field in fields if name not in told.untold or field not in NAMES]:
                yield name, f"differs from the row in: {', '.join(fields)}"


def _differing(
    item: Mapping[str, Any], found: Mapping[str, Any], rows: pl.DataFrame, stage: str, view: _View
) -> list[str]:
    if item == found:
        return []
    passed = _NOT_COMPARED - {PROVISIONAL} if item[document.ID] in view.certain else _NOT_COMPARED
    names = sorted(name for name in (item.keys() | found.keys()) - passed if not _same(item.get(name), found.get(name)))
    if stage != "sanitized" or not _HIDEABLE & set(names):
        return names
    if view.is_known:
        hashed = {name for name in view.privacy.hash if name in item and _is_hash(found.get(name))}
        return [name for name in names if name not in hashed]
    row = rows.row(by_predicate=pl.col(document.ID) == item[document.ID], named=True)
    return [name for name in names if name not in _HIDEABLE or not _hidden(row[name], found.get(name))]


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _hidden(plain: Any, found: Any) -> bool:
    """Whether some privacy settings write the value like this."""
    if found is None or found == plain:
        return True
    if plain is None:
        return False
    if _is_hash(found):
        return True
    numbers = isinstance(plain, float) and isinstance(found, int | float)
    # Not Python's `round`, which differs from that of Polars where a number is nearly half a step.
    return numbers and any(pl.Series([plain]).round(decimals).item() == found for decimals in _DECIMALS)


def _is_hash(found: object) -> bool:
    return isinstance(found, str) and _HASH.fullmatch(found) is not None
