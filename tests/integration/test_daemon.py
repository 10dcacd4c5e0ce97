"""The same pass over and over: new rows arrive, and an update loses none."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import polars as pl
import pytest

from tests.harness import oracle
from tests.harness.databases import START, readings
from tests.harness.fleet import Fleet, reports, until

pytestmark = pytest.mark.network

EVERY_S = 2


def start(fleet: Fleet, *more: str) -> dict[str, object]:
    told = ("--set", f"every={EVERY_S}s", "--set", "start_delay=1s")
    return fleet.submit("--city", "denver", "--spec", "ingest-daemon", *told, *more).document


def test_new_rows_arrive_and_an_update_or_another_stage_loses_none(fleet: Fleet) -> None:
    paths = [fleet.write(f"denver-{n}", "Denver", f"s{n}", readings(50, seed=n, sensors=(f"s{n}",))) for n in (1, 2)]
    first = start(fleet)
    assert {report["rowsRead"] for report in reports(first).values()} == {50}
    later = START + timedelta(hours=1)

    def write(hours: int, rows: int = 40) -> None:
        for number, path in enumerate(paths, 1):
            at = later + timedelta(hours=hours)
            fleet.write(path.parents[3].name, "Denver", f"s{number}", readings(rows, start=at, sensors=(f"s{number}",)))

    write(0)
    until(lambda: len(fleet.documents()) == 180, "the new rows of both nodes to arrive")
    assert fleet.stated() == _rows(paths)

    same = start(fleet, "--set", "page_rows=25")
    assert [job["jobId"] for job in same["jobs"]] == [job["jobId"] for job in first["jobs"]]  # type: ignore[attr-defined]
    write(1)
    until(lambda: len(fleet.documents()) == 260, "the rows after the update to arrive")
    assert fleet.stated() == _rows(paths)

    before = _rows(paths)
    start(fleet, "--set", "stage=aggregated")
    windows = len(fleet.documents("aggregates"))
    write(2)
    until(lambda: len(fleet.documents("aggregates")) > windows, "windows of the rows that stay on the node")
    assert fleet.stated() == before
    until(lambda: _rows_kept(fleet) == _rows(paths).total(), "the archive to have them")
    assert _archived(fleet) == _rows(paths)

    start(fleet, "--set", "stage=sanitized")
    kept = _rows(paths)
    write(3)
    until(lambda: len(fleet.documents()) == 340, "the rows after the way back")
    assert fleet.stated() == before + (_rows(paths) - kept)
    assert fleet.submit("--city", "denver", "--spec", "verify").document["exitCode"] == 0


def _rows(paths: list[object]) -> Counter[oracle.Fact]:
    return sum((oracle.table(path) for path in paths), start=Counter())  # type: ignore[arg-type]


def _rows_kept(fleet: Fleet) -> int:
    """Of the archives by one reader: two of them may find a file more between them while it is written."""
    found = [fleet.node(f"denver-{n}") / "archive" / "**" / "*.parquet" for n in (1, 2)]
    return pl.scan_parquet(found).select(pl.len()).collect().item()


def _archived(fleet: Fleet) -> Counter[oracle.Fact]:
    return sum((oracle.archived(fleet.node(f"denver-{n}") / "archive") for n in (1, 2)), start=Counter())
