"""What each setting takes and what it does not, alone and beside others."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest

from processors.settings import load
from tests.processors.settings.conftest import file, problems


def test_a_subscription_is_an_id() -> None:
    for written in ("abc", "0b1f6471-1bf0-4dda-aec3-cb9272f09590\n", "x0b1f6471-1bf0-4dda-aec3-cb9272f09590"):
        assert "not an id such as 00000000-0000-0000-0000-000000000000, as `az account show --query id`" in problems(
            {"subscription": written}
        )
    assert load({"subscription": ""}).settings.subscription == ""


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("page_rows", [0, 100_001, 1.5, "many"], [1, 100_000]),
        ("coordinate_decimals", [-1, 9], [0, 8]),
        (
            "thresholds",
            [
                {"spike": 0},
                {"spike": -1},
                {"spike": math.inf},
                {"spike": math.nan},
                {"robust_z": 8},
                {"stuck": "many"},
                [8],
            ],
            [{}, {"spike": 0.1}, {"spike": 9, "stuck": 1e9}],
        ),
        (
            "indexed",
            [
                {"raedings": ["/city"]},
                {"readings": ["city"]},
                {"readings": ["/city/?"]},
                {"readings": ["/*"]},
                {"readings": ["/city", "/city"]},
                {"readings": "/city"},
                {"readings": ("/city", "/observedAt")},
                ["/city"],
            ],
            [{}, {"aggregates": ()}, {"runs": ("/city", "/a/b_1", "/points/[]/at")}],
        ),
        (
            "ttl",
            [
                {"reading": 1},
                {"readings": 0},
                {"readings": -2},
                {"readings": "0d"},
                {"readings": "1w"},
                {"readings": "-1d"},
                {"readings": "1.5d"},
                {"readings": 1.5},
                {"readings": 2**31},
                {"readings": "9" * 400 + "d"},
                {"readings": None},
                90,
            ],
            [{}, {"readings": -1}, {"runs": 1, "readings": 2**31 - 1}],
        ),
        ("database", ["", "x" * 256], ["x" * 255]),
        ("container", [""], ["r"]),
        ("table", [""], ["t"]),
        ("stage", ["", "Raw", "archived"], ["raw", "schematized", "sanitized", "aggregated"]),
        ("send", ["", "some", "Changes"], ["all", "changes", "anomalies"]),
        (
            "dead_band",
            [{"temperature": 1}, {"voltageV": 0}, {"voltageV": -1}, {"voltageV": math.nan}, 1],
            [{}, {"voltageV": 0.1}],
        ),
        ("swinging_door", [{"temperature": 1}, {"voltageV": 0}, {"voltageV": math.inf}, []], [{}, {"voltageV": 0.1}]),
        ("context_rows", [-1, 1_001, "few"], [0, 1_000]),
        ("source_time_zone", ["", " ", "Mars/Olympus", "europe/berlin"], ["UTC", "Europe/Berlin"]),
        ("columns", [{"tiestamp": "ts"}, {"timestamp": 3}, []], [{}, {"timestamp": "ts"}]),
        ("drop_fields", [("temperatureC",), ("rowId",), "model"], [(), ("latitude", "model")]),
        ("hash_fields", [("sensorId",)], [()]),
        (
            "limits",
            [{"temperatureC": (1, 1)}, {"temperatureC": (2, 1)}, {"temperatureC": (1,)}, {"temp": (1, 2)}],
            [{"temperatureC": (1, 2)}],
        ),
        ("city", ["..", ".", "a/b", "/tmp", "a\0", "x" * 256, "\udcff"], ["", "denver", "São Paulo", "...", "x" * 255]),
        ("endpoint", ["x", "http://a.example", "https://a/b"], ["", "https://a.example", "http://127.0.0.1:8081"]),
        ("node_folder", ["/denver-1", "..", "a/../b", "a\0"], ["", "denver-1", "hosts/denver-1"]),
        ("start_delay", ["-1s", "soon", math.nan], [0.0, 2.5]),
        ("limits", [{"temperatureC": (-math.inf, 85)}, {"temperatureC": (0, math.nan)}], [{"voltageV": (-1e9, 1e9)}]),
    ],
)
def test_bounds(name: str, bad: list[Any], good: list[Any]) -> None:
    for value in bad:
        assert re.search(rf"{name}(\.\S+)? = .*\(flag\): ", problems({name: value}))
    for value in good:
        assert getattr(load({name: value}).settings, name) == value


def test_what_raw_readings_do_not_take() -> None:
    told = problems({"stage": "raw", "descriptions": "once"})
    assert "descriptions = once needs another stage" in told
    load({"stage": "aggregated", "descriptions": "once"})


@pytest.mark.parametrize(
    ("resolution", "told"),
    [
        ({"temperature": 0.1}, "no such measure: temperature; there are temperatureC"),
        ({"voltageV": 0.0}, "no step above 0 of nine digits at most, such as 0.01: voltageV"),
        ({"voltageV": -1.0}, "voltageV"),
        ({"voltageV": 0.12345678901}, "voltageV"),
        ({"voltageV": float("inf")}, "finite"),
    ],
)
def test_resolutions(resolution: dict[str, float], told: str) -> None:
    assert told in problems({"resolution": resolution})


def test_a_wrong_container_path_or_ttl_is_named() -> None:
    told = problems({"indexed": {"raedings": ["/city"]}, "ttl": {"runs": 0}})
    assert "no such container: raedings; there are readings, aggregates, anomalies, runs" in told
    assert "neither from 1 to 2147483647 seconds nor never: runs" in told
    assert "not a path of properties such as /observedAt: city" in problems({"indexed": {"readings": ["city"]}})
    assert "has to be indexed: /lastObservedAt" in problems({"indexed": {"readings": ["/city", "/observedAt"]}})


def test_a_measure_has_one_bound() -> None:
    bounds = {"voltageV": 0.1, "pressurePa": 20.0}
    assert "both a dead_band and a swinging_door: pressurePa, voltageV" in problems(
        {"dead_band": {**bounds, "temperatureC": 1.0}, "swinging_door": bounds}
    )


def test_a_bound_is_more_than_what_rounding_takes() -> None:
    given = {"dead_band": {"voltageV": 0.05}, "swinging_door": {"pressurePa": 20.0}}
    told = problems({**given, "resolution": {"voltageV": 0.1, "pressurePa": 50.0, "humidityPct": 5.0}})
    assert "rounding takes half a step, which is all of the bound or more: pressurePa, voltageV;" in told
    load({**given, "resolution": {"voltageV": 0.01, "pressurePa": 10.0, "humidityPct": 5.0}})


@pytest.mark.parametrize("written", ['"5000"', "5000", "5000.0", '"5000/h"', '" 2.5 "'])
def test_a_budget_is_request_units_for_a_run_or_an_hour(written: str) -> None:
    file(f"ru_budget = {written}")
    assert load({}).settings.ru_budget == str(json.loads(written))


@pytest.mark.parametrize("written", ["0", "-1", '"5k"', '"5000/d"', "true", "inf", "nan", '"1e5"', f'"{"9" * 400}"'])
def test_a_budget_that_is_none_is_a_problem(written: str) -> None:
    file(f"ru_budget = {written}")
    assert "ru_budget = " in problems()
