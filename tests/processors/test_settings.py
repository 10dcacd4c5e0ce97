from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from processors.durations import parse_duration_s
from processors.errors import SettingsError
from processors.settings import FILE, PREFIX, Settings, load

SECRET = "c2VjcmV0-do-not-show"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(PREFIX + name.upper(), value)

    return put


def file(text: str, path: Path = FILE) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def problems(flags: dict[str, Any] | None = None, **more: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(flags or {}, **more)
    assert caught.value.exit_code == 2
    assert SECRET not in str(caught.value) + repr(caught.value) + caught.value.hint
    return str(caught.value)


def test_nothing_given_is_the_defaults() -> None:
    loaded = load({})
    assert (loaded.settings.database, loaded.settings.container, loaded.settings.every) == (
        "SensorData",
        "readings",
        None,
    )
    assert loaded.settings.stage == "sanitized"
    assert loaded.origins == dict.fromkeys(Settings.model_fields, "default")


def test_flag_before_environment_before_file_before_default(env: Callable[..., None]) -> None:
    file('city = "file"\ndatabase = "file"\ncontainer = "file"\n')
    env(city="environment", database="environment")
    loaded = load({"city": "flag", "database": None, "table": None})
    settings = loaded.settings
    found = (settings.city, settings.database, settings.container, settings.table)
    assert found == ("flag", "environment", "file", "sensor_readings")
    names = ("city", "database", "container", "table")
    assert [loaded.origins[name] for name in names] == ["flag", "environment", str(FILE), "default"]


def test_an_empty_variable_says_nothing(env: Callable[..., None]) -> None:
    file('city = "file"')
    env(city="", key="")
    loaded = load({})
    assert (loaded.settings.city, loaded.origins["city"], loaded.origins["key"]) == ("file", str(FILE), "default")


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    assert load({}).settings.city == ""
    assert "nowhere.toml: there is no such file" in problems(file=tmp_path / "nowhere.toml")
    other = file('city = "other"', tmp_path / "other.toml")
    assert load({}, file=other).origins["city"] == str(other)


@pytest.mark.parametrize("content", [b"city = ", b"\xff\xfe", b"city = 'a'\ncity = 'b'"])
def test_a_file_that_cannot_be_read_is_a_problem_among_others(content: bytes) -> None:
    FILE.write_bytes(content)
    told = problems({"page_rows": 0})
    assert f"{FILE}: cannot be read as TOML" in told
    assert "page_rows = 0 (flag)" in told


def test_lists_and_tables_in_the_file_and_in_the_environment(env: Callable[..., None]) -> None:
    file('drop_fields = ["model"]\n[columns]\ntimestamp = "ts"\n')
    env(limits='{"temperatureC": [-10, 40.5]}', drop_fields='["location", "latitude"]')
    settings = load({}).settings
    assert settings.columns == {"timestamp": "ts"}
    assert settings.limits == {"temperatureC": (-10.0, 40.5)}
    assert settings.drop_fields == ("location", "latitude")


def test_all_problems_are_told_together_with_field_value_and_origin(env: Callable[..., None]) -> None:
    file('stage = "cooked"\nspeed = 3\n')
    env(page_rows="none", citty="denver", thresholds='{"stuck": 0}', columns="{", drop_fields='["nope"]')
    told = problems({"coordinate_decimals": 9, "fast": True}, required=("endpoint", "city"))
    for expected in (
        f"stage = 'cooked' ({FILE}):",
        f"speed ({FILE}): no such setting",
        "page_rows = 'none' (environment):",
        "COSMOS_CITTY (environment): no such setting, did you mean COSMOS_CITY?",
        "not above 0: stuck",
        "columns = '{' (environment):",
        "cannot be hidden: nope",
        "coordinate_decimals = 9 (flag):",
        "fast (flag): no such setting",
        "endpoint: missing; give --endpoint or set COSMOS_ENDPOINT",
        "city: missing; give --city or set COSMOS_CITY",
    ):
        assert expected in told
    assert told.count(";") >= 10


def test_a_variable_that_is_not_json_hides_no_other(env: Callable[..., None]) -> None:
    env(columns="{", city="denver")
    told = problems(required=("city",))
    assert "columns = '{' (environment)" in told
    assert "JSON" in told
    assert "city" not in told


@pytest.mark.parametrize(
    ("name", "suggested"),
    [("COSMOS_CITTY", "COSMOS_CITY"), ("cosmos_endpont", "COSMOS_ENDPOINT"), ("COSMOS_PAGEROWS", "COSMOS_PAGE_ROWS")],
)
def test_an_unknown_variable_names_the_closest(monkeypatch: pytest.MonkeyPatch, name: str, suggested: str) -> None:
    monkeypatch.setenv(name, SECRET)
    assert f"{name} (environment): no such setting, did you mean {suggested}?" in problems()


def test_an_unknown_name_that_is_like_none_has_no_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSMOS_XQZ", SECRET)
    file(f'zzz = "{SECRET}"\nCOSMOS_CITY = "denver"\n')
    told = problems()
    assert "COSMOS_XQZ (environment): no such setting;" in told + ";"
    assert f"zzz ({FILE}): no such setting" in told
    assert f"COSMOS_CITY ({FILE}): no such setting, did you mean city?" in told
    assert told.count("did you mean") == 1


def test_variables_of_others_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSMOSX", "1")
    monkeypatch.setenv("MY_COSMOS_CITY", "1")
    assert load({}).settings.city == ""


def test_secrets_are_not_shown(env: Callable[..., None]) -> None:
    env(key=SECRET, hash_key=SECRET)
    loaded = load({})
    assert loaded.settings.key.get_secret_value() == loaded.settings.hash_key.get_secret_value() == SECRET
    assert SECRET not in repr(loaded) + str(loaded.settings) + loaded.settings.model_dump_json()


@pytest.mark.parametrize("written", [f'["{SECRET}"]', f'{{ a = "{SECRET}" }}', f'{{ "{SECRET}" = 1 }}', "12345678"])
@pytest.mark.parametrize("name", ["key", "hash_key"])
def test_secrets_are_not_in_errors(name: str, written: str) -> None:
    file(f"{name} = {written}\npage_rows = 0\n")
    told = problems()
    assert f"{name} = ****** ({FILE})" in told
    assert "12345678" not in told


@pytest.mark.parametrize("name", ["key", "hash_key"])
def test_a_secret_that_is_no_text(env: Callable[..., None], name: str) -> None:
    env(**{name: f"{SECRET}\udcdf"})
    told = problems()
    assert f"{name} = ****** (environment)" in told
    assert "no UTF-8 text" in told
    assert SECRET not in told


def test_secrets_are_not_in_errors_of_other_settings(env: Callable[..., None]) -> None:
    env(key=SECRET, hash_key=SECRET, hash_fields='["model"]', drop_fields='["model"]')
    assert "both dropped and hashed: model" in problems()
    env(page_rows="0", columns="[")
    problems({"nope": SECRET}, required=("city",))


def test_a_hash_needs_a_key() -> None:
    assert "hash_fields needs hash_key" in problems({"hash_fields": ("model",)})
    assert load({"hash_fields": ("model",), "hash_key": "k"}).settings.hash_fields == ("model",)


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


def test_a_subscription_is_an_id() -> None:
    for written in ("abc", "0b1f6471-1bf0-4dda-aec3-cb9272f09590\n", "x0b1f6471-1bf0-4dda-aec3-cb9272f09590"):
        assert "not an id such as 00000000-0000-0000-0000-000000000000, as `az account show --query id`" in problems(
            {"subscription": written}
        )
    assert load({"subscription": ""}).settings.subscription == ""


def test_a_duration_of_another_type_is_left_alone() -> None:
    assert parse_duration_s(None) is None
    assert parse_duration_s([1]) == [1]


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


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90d", 7_776_000), ("12h", 43_200), ("30m", 1_800), (" 45s ", 45), ("45", 45), (45, 45), ("never", -1), (-1, -1)],
)
def test_when_documents_expire(written: object, seconds: int) -> None:
    assert load({"ttl": {"readings": written}}).settings.ttl == {"readings": seconds}


def test_a_wrong_container_path_or_ttl_is_named() -> None:
    told = problems({"indexed": {"raedings": ["/city"]}, "ttl": {"runs": 0}})
    assert "no such container: raedings; there are readings, aggregates, anomalies, runs" in told
    assert "neither from 1 to 2147483647 seconds nor never: runs" in told
    assert "not a path of properties such as /observedAt: city" in problems({"indexed": {"readings": ["city"]}})
    assert "has to be indexed: /lastObservedAt" in problems({"indexed": {"readings": ["/city", "/observedAt"]}})


def test_relative_folders_are_in_the_nodes_folder(env: Callable[..., None]) -> None:
    env(node_folder="denver-1", archive="/mnt/archive", state="kept")
    settings = load({}).settings
    assert (settings.data, settings.state) == (Path("denver-1/data"), Path("denver-1/kept"))
    assert settings.archive == Path("/mnt/archive")


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


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load({}).settings.city = "other"  # type: ignore[misc]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_can_come_from_the_environment(env: Callable[..., None], name: str) -> None:
    values: dict[str, str] = {
        "endpoint": "https://a.documents.azure.com",
        "every": "30s", "start_delay": "5s", "stage": "raw", "columns": '{"timestamp": "ts"}',
        "source_time_zone": "Europe/Berlin",
        "send": "changes", "dead_band": '{"voltageV": 0.1}', "swinging_door": '{"voltageV": 0.1}', "context_rows": "3",
        "bucket_rows": "60", "bucket_seconds": "1h", "hold": "1m", "resolution": '{"voltageV": 0.01}',
        "descriptions": "once",
        "page_rows": "10", "coordinate_decimals": "3", "drop_fields": '["model"]', "hash_fields": '["location"]',
        "ru_budget": "5000/h", "skip_replays": "true",
        "thresholds": '{"stuck": 7}', "limits": '{"voltageV": [1, 2]}',
        "indexed": '{"runs": ["/city"]}', "ttl": '{"runs": "30d"}',
        "subscription": "0b1f6471-1bf0-4dda-aec3-cb9272f09590", "scale_limit": "20000",
    }  # fmt: skip
    env(**{name: values.get(name, "text")})
    loaded = load({"hash_key": "k"} if name == "hash_fields" else {})
    assert loaded.origins[name] == "environment"
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    assert getattr(loaded.settings, name) != default
    assert json.dumps(dict(loaded.origins))


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "page_rows = " + "9" * 5_000], ids=["deep", "digits"])
def test_a_file_that_python_cannot_take_is_a_problem_among_others(text: str) -> None:
    file(text)
    told = problems(required=("city",))
    assert f"{FILE}: cannot be read as TOML" in told
    assert "city: missing" in told


def test_a_variable_that_is_nested_too_deep_hides_no_other(env: Callable[..., None]) -> None:
    env(limits="[" * 20_000, page_rows="many")
    told = problems()
    assert "limits = '[[[" in told
    assert "page_rows = 'many'" in told
    assert len(told) < 1_000


def test_what_is_wrong_together_is_told_beside_what_is_wrong_alone() -> None:
    told = problems({"hash_fields": ["model"], "drop_fields": ["model"], "hash_key": "x", "page_rows": 0})
    assert "page_rows = 0" in told
    assert "both dropped and hashed: model" in told


def test_an_error_about_a_name_that_is_no_utf8_can_be_printed() -> None:
    error = SettingsError("use", Path("a\udcff"), why="\udcfe", hint="\udcfd")
    assert (str(error), error.hint) == ("cannot use: a\\udcff: \\udcfe", "\\udcfd")
    caused = SettingsError("use", "it", hint="x")
    caused.__cause__ = OSError(2, "No such file", "b\udcff")
    f"{error}{error.hint}{caused}".encode()


@pytest.mark.parametrize(
    "values", [{"drop_fields": ["\ud800"]}, {"columns": {"\ud800": "x"}}, {"limits": {"\ud800": [0, 1]}}]
)
def test_half_a_character_is_a_problem_like_others(values: dict[str, Any]) -> None:
    assert "\\ud800" in problems(values)


@pytest.mark.parametrize("written", ['"5000"', "5000", "5000.0", '"5000/h"', '" 2.5 "'])
def test_a_budget_is_request_units_for_a_run_or_an_hour(written: str) -> None:
    file(f"ru_budget = {written}")
    assert load({}).settings.ru_budget == str(json.loads(written))


@pytest.mark.parametrize("written", ["0", "-1", '"5k"', '"5000/d"', "true", "inf", "nan", '"1e5"', f'"{"9" * 400}"'])
def test_a_budget_that_is_none_is_a_problem(written: str) -> None:
    file(f"ru_budget = {written}")
    assert "ru_budget = " in problems()
