from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processors import timestamps

MOMENT = datetime(2026, 7, 22, 4, 49, 22, 965_000, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/Denver", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]

instants = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30))  # noqa: DTZ001 - the tests give the zone


def parse(stamp: str | None, zone: str | None = None, default: str = "UTC") -> tuple[datetime | None, bool]:
    text, zones = (pl.Series([value], dtype=pl.String) for value in (stamp, zone))
    instant, ambiguous = timestamps.parse(text, zones, default).row(0)
    return instant, ambiguous


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def expected_local(local: datetime, zone: str) -> tuple[datetime | None, bool]:
    """Python's word on a local time: the earlier instant, whether there are two, None when there is none."""
    earlier, later = (local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    back = earlier.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return (earlier, earlier != later) if back == local else (None, False)


@pytest.mark.parametrize(
    ("stamp", "instant"),
    [
        ("2026-07-22T04:49:22.965+00:00", MOMENT),
        ("2026-07-22T04:49:22.965Z", MOMENT),
        ("2026-07-22T04:49:22.965", MOMENT),
        ("2026-07-22 04:49:22.965", MOMENT),
        ("2026-07-22t04:49:22.965z", MOMENT),
        ("2026-07-22t04:49:22.965", MOMENT),
        ("2026-07-22 04:49:22.965 Z", MOMENT),
        ("  2026-07-22T04:49:22.965Z\n", MOMENT),
        ("2026-07-21T22:49:22.965-06:00", MOMENT),
        ("2026-07-21T22:49:22.965-0600", MOMENT),
        ("2026-07-21T22:49:22.965-06", MOMENT),
        ("2026-07-22 10:34:22.965 +05:45", MOMENT),
        ("2026-07-22T04:49:22Z", at(2026, 7, 22, 4, 49, 22)),
        ("2026-07-22T04:49:22", at(2026, 7, 22, 4, 49, 22)),
        ("2026-07-22T04:49Z", at(2026, 7, 22, 4, 49)),
        ("2026-07-22T04:49+02", at(2026, 7, 22, 2, 49)),
        ("2026-07-22 04:49", at(2026, 7, 22, 4, 49)),
        ("2026-07-22T04:49:22.1Z", at(2026, 7, 22, 4, 49, 22, 100_000)),
        ("2026-07-22T04:49:22.123456789Z", at(2026, 7, 22, 4, 49, 22, 123_456)),
        ("2026-07-22 04:49:22.123456789", at(2026, 7, 22, 4, 49, 22, 123_456)),
        ("2024-02-29T00:00:00Z", at(2024, 2, 29)),
        ("1784695762", at(2026, 7, 22, 4, 49, 22)),
        ("1784695762.965", MOMENT),
        ("1784695762965", MOMENT),
        ("1784695762965.25", MOMENT.replace(microsecond=965_250)),
        ("+1784695762", at(2026, 7, 22, 4, 49, 22)),
        ("1075196824.491567", EPOCH + timedelta(microseconds=1_075_196_824_491_567)),
        ("2219115441024.277", EPOCH + timedelta(microseconds=2_219_115_441_024_277)),
        ("0", EPOCH),
        ("-0.5", EPOCH - timedelta(seconds=0.5)),
        ("-1784695762", EPOCH - timedelta(seconds=1_784_695_762)),
        ("-1784695762965", EPOCH - timedelta(milliseconds=1_784_695_762_965)),
        ("99999999999", EPOCH + timedelta(seconds=99_999_999_999)),
        ("100000000000", EPOCH + timedelta(milliseconds=100_000_000_000)),
    ],
)
def test_reads(stamp: str, instant: datetime) -> None:
    assert parse(stamp) == (instant, False)


@pytest.mark.parametrize(
    "stamp",
    [
        *("", " ", "now", "None", "null", "NaN", "inf", "-", "+", ".", "1e9", "0x10", "1784695762.", "1_784_695_762"),
        *("2026-07-22", "2026-07", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-07-22T24:00:00Z"),
        *("2026-07-22T04:60:00Z", "2026-07-22T04:49:61Z", "22/07/2026 04:49:22", "2026-07-22T04:49:22Q"),
        *("2026-07-22T04:49:22+25:00", "2026-07-22T04:49:22.965Z trailing", "2026-07-22T04:49:22Z\0"),
        *("\u0662\u0660\u0662\u0666-07-22T04:49:22Z", "\u0661\u0667\u0668\u0664", "1" * 400, "\0", "\U0001f551"),
    ],
)
def test_garbage_is_unreadable(stamp: str) -> None:
    assert parse(stamp) == (None, False)


def test_absent_stays_absent() -> None:
    assert parse(None, "Europe/Berlin", "America/Denver") == (None, False)


@given(
    moment=instants,
    east=st.integers(-14 * 60, 14 * 60),
    digits=st.sampled_from([0, 3, 6]),
    between=st.sampled_from("Tt "),
    colon=st.booleans(),
)
@settings(deadline=None, max_examples=80)
def test_a_stamp_with_a_zone_is_what_python_reads(
    moment: datetime, east: int, digits: int, between: str, colon: bool
) -> None:
    unit = 10 ** (6 - digits)
    local = moment.replace(microsecond=moment.microsecond // unit * unit, tzinfo=timezone(timedelta(minutes=east)))
    timespec = {0: "seconds", 3: "milliseconds", 6: "microseconds"}[digits]
    stamp = local.isoformat(sep=between, timespec=timespec)
    if not colon:
        stamp = re.sub(r"(\d\d):(\d\d)$", r"\1\2", stamp)
    assert parse(stamp, "Asia/Kathmandu", "America/Denver") == (local.astimezone(UTC), False)


@given(moment=instants, zone=st.sampled_from(ZONES), as_default=st.booleans(), digits=st.sampled_from([0, 3, 6]))
@example(moment=datetime(2026, 10, 25, 2, 30), zone="Europe/Berlin", as_default=True, digits=0)  # noqa: DTZ001
@example(moment=datetime(2026, 3, 29, 2, 30), zone="Europe/Berlin", as_default=False, digits=3)  # noqa: DTZ001
@example(moment=datetime(2011, 12, 30, 12, 0), zone="Pacific/Apia", as_default=False, digits=0)  # noqa: DTZ001
@settings(deadline=None, max_examples=80)
def test_a_stamp_without_zone_is_where_python_places_it(
    moment: datetime, zone: str, as_default: bool, digits: int
) -> None:
    unit = 10 ** (6 - digits)
    local = moment.replace(microsecond=moment.microsecond // unit * unit)
    stamp = local.isoformat(sep=" ")
    read = parse(stamp, None, zone) if as_default else parse(stamp, zone, "Asia/Kathmandu")
    assert read == expected_local(local, zone)


@given(st.sampled_from(ZONES[1:]), st.integers(2001, 2037), st.integers(-180, 180))
@settings(deadline=None, max_examples=15)
def test_changes_of_the_clocks_are_those_that_python_knows(zone: str, year: int, minutes: int) -> None:
    hours = [at(year, 1, 1) + timedelta(hours=hour) for hour in range(24 * 366)]
    offsets = [hour.astimezone(ZoneInfo(zone)).utcoffset() for hour in hours]
    changes = [hour for hour, before, after in zip(hours[1:], offsets, offsets[1:], strict=False) if before != after]
    for change in changes:
        local = (change + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        for near in (local, local + timedelta(minutes=30), local - timedelta(minutes=30)):
            assert parse(near.isoformat(), zone) == expected_local(near, zone)


@given(
    moment=instants.map(lambda moment: moment.replace(tzinfo=UTC)),
    negative=st.booleans(),
    digits=st.integers(0, 6),
    milliseconds=st.booleans(),
)
@settings(deadline=None, max_examples=100)
def test_numbers_are_exact_to_the_microsecond(
    moment: datetime, negative: bool, digits: int, milliseconds: bool
) -> None:
    shown = max(0, digits - 3) if milliseconds else digits
    unit = 10 ** ((3 if milliseconds else 6) - shown)
    microseconds = (moment - EPOCH) // timedelta(microseconds=1) // unit * unit
    whole, rest = divmod(microseconds, 1_000 if milliseconds else 1_000_000)
    fraction = f".{rest:0{3 if milliseconds else 6}d}"[: shown + 1] if shown else ""
    stamp = f"{'-' if negative else ''}{whole}{fraction}"
    sign = -1 if negative else 1
    assert parse(stamp, "Europe/Berlin", "America/Denver") == (
        EPOCH + sign * timedelta(microseconds=microseconds),
        False,
    )


@pytest.mark.parametrize(
    ("zone", "minutes_east"),
    [
        *(("+05:45", 345), ("-0330", -210), ("+14:00", 840), ("-14:00", -840), ("+00:00", 0), (" -05:00 ", -300)),
        *(("Asia/Kathmandu", 345), (" Asia/Kathmandu\n", 345), ("UTC", 0), ("Etc/GMT-14", 840), ("Etc/GMT+12", -720)),
    ],
)
def test_the_zone_of_the_row_comes_before_the_default(zone: str, minutes_east: int) -> None:
    local = datetime(2026, 7, 22, 12)  # noqa: DTZ001 - naive on purpose
    instant = (local - timedelta(minutes=minutes_east)).replace(tzinfo=UTC)
    assert parse(local.isoformat(), zone, "America/Denver") == (instant, False)


@pytest.mark.parametrize(
    "zone",
    [
        *(None, "", "   ", "Mars/Olympus", "europe/berlin", "+14:01", "-23:00", "+05:60", "+05:99", "+5", "*", "\0"),
        *(
            "../Europe/Berlin",
            "Europe/Berlin\0",
            "Z",
            "UTC+2",
            "+\u0660\u0665:\u0660\u0660",
            "+\u0660\u0665:00",
            "x" * 5_000,
            "\U0001f551",
        ),
    ],
)
def test_a_zone_that_is_none_leaves_the_default(zone: str | None) -> None:
    assert parse("2026-07-22T12:00:00", zone, "America/Denver") == (at(2026, 7, 22, 18), False)


def test_the_hour_that_comes_twice_is_flagged_and_the_skipped_one_unreadable() -> None:
    assert parse("2026-10-25T01:59:59", "Europe/Berlin") == (at(2026, 10, 24, 23, 59, 59), False)
    assert parse("2026-10-25T02:00:00", "Europe/Berlin") == (at(2026, 10, 25, 0), True)
    assert parse("2026-10-25T02:59:59", "Europe/Berlin") == (at(2026, 10, 25, 0, 59, 59), True)
    assert parse("2026-10-25T03:00:00", "Europe/Berlin") == (at(2026, 10, 25, 2), False)
    assert parse("2026-03-29T01:59:59", None, "Europe/Berlin") == (at(2026, 3, 29, 0, 59, 59), False)
    assert parse("2026-03-29T02:00:00", None, "Europe/Berlin") == (None, False)
    assert parse("2026-03-29T03:00:00", None, "Europe/Berlin") == (at(2026, 3, 29, 1), False)


def test_a_stamp_says_its_own_zone_in_the_hour_that_comes_twice() -> None:
    assert parse("2026-10-25T02:30:00+01:00", "Europe/Berlin") == (at(2026, 10, 25, 1, 30), False)
    assert parse("2026-10-25T02:30:00", "+01:00", "Europe/Berlin") == (at(2026, 10, 25, 1, 30), False)


STAMPS = st.sampled_from(
    [None, "", "garbage", "2026-10-25T02:30:00", "2026-03-29 02:30", "1784695762", "2026-07-22T04:49:22Z", "2026-07-22"]
)


@given(st.lists(st.tuples(STAMPS, st.sampled_from([None, "", "Mars", "+05:45", "America/Denver", *ZONES]))))
@settings(deadline=None, max_examples=25)
def test_a_row_is_read_the_same_whatever_else_is_on_its_page(rows: list[tuple[str | None, str | None]]) -> None:
    stamps, zones = (pl.Series([row[part] for row in rows], dtype=pl.String) for part in (0, 1))
    together = timestamps.parse(stamps, zones, "Europe/Berlin")
    assert together.schema == {"instant": pl.Datetime("us", "UTC"), "ambiguous": pl.Boolean}
    assert together.rows() == [parse(stamp, zone, "Europe/Berlin") for stamp, zone in rows]


@pytest.mark.parametrize(("name", "known"), [("UTC", True), ("Europe/Berlin", True), ("", False), ("Mars", False)])
def test_knows_a_zone(name: str, known: bool) -> None:
    assert timestamps.is_zone(name) is known
