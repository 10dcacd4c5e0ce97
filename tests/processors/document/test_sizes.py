"""Sizes of documents, which batches and plans go by, are those of what is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from processors.model import Documents, Written
from tests.harness import databases
from tests.harness.databases import readings
from tests.harness.node import Memory, Node


class Weighing(Memory):
    """Says of each document how many bytes more it was said to have than it has."""

    def __init__(self) -> None:
        super().__init__()
        self.more: set[int] = set()

    def write(self, container: str, documents: Iterable[Documents]) -> Written:
        groups = list(documents)
        for group in groups:
            for item, size in zip(group.items, group.sizes, strict=True):
                self.more.add(size - len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()))
        return super().write(container, groups)


@pytest.mark.parametrize(
    "form",
    [{"stage": "raw"}, {"stage": "schematized"}, {}, {"bucket_rows": 30}, {"bucket_rows": 30, "stage": "raw"}],
    ids=str,
)
def test_nulls_do_not_count_wherever_they_are(tmp_path: Path, form: dict[str, Any]) -> None:
    """A row as it was read has them in `source`, a window in what it says of a measure."""
    memory = Weighing()
    node = Node(tmp_path, memory=memory)
    databases.create(node.database(), readings(300, location="Zürich", serial_number=None))
    node.run(page_rows=500, **form)
    assert memory.writes["readings"] > 0
    assert memory.more == {0}
