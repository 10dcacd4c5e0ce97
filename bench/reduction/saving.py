"""Whole runs over tables of three kinds, in each form: what left, and how far what it tells is from the table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processors.model import Documents, Written
from tests.harness import databases, oracle, told
from tests.harness.kinds import BOUNDS, Kind, rows_of
from tests.harness.node import Memory, Node

ROWS = 20_000
SENSORS = 2
PERIOD_S = 5.0
_SEED = 2026
_PAGE_ROWS = 5_000

FORMS: dict[str, dict[str, Any]] = {
    "all": {},
    "changes, no bounds": {"send": "changes"},
    "dead bands": {"send": "changes", "dead_band": BOUNDS},
    "swinging doors": {"send": "changes", "swinging_door": BOUNDS},
    "dead bands, buckets of 60": {"send": "changes", "dead_band": BOUNDS, "bucket_rows": 60},
    "swinging doors, buckets of 60": {"send": "changes", "swinging_door": BOUNDS, "bucket_rows": 60},
    "anomalies, 10 around": {"send": "anomalies", "context_rows": 10},
}


class Counting(Memory):
    """A sink that remembers, and counts the bytes of the documents of readings that it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent_bytes = 0

    def write(self, container: str, documents: Iterable[Documents]) -> Written:
        """Takes them all."""

        def weighed() -> Iterator[Documents]:
            for group in documents:
                if container == "readings":
                    self.sent_bytes += sum(group.sizes)
                yield group

        return super().write(container, weighed())


@dataclass(frozen=True)
class Saving:
    """What one form came to.

    Attributes:
        kind: Of the table.
        form: Its name.
        readings: In Cosmos at the end.
        documents: That they are in.
        megabytes: Of documents as JSON, each as often as it was sent.
        manifest_kb: Of what was written down of the batches.
        worst: Largest error of any measure of any row, as a share of its bound; None where rows are meant to be lost.
        anomalies: Alarms; the same as with all readings, or the run fails.
    """

    kind: Kind
    form: str
    readings: int
    documents: int
    megabytes: float
    manifest_kb: float
    worst: float | None
    anomalies: int


def measure(folder: Path, kind: Kind) -> Iterator[Saving]:
    """One run for each form, over the same table.

    Raises:
        ValueError: An alarm is not as with all readings, or something but a measure is told wrongly.
    """
    rows = rows_of(kind, ROWS, seed=_SEED, sensors=SENSORS, period_s=PERIOD_S)
    path = databases.create(folder / kind / "sensor_data.db", rows)
    facts = oracle.table(path)
    every: Counting | None = None
    for number, (name, form) in enumerate(FORMS.items()):
        memory = Counting()
        node = Node(folder / f"{kind}-{number}", memory=memory)
        databases.copy(path, node.database())
        node.run(page_rows=_PAGE_ROWS, **form)
        every = every or memory
        items = memory.contents["readings"].values()
        worst = None
        if form.get("send") != "anomalies":
            found = told.errors(facts, items, form.get("swinging_door", {}))
            worst = max(found[measure] / bound for measure, bound in BOUNDS.items())
            if wrong := told.others(every.contents["readings"].values(), items):
                raise ValueError(f"{kind}, {name}: {', '.join(sorted(wrong))} told wrongly")
        if memory.contents["anomalies"] != every.contents["anomalies"]:
            raise ValueError(f"{kind}, {name}: other anomalies than with all readings")
        manifests = [
            path for path in node.archive.rglob("_manifests/**/*.json") if "left" in json.loads(path.read_text())
        ]
        yield Saving(
            kind,
            name,
            sum(len(own) for own in told.by_sensor(items).values()),
            len(items),
            memory.sent_bytes / 1e6,
            sum(path.stat().st_size for path in manifests) / 1e3,
            worst,
            len(memory.contents["anomalies"]),
        )
