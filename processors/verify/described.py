"""What a sensor is, where it is said once: given back to the readings that name it, if it is as it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from processors.document import DESCRIBED, DESCRIPTION, KIND, describe, described_by
from processors.document.description import NAMES, OWN, TTL_S, name_of
from processors.query import Reader, without_system
from processors.schema import MONTH, SENSOR_ID, VERSION
from processors.verify.findings import Kind
from processors.verify.lookup import IDS, Key, Lookup

_KEPT = 10_000
"""Descriptions that are remembered."""

_HEAD = ("city", SENSOR_ID, MONTH, "generation", "schemaVersion")


@dataclass
class Told:
    """Readings as they would be if each said all itself.

    Attributes:
        readings: By id.
        untold: Ids of those whose description cannot be trusted: what it should say is not known of them.
        wrong: Id of a description -> what is wrong with it.
    """

    readings: dict[str, dict[str, Any]] = field(default_factory=dict)
    untold: set[str] = field(default_factory=set)
    wrong: dict[str, tuple[Kind, str]] = field(default_factory=dict)


class Descriptions:
    """Looks descriptions up, each once as long as there is room to remember it."""

    def __init__(self, reader: Reader, lookup: Lookup) -> None:
        self._reader = reader
        self._lookup = lookup
        self._known: dict[tuple[Key, str], dict[str, Any] | None] = {}

    def told(self, readings: Mapping[Key, Sequence[dict[str, Any]]], generation: str) -> Told:
        """The readings with what their descriptions say.

        Args:
            readings: By partition.
            generation: Whose they are.
        """
        told = Told()
        for key, those in readings.items():
            named = {name for each in those if (name := described_by(each)) is not None}
            self._look_up(key, named)
            for reading in those:
                name = described_by(reading)
                wrong = None if name is None else self._wrong(key, name, generation)
                if name is not None and wrong is not None:
                    told.wrong[name] = wrong
                    told.untold.add(reading["id"])
                    told.readings[reading["id"]] = {each: reading[each] for each in reading if each != DESCRIBED}
                elif name is not None:
                    said = self._known[key, name] or {}
                    whole = describe(reading, {name: {each: said[each] for each in NAMES if each in said}})
                    told.readings[reading["id"]] = whole
                else:
                    told.readings[reading["id"]] = reading
        return told

    def _look_up(self, key: Key, names: set[str]) -> None:
        if len(self._known) + len(names) > _KEPT:
            self._known.clear()
        unknown = sorted(name for name in names if (key, name) not in self._known)
        self._known |= {(key, name): None for name in unknown}
        for start in range(0, len(unknown), IDS):
            for item in self._reader.rows(key.by_ids(unknown[start : start + IDS])):
                self._known[key, item["id"]] = without_system(item)
                self._lookup.note(key, item["id"])

    def _wrong(self, key: Key, name: str, generation: str) -> tuple[Kind, str] | None:
        item = self._known[key, name]
        if item is None:
            return "missing", "readings name it as what describes their sensor, and Cosmos does not have it"
        expected = dict(zip(_HEAD, (*key.levels, generation, VERSION), strict=True)) | {KIND: DESCRIPTION, "ttl": TTL_S}
        false = ", ".join(_false(item, expected))
        return ("differing", f"it describes a sensor, and does not say what it said: {false}") if false else None


def _false(item: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in expected if item.get(name) != expected[name])
    yield from sorted(item.keys() - expected.keys() - OWN - set(NAMES))
    if name_of(item) != str(item["id"]).rpartition("-d")[2]:
        yield "what its id is made of"
