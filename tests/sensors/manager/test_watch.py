"""The monitor's rows: what is planned, what is there, and how both are told."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from sensors.manager.engine.values import Container
from sensors.manager.fleet import Fleet
from sensors.manager.look.databases import Look, Taken
from sensors.manager.look.watch import Overview, Pass, Seen, last_pass, overview, status_of
from sensors.manager.look.watch_text import age_text, document, sensor_cells, size_text, total_cells
from submitter.commands.sensors._board import board
from submitter.commands.sensors.monitor import show_table
from tests.sensors.manager.conftest import city

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def container(service: str, state: str = "running", health: str | None = "healthy", **more: object) -> Container:
    exit_code = None if state == "running" else 137
    made = Container("0123", service, state, health, 0, exit_code, NOW, "image")
    return replace(made, **more)  # type: ignore[arg-type]


def lives(*, whole: bool = True, seconds: float = 12) -> list[Taken]:
    return [
        Taken(50, None, NOW - timedelta(hours=3), rejects=1, anomalies=2, files=3),
        Taken(90, None, NOW - timedelta(seconds=seconds), rejects=10, anomalies=20, files=30, whole=whole),
    ]


def seen(**more: object) -> Seen:
    """Two cities: a sensor that is well, one that has stopped, one without anything, and one that nobody planned."""
    well = Look(1_234_567, 4_000, 1.004, NOW - timedelta(seconds=2), "AMS_SENSOR001", 31, 31.0)
    broken = Look(12, why="it is not a SQLite database")
    extra = Look(2_000_000_000, 7, None, NOW - timedelta(days=2), "OLD\x1b[2J", 7, None)
    first = Seen(
        project="cosmos-sensors-1",
        at=NOW,
        containers=[
            container("sensor-amsterdam-1"),
            container("sensor-amsterdam-2", "exited", None, restarts=4),
            container("uploader-amsterdam", restarts=1),
            container("sensor-gone-1", health="unhealthy"),
            container("uploader-gone", health="starting"),
        ],
        databases={
            ("amsterdam", "1"): (Path("data/amsterdam/1/sensor_data.db"), well),
            ("amsterdam", "2"): (Path("data/amsterdam/2/sensor_data.db"), broken),
            ("oslo", "9"): (Path("data/oslo/9/sensor_data.db"), extra),
        },
        taken={("amsterdam", "1"): lives(), ("oslo", "9"): lives(whole=False, seconds=5_000)},
        passes={"uploader-amsterdam": Pass("partial", NOW - timedelta(seconds=12), 40, "cannot read: x: y")},
    )
    return replace(first, **more)  # type: ignore[arg-type]


@pytest.fixture
def cities() -> Fleet:
    return Fleet((city("Amsterdam", 2), city("New York", 1)), upload_interval_s=30.0)


@pytest.fixture
def view(cities: Fleet) -> Overview:
    return overview(cities, seen())


def printed(view: Overview) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        show_table(view)
    return out.getvalue()


def test_the_plain_table_is_golden(view: Overview, golden: Callable[[str, str], None]) -> None:
    text = printed(view)
    assert "\x1b" not in text
    golden("monitor.txt", text)


def test_the_document_is_golden(view: Overview, golden: Callable[[str, str], None]) -> None:
    golden("monitor.json", json.dumps(document(view, ["a note"]), indent=2, ensure_ascii=False) + "\n")


def test_every_planned_sensor_has_a_row_and_so_has_what_is_not_planned(view: Overview) -> None:
    assert [(row.service, row.planned) for row in view.sensors] == [
        ("sensor-amsterdam-1", True),
        ("sensor-amsterdam-2", True),
        ("sensor-newyork-1", True),
        ("sensor-oslo-9", False),
        ("sensor-gone-1", False),
    ]
    assert [(row.service, row.planned) for row in view.uploaders] == [
        ("uploader-amsterdam", True),
        ("uploader-newyork", True),
        ("uploader-gone", False),
    ]


def test_counts_of_all_lives_are_added_up(view: Overview) -> None:
    row = view.sensors[0]
    assert (row.rejects, row.anomalies, row.files, row.whole) == (11, 22, 33, True)
    assert row.taken_at == NOW - timedelta(seconds=12)


def test_counts_that_are_not_whole_say_so(view: Overview) -> None:
    assert sensor_cells(view)[3]["files"] == "33+"
    assert dict(total_cells(view))["archive files"] == "66+"


def test_a_city_was_uploaded_when_one_of_its_sensors_was(view: Overview) -> None:
    assert [row.taken_at for row in view.uploaders] == [NOW - timedelta(seconds=12), None, None]


def test_without_an_engine_nobody_is_called_stopped(cities: Fleet) -> None:
    view = overview(cities, seen(containers=None))
    assert {row["status"] for row in sensor_cells(view)} == {None}
    assert document(view, [])["totals"]["active"] is None
    assert sensor_cells(view)[0]["rows"] == 4_000


def test_nothing_at_all_is_an_empty_table() -> None:
    view = overview(Fleet((), 30.0), Seen("p", NOW, [], {}))
    assert printed(view) == "sensors    0, 0 active\ndatabases  0\n"


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (None, "STOPPED"),
        (container("s"), "running (healthy)"),
        (container("s", health=None), "running"),
        (container("s", health="unhealthy"), "running (unhealthy)"),
        (container("s", "exited", "unhealthy"), "exited (code 137)"),
        (container("s", "exited", None, exit_code=0), "exited"),
        (container("s", "restarting", None, exit_code=None), "restarting"),
    ],
)
def test_status_is_state_and_health(found: Container | None, status: str) -> None:
    assert status_of(found, known=True) == status


def test_the_last_report_counts() -> None:
    reports = [
        {"kind": "ingest", "outcome": "failed", "startedAt": "2026-11-23T11:59:00.000000Z", "rowsRead": 1},
        {
            "kind": "ingest",
            "outcome": "partial",
            "startedAt": "2026-11-23T11:59:30.000000Z",
            "rowsRead": 5,
            "errors": [{"database": "1", "error": "cannot read: it"}],
        },
    ]
    lines = [*map(json.dumps, reports), "Error: cannot read: it", "Try: {", "{}", "[1]", '{"kind": "other"}']
    assert last_pass(lines) == Pass("partial", NOW - timedelta(seconds=30), 5, "cannot read: it")


@pytest.mark.parametrize("line", ["", "{", "nothing", '{"kind": "verify"}', "[" * 100_000])
def test_a_log_without_a_report_tells_of_none(line: str) -> None:
    assert last_pass([line]) is None


def test_a_report_of_odd_types_is_told_as_far_as_it_goes() -> None:
    line = '{"kind": "ingest", "outcome": null, "startedAt": 7, "rowsRead": "x", "errors": [3]}'
    assert last_pass([line]) == Pass("None", None, None, None)


def drawn(view: Overview, width: int, height: int) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system="truecolor")
    console.print(board(view, ["no engine\x1b[2J"], console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_wide_board_has_every_column_and_no_ones_escapes(view: Overview) -> None:
    text = drawn(view, 220, 50)
    for name in sensor_cells(view)[0]:
        assert name in text
    assert "\x1b[2J" not in text
    assert "no engine\\x1b[2J" in text


def test_a_narrow_board_keeps_whole_what_matters_most(view: Overview) -> None:
    text = drawn(view, 80, 50)
    assert all(word in text for word in ("AMS_SENSOR001", "running (healthy)", "backlog", "lag"))
    assert "archive files 66+" in " ".join(text.split())
    assert "  files" not in text
    assert "…" not in text.splitlines()[-1]


def test_a_low_board_shows_what_is_not_well(view: Overview) -> None:
    text = drawn(view, 220, 17)
    assert "AMS_SENSOR001" not in text
    assert "NEW_SENSOR001" in text
    assert "more that are no worse" in text
    assert len(text.splitlines()) <= 17


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.4, "59s"), (60, "1m"), (5_400, "2h"), (200_000, "2d"), (-3, "-3s")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, None),
        (0, "0 B"),
        (999, "999 B"),
        (999_999, "1.0 MB"),
        (1_234, "1.2 kB"),
        (2e9, "2.0 GB"),
        (3e14, "300 TB"),
    ],
)
def test_sizes(size: float | None, text: str | None) -> None:
    assert size_text(size) == text
