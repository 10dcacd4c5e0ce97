"""Flag, environment, file, default: where each setting is from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.settings import FILE, Settings, load
from tests.processors.settings.conftest import file, problems


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


def test_lists_and_tables_in_the_file_and_in_the_environment(env: Callable[..., None]) -> None:
    file('drop_fields = ["model"]\n[columns]\ntimestamp = "ts"\n')
    env(limits='{"temperatureC": [-10, 40.5]}', drop_fields='["location", "latitude"]')
    settings = load({}).settings
    assert settings.columns == {"timestamp": "ts"}
    assert settings.limits == {"temperatureC": (-10.0, 40.5)}
    assert settings.drop_fields == ("location", "latitude")


def test_variables_of_others_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSMOSX", "1")
    monkeypatch.setenv("MY_COSMOS_CITY", "1")
    assert load({}).settings.city == ""


def test_relative_folders_are_in_the_nodes_folder(env: Callable[..., None]) -> None:
    env(node_folder="denver-1", archive="/mnt/archive", state="kept")
    settings = load({}).settings
    assert (settings.data, settings.state) == (Path("denver-1/data"), Path("denver-1/kept"))
    assert settings.archive == Path("/mnt/archive")


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
