"""Durations and times to live: what is one, and what is told where there is none."""

from __future__ import annotations

import math
import re

import pytest

from processors.durations import parse_duration_s
from processors.settings import load
from tests.processors.settings.conftest import problems


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30", 30), ("30s", 30), (" 5m ", 300), ("1h", 3_600), ("500ms", 0.5), ("1.5h", 5_400), (7, 7), (0.25, 0.25)],
)
def test_durations(written: object, seconds: float) -> None:
    assert load({"every": written}).settings.every == seconds


@pytest.mark.parametrize(
    "written",
    [
        "0",
        "0s",
        "-5",
        "-5s",
        "5 m",
        "5M",
        "5d",
        "soon",
        "1h30m",
        "",
        "inf",
        "nan",
        "9" * 400 + "h",
        0,
        -1,
        math.inf,
        math.nan,
    ],
)
def test_what_is_no_duration(written: object) -> None:
    assert re.search(r"every = .* \(flag\): ", problems({"every": written}))


@pytest.mark.parametrize("name", ["every", "hold", "start_delay", "bucket_seconds"])
@pytest.mark.parametrize("written", ["5mins", "1minute", "soon", "5 m", ""])
def test_text_that_is_no_duration_is_told_what_is_one(name: str, written: str) -> None:
    assert problems({name: written}).endswith("not a duration such as 30, 30s, 5m or 1h")


def test_text_that_is_no_ttl_is_told_what_is_one() -> None:
    for written in ("90days", "1w", "1.5d", "-1d", "Never"):
        assert problems({"ttl": {"runs": written}}).endswith("not a duration such as 90d, 12h or never")


def test_a_number_as_text_is_judged_by_its_size() -> None:
    assert "greater than 0" in problems({"every": "-5"})
    assert "finite" in problems({"every": "nan"})
    assert load({"every": "1e3"}).settings.every == 1_000
    assert load({"ttl": {"runs": "-1"}}).settings.ttl == {"runs": -1}


def test_a_duration_of_another_type_is_left_alone() -> None:
    assert parse_duration_s(None) is None
    assert parse_duration_s([1]) == [1]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90d", 7_776_000), ("12h", 43_200), ("30m", 1_800), (" 45s ", 45), ("45", 45), (45, 45), ("never", -1), (-1, -1)],
)
def test_when_documents_expire(written: object, seconds: int) -> None:
    assert load({"ttl": {"readings": written}}).settings.ttl == {"readings": seconds}
