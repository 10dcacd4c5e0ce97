"""Readings in forms of all kinds, what has left of them, and a sink that refuses some."""

from __future__ import annotations

import random
from typing import Any

from processors.manifest import Manifest, read_manifest
from processors.model import Refusal, Written
from tests.harness import oracle
from tests.harness.databases import START, Row, readings
from tests.harness.node import Memory, Node

FORMS: list[dict[str, Any]] = [
    {},
    {"bucket_rows": 2},
    {"bucket_rows": 30},
    {"bucket_rows": 30, "bucket_seconds": 120},
    {"bucket_rows": 30, "descriptions": "once"},
    {"descriptions": "once"},
    {"bucket_rows": 7, "stage": "raw"},
    {"bucket_rows": 30, "resolution": {"voltageV": 1e-4}},
]


def mixed(count: int, seed: int, **more: Any) -> list[Row]:
    """Readings of two sensors in a table, some late, over the end of a month; a bad one."""
    dice = random.Random(seed)
    rows = readings(count, seed=seed, sensors=("a", "b"), start=START.replace(day=30, hour=23, minute=50), **more)
    for _ in range(count // 20):
        early, late = dice.randrange(count), dice.randrange(count)
        rows.insert(late, rows.pop(early))
    rows[count // 3]["timestamp"] = "yesterday"
    return rows


def joined(node: Node) -> dict[str, dict[str, Any]]:
    return oracle.joined(node.memory.contents["readings"].values())


def arrived(node: Node) -> set[tuple[str, int]]:
    """Sensor and row id of readings, of whatever stage: the same in the sink and the archive, each once."""
    sent = [(item["sensorId"], item["rowId"]) for item in joined(node).values()]
    kept = [fact[:2] for fact in oracle.once(oracle.archived(node.archive))]
    assert sorted(sent) == sorted(kept)
    return set(sent)


def manifests(node: Node) -> list[Manifest]:
    found = []
    for path in node.archive.glob("_manifests/*/*/*/*.json"):
        if path.stem != "generation":
            after = -(2**63) if path.stem == "start" else int(path.stem)
            manifest = read_manifest(path, path.parent.name, after)
            assert manifest is not None
            found.append(manifest)
    return sorted(found, key=lambda manifest: manifest.after)


class Refusing(Memory):
    """Refuses documents with a reading of certain row ids."""

    def __init__(self, faults: set[int]) -> None:
        super().__init__()
        self.faults = faults

    def write(self, container: str, documents: Any) -> Written:
        known = list(documents)
        refused = [
            item["id"]
            for group in known
            for item in group.items
            if container == "readings" and self.faults & {reading["rowId"] for reading in oracle.unpacked(item)}
        ]
        for group in known:
            kept = [place for place, item in enumerate(group.items) if item["id"] not in refused]
            group.items[:] = [group.items[place] for place in kept]
            group.sizes[:] = [group.sizes[place] for place in kept]
        written = super().write(container, known)
        return Written(written.documents, refused=[Refusal(name, 400, "not that") for name in refused])
