"""Which documents are there as they are: of the same readings, and certain to stay."""

from __future__ import annotations

from typing import Any

import pytest

from processors.sink.held import same

ALONE: dict[str, Any] = {"id": "p-7", "rowId": 7, "temperatureC": 20.0}
BUCKET: dict[str, Any] = {"id": "p-b5", "count": 2, "columns": {"rowId": [5, 9], "offsetUs": [0, 4]}}


@pytest.mark.parametrize(
    ("found", "held"),
    [
        ({"id": "p-7", "rowId": 7}, {"p-7"}),
        ({"id": "p-7", "rowId": 7, "provisional": True}, set()),
        ({"id": "p-b5", "count": 2, "rowIds": [5, 9]}, {"p-b5"}),
        ({"id": "p-b5", "count": 2, "rowIds": [5, 6]}, set()),
        ({"id": "p-b5", "count": 1, "rowIds": [5]}, set()),
        ({"id": "p-b5", "count": 2, "rowIds": [5, 9], "marks": [None, True]}, set()),
        ({"id": "p-b5", "count": 2, "rowIds": [5, 9], "provisional": True}, set()),
        ({"id": "p-d1"}, set()),
        ({"id": "p-9", "rowId": 9}, set()),
    ],
)
def test_only_the_same_readings_are_the_same(found: dict[str, Any], held: set[str]) -> None:
    assert set(same([ALONE, BUCKET, {"id": "p-d1"}], [found])) == held
