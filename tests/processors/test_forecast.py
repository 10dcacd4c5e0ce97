"""When a disk is full: figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from processors.forecast import FARTHEST, Disk, Forecast, Kept, Stamp, Table, forecast, rows_a_second

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DATA = Disk(1, 1_000_000)
OTHER = Disk(2, 1_000_000)
TABLE = Table(DATA, bytes=20_000, rows=100, backlog_rows=0, rows_a_second=0.5)
"""A row has 200 bytes, so it grows by 100 bytes a second."""


def stamps(first: int, count: int, step_s: float, last_at: datetime = NOW) -> list[Stamp]:
    """The last one at `last_at`."""
    return [(first + n, last_at - timedelta(seconds=step_s * (count - 1 - n))) for n in range(count)]


def test_a_database_alone() -> None:
    assert forecast([TABLE], [], NOW) == Forecast(NOW + timedelta(seconds=10_000), 100 * 86_400)


def test_archive_and_state_on_the_same_disk_count_too() -> None:
    kept = [Kept(DATA, 4_000), Kept(DATA, 1_000)]  # 50 bytes of a row taken in: 25 bytes a second
    assert forecast([TABLE], kept, NOW) == Forecast(NOW + timedelta(seconds=8_000), 125 * 86_400)


def test_what_waits_goes_into_the_archive_at_once() -> None:
    table = replace(TABLE, rows=200, bytes=40_000, backlog_rows=100)
    told = forecast([table], [Kept(DATA, 4_000)], NOW)  # 40 bytes a row: 4,000 at once, 20 a second
    assert told == Forecast(NOW + timedelta(seconds=(1_000_000 - 4_000) / 120), 120 * 86_400)


def test_the_disk_that_is_full_first_decides() -> None:
    archive = Kept(replace(OTHER, free_bytes=10_000), 4_000)
    assert forecast([TABLE], [archive], NOW).full_at == NOW + timedelta(seconds=500)
    archive = Kept(OTHER, 4_000)
    assert forecast([TABLE], [archive], NOW).full_at == NOW + timedelta(seconds=10_000)


def test_a_backlog_that_does_not_fit_is_full_now() -> None:
    stopped = replace(TABLE, rows=200, bytes=40_000, backlog_rows=100, rows_a_second=0.0)
    archive = Kept(replace(OTHER, free_bytes=4_000), 4_000)
    assert forecast([stopped], [archive], NOW) == Forecast(NOW, 0)
    archive = Kept(replace(OTHER, free_bytes=4_001), 4_000)
    assert forecast([stopped], [archive], NOW) == Forecast(None, 0)


def test_before_anything_was_taken_in_a_row_kept_counts_as_one_of_the_table() -> None:
    table = replace(TABLE, backlog_rows=100)
    told = forecast([table], [Kept(DATA, 0)], NOW)  # 20,000 at once, 200 bytes a second in all
    assert told == Forecast(NOW + timedelta(seconds=4_900), 200 * 86_400)


def test_what_does_not_grow_is_never_full() -> None:
    assert forecast([replace(TABLE, rows_a_second=0.0)], [Kept(DATA, 5)], NOW) == Forecast(None, 0)
    assert forecast([], [Kept(DATA, 5)], NOW) == Forecast(None, 0)
    assert forecast([replace(TABLE, rows=0, bytes=0)], [], NOW) == Forecast(None, 0)


def test_a_disk_that_lasts_for_generations_is_not_told() -> None:
    room = round(100 * FARTHEST.total_seconds())
    assert forecast([replace(TABLE, disk=Disk(1, room))], [], NOW).full_at is None
    assert forecast([replace(TABLE, disk=Disk(1, room - 100))], [], NOW).full_at is not None
    assert forecast([replace(TABLE, disk=None)], [], NOW) == Forecast(None, 8_640_000)


def test_free_room_that_was_read_twice_is_one_disk() -> None:
    tables = [TABLE, replace(TABLE, disk=replace(DATA, free_bytes=999_000))]
    assert forecast(tables, [], NOW).full_at == NOW + timedelta(seconds=999_000 / 200)


@pytest.mark.parametrize("step_s", [0.01, 1.0, 60.0])
def test_the_rate_is_that_of_the_rows_own_stamps(step_s: float) -> None:
    rows = stamps(1, 20_000, step_s)
    assert rows_a_second(rows[:64], rows[-64:], NOW) == pytest.approx(1 / step_s)
    few = stamps(1, 5, step_s)
    assert rows_a_second(few[:3], few[-3:], NOW) == pytest.approx(1 / step_s)


def test_wild_stamps_do_not_matter() -> None:
    rows = stamps(1, 20_000, 1.0)
    early, late = rows[:64], rows[-64:]
    late[::5] = [(row_id, datetime(2071, 1, 1, tzinfo=UTC)) for row_id, _ in late[::5]]
    early[::5] = [(row_id, datetime(1970, 1, 1, tzinfo=UTC)) for row_id, _ in early[::5]]
    assert rows_a_second(early, late, NOW) == pytest.approx(1, rel=0.01)


def test_a_burst_at_the_end_counts_for_its_part_only() -> None:
    rows = [*stamps(1, 10_000, 10.0, NOW - timedelta(seconds=10)), *stamps(10_001, 100, 0.001)]
    assert rows_a_second(rows[:64], rows[-64:], NOW) == pytest.approx(0.1, rel=0.02)


def test_a_writer_that_has_stopped_grows_nothing() -> None:
    two_days_ago = NOW - timedelta(days=2)
    rows = stamps(1, 200, 1.0, two_days_ago)
    assert rows_a_second(rows[:64], rows[-64:], NOW) == 0
    another_zone = stamps(1, 200, 1.0, NOW - timedelta(hours=14))
    assert rows_a_second(another_zone[:64], another_zone[-64:], NOW) == pytest.approx(1)
    slow = stamps(1, 200, 3_600.0, two_days_ago)
    assert rows_a_second(slow[:64], slow[-64:], NOW) == pytest.approx(1 / 3_600)


def test_too_few_rows_or_a_clock_that_stands_tell_nothing() -> None:
    row = (1, NOW)
    assert rows_a_second([], [], NOW) == 0
    assert rows_a_second([row], [row], NOW) == 0
    assert rows_a_second([row], [(9, NOW)], NOW) == 0
    assert rows_a_second([row], [(9, NOW - timedelta(days=1))], NOW) == 0
