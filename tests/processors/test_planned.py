from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from processors import planned
from processors.form import Form
from processors.model import BEFORE_FIRST
from processors.planned import Planned

PLAN = Planned(
    made_at=datetime(2026, 11, 22, 4, 55, 0, 120, tzinfo=UTC),
    positions={"one": 1_000, "zwei — Süd": BEFORE_FIRST},
    form=Form(bucket_rows=60).encode(),
    rows=12_345,
    documents={"readings": 12_300, "aggregates": 210, "anomalies": 4},
    request_units=81_234.56,
    seconds=203.1,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    planned.write(tmp_path / "state" / "denver", PLAN)

    assert planned.read(tmp_path / "state" / "denver") == (PLAN, ())


def test_a_plan_may_not_know_charges_and_throughput(tmp_path: Path) -> None:
    unknown = Planned(
        made_at=PLAN.made_at, positions={}, form="", rows=0, documents={}, request_units=None, seconds=None
    )
    planned.write(tmp_path, PLAN)
    planned.write(tmp_path, unknown)

    assert planned.read(tmp_path) == (unknown, ())


def test_none_is_none(tmp_path: Path) -> None:
    assert planned.read(tmp_path / "nowhere") == (None, ())


def test_the_file_says_its_version_and_the_fields_by_their_names(tmp_path: Path) -> None:
    planned.write(tmp_path, PLAN)

    assert json.loads((tmp_path / planned.FILE).read_text()) == {
        "schemaVersion": 1,
        "madeAt": "2026-11-22T04:55:00.000120Z",
        "positions": {"one": 1_000, "zwei — Süd": -(2**63)},
        "form": '{"bucket_rows": 60, "stage": "sanitized"}',
        "rows": 12_345,
        "documents": {"readings": 12_300, "aggregates": 210, "anomalies": 4},
        "requestUnits": 81_234.56,
        "seconds": 203.1,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"rows": "many"},
        {"rows": -1},
        {"rows": 1.5},
        {"requestUnits": "NaN"},
        {"requestUnits": float("nan")},
        {"seconds": float("inf")},
        {"seconds": True},
        {"documents": [1]},
        {"positions": {"one": None}},
        {"madeAt": "yesterday"},
        {"madeAt": "2026-11-22T04:55:00"},
        {"more": 1},
        {"schemaVersion": "1"},
    ],
)
def test_one_that_is_damaged_is_left_with_a_notice(tmp_path: Path, change: dict[str, Any]) -> None:
    planned.write(tmp_path, PLAN)
    path = tmp_path / planned.FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    found, (notice,) = planned.read(tmp_path)

    assert found is None
    assert notice.startswith("plan.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"schemaVersion": 1}', b"[" * 100_000])
def test_one_that_is_no_plan_is_left_with_a_notice(tmp_path: Path, content: bytes) -> None:
    (tmp_path / planned.FILE).write_bytes(content)

    found, (notice,) = planned.read(tmp_path)

    assert found is None
    assert "damaged" in notice


def test_one_of_another_version_is_left_with_a_notice(tmp_path: Path) -> None:
    planned.write(tmp_path, PLAN)
    path = tmp_path / planned.FILE
    path.write_text(path.read_text().replace('"schemaVersion": 1', '"schemaVersion": 2'))

    assert planned.read(tmp_path) == (
        None,
        ("plan.json: version 2 wrote it, this is 1: make it again with `bacalhau-cosmos plan`",),
    )


def test_a_folder_in_its_place_is_left_with_a_notice(tmp_path: Path) -> None:
    (tmp_path / planned.FILE).mkdir()

    found, (notice,) = planned.read(tmp_path)

    assert found is None
    assert "cannot be read" in notice
