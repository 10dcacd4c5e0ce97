"""`sensors init`: what it writes loads, is nobody else's to read, and never replaces what is there unasked."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from typer.testing import CliRunner

from sensors.errors import RequestError, SensorsError
from sensors.manager.settings import Wanted, load
from sensors.manager.settings.variables import template
from submitter.commands.sensors import app

ROOT = Path(__file__).parents[3]


def init(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["init", *arguments])
    if result.exception:
        raise result.exception
    assert result.stdout == ""
    return result.stderr


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_it_writes_is_ten_cities_of_five_sensors_without_a_notice(tmp_path: Path) -> None:
    assert init() == f"wrote sensors.yaml\nwrote {Path('.sensors', 'sensors.schema.json')}\nwrote .env\n"
    loaded = load(tmp_path, Wanted(), {})
    assert loaded.notices == ()
    assert [len(city.sensors) for city in loaded.fleet.cities] == [5] * 10
    ids = [each.sensor_id for each in loaded.fleet.sensors]
    assert (ids[0], ids[-1], len(set(ids))) == ("AMS_SENSOR001", "TOK_SENSOR005", 50)
    assert [city.sensors[0].utc_offset_h for city in loaded.fleet.cities] == [1, 1, 2, -6, 0, 5.5, 3, -5, 10, 9]
    assert loaded.cosmos == {
        "COSMOS_ENDPOINT": "",
        "COSMOS_KEY": "",
        "COSMOS_DATABASE": "SensorData",
        "COSMOS_CONTAINER": "readings",
    }


def test_editors_find_the_schema(tmp_path: Path) -> None:
    init("--output", str(tmp_path / "mine.yaml"))
    first, *rest = (tmp_path / "mine.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    schema = tmp_path / first.strip().removeprefix("# yaml-language-server: $schema=")
    assert schema.read_bytes() == (ROOT / "sensors" / "sensors.schema.json").read_bytes()
    assert "".join(rest) == (ROOT / "sensors" / "example.yaml").read_text(encoding="utf-8")


def test_a_file_that_is_there_is_kept_unless_it_may_go(tmp_path: Path) -> None:
    path = tmp_path / "sensors.yaml"
    path.write_text("mine" * 2000, encoding="utf-8")
    with pytest.raises(RequestError) as caught:
        init()
    assert str(caught.value) == "cannot write the configuration: sensors.yaml: it is there already"
    assert "--force" in caught.value.hint
    assert path.read_text(encoding="utf-8") == "mine" * 2000
    assert sorted(tmp_path.iterdir()) == [path]
    init("--force")
    assert len(load(tmp_path, Wanted(), {}).fleet.sensors) == 50


def test_secrets_that_are_there_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COSMOS_KEY=k\n", encoding="utf-8")
    assert ".env" not in init()
    init("--force")
    assert (tmp_path / ".env").read_text(encoding="utf-8") == "COSMOS_KEY=k\n"


def test_the_file_for_secrets_is_this_user_s_alone(tmp_path: Path) -> None:
    init()
    assert (tmp_path / ".env").read_text(encoding="utf-8") == template()
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_a_folder_that_is_not_there_is_told_of() -> None:
    with pytest.raises(SensorsError, match=r"cannot write the configuration: .*none.*: No such file or directory"):
        init("--output", str(Path("none", "sensors.yaml")))


def test_the_wheel_has_what_it_writes() -> None:
    packaged = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {"sensors/example.yaml", "sensors/sensors.schema.json"} <= packaged
