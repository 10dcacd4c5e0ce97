"""What the document of a row must say, and where the one that is there says otherwise.

Documents are made again from the row by the code that makes them, at the stage that the document itself names.
Not compared are `isAnomaly` and `isDuplicate`, which depend on the rows before. Of a document at the stage
`sanitized`, descriptions may be as the present settings write them, or as others would have: whole, absent, as a
hash, or with another number of decimals; what cannot have come from the row differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from processors import document
from processors.document import Origin
from processors.form import STAGES
from processors.schema import DESCRIPTIONS, IS_ANOMALY, IS_DUPLICATE
from processors.transform import transform
from processors.transform.privacy import Privacy, sanitize

Items = Mapping[str, Mapping[str, Any]]
"""Documents by id."""

_NOT_COMPARED = {IS_ANOMALY, IS_DUPLICATE}
_HIDEABLE = {field.name for field in DESCRIPTIONS}
_STAGES = frozenset(STAGES) - {"aggregated"}
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
    kept: pl.DataFrame, rows: pl.DataFrame, found: Items, origin: Origin, privacy: Privacy
) -> Iterator[tuple[str, str]]:
    """Id and why, of documents that are not what their rows give.

    Args:
        kept: Conformed rows.
        rows: The same, `prepared`.
        found: Documents by id, of some of the rows; without what the service adds.
        origin: Where the rows come from.
        privacy: What must not leave, by the present settings.
    """
    stages = {name: item.get("stage") for name, item in found.items()}
    for name, stage in stages.items():
        if not isinstance(stage, str) or stage not in _STAGES:
            yield name, f"its stage is {stage!r}, which no reading has"
    for stage in sorted(_STAGES & {stage for stage in stages.values() if isinstance(stage, str)}):
        own = rows.filter(pl.col(document.ID).is_in([name for name in found if stages[name] == stage]))
        for documents in document.readings(_at_stage(kept, own, stage, privacy), origin, stage):
            for item in documents.items:
                if fields := _differing(item, found[item[document.ID]], own, stage):
                    yield item[document.ID], f"differs from the row in: {', '.join(fields)}"


def _at_stage(kept: pl.DataFrame, rows: pl.DataFrame, stage: str, privacy: Privacy) -> pl.DataFrame:
    if stage == "raw":
        return document.with_source(rows, kept)
    return sanitize(rows, privacy) if stage == "sanitized" else rows


def _differing(item: Mapping[str, Any], found: Mapping[str, Any], rows: pl.DataFrame, stage: str) -> list[str]:
    if item == found:
        return []
    names = sorted(
        name for name in (item.keys() | found.keys()) - _NOT_COMPARED if not _same(item.get(name), found.get(name))
    )
    if stage != "sanitized" or not _HIDEABLE & set(names):
        return names
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
    if isinstance(found, str) and _HASH.fullmatch(found):
        return True
    numbers = isinstance(plain, float) and isinstance(found, int | float)
    return numbers and any(round(plain, decimals) == found for decimals in _DECIMALS)
