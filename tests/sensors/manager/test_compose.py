"""The Compose file: deterministic, locked down, without secrets, and what Compose itself reads from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sensors.images.names import PROJECT_LABEL
from sensors.manager import compose
from sensors.manager.compose import Images, Owner
from sensors.manager.fleet import Fleet
from sensors.manager.project import Places
from tests import left_out

ROOT = Path(__file__).parents[3]
AZURE = "https://account.documents.azure.com:443/"
EMULATOR = "http://127.0.0.1:8081"


def rendered(fleet: Fleet, places: Places, endpoint: str = AZURE) -> str:
    return compose.render(
        fleet,
        places,
        project="weather",
        images=Images("bacalhau-cosmos/sensors:v1", "bacalhau-cosmos/processors:v1"),
        owner=Owner(10001, 10001),
        endpoint=endpoint,
        source=places.root / "sensors.yaml",
    )


@pytest.mark.parametrize(("name", "endpoint"), [("compose-azure.yml", AZURE), ("compose-emulator.yml", EMULATOR)])
def test_golden(fleet: Fleet, places: Places, golden: Callable[[str, str], None], name: str, endpoint: str) -> None:
    golden(name, rendered(fleet, places, endpoint))


def services(fleet: Fleet, places: Places, endpoint: str = AZURE) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(rendered(fleet, places, endpoint))["services"]
    return found


def test_every_sensor_and_every_city_has_a_service(fleet: Fleet, places: Places) -> None:
    assert list(services(fleet, places)) == [
        "sensor-amsterdam-1",
        "sensor-amsterdam-2",
        "uploader-amsterdam",
        "sensor-stjohnshome1sao-1",
        "uploader-stjohnshome1sao",
    ]


def test_every_service_can_do_no_more_than_its_work(fleet: Fleet, places: Places) -> None:
    for name, service in services(fleet, places).items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"] == "10001:10001"
        assert service["restart"] == "unless-stopped"
        assert {"mem_limit", "cpus", "pids_limit", "healthcheck", "logging"} <= service.keys()
        assert service["labels"] == {PROJECT_LABEL: "weather"}
        assert "entrypoint" not in service
        assert service["image"].endswith(":v1")
        assert name.startswith("uploader-") == ("networks" in service)


def test_a_sensor_has_no_network_and_no_folder_but_its_own(fleet: Fleet, places: Places) -> None:
    sensor = services(fleet, places)["sensor-amsterdam-2"]
    assert sensor["network_mode"] == "none"
    assert sensor["volumes"] == [{"type": "bind", "source": "./data/amsterdam/2", "target": "/node/data"}]
    assert sensor["environment"]["SENSOR_ID"] == "AMS_SENSOR002"


def test_an_uploader_cannot_write_what_sensors_wrote(fleet: Fleet, places: Places) -> None:
    volumes = services(fleet, places)["uploader-amsterdam"]["volumes"]
    assert [volume["source"] for volume in volumes if not volume.get("read_only")] == ["./state", "./archive"]


def test_an_emulator_on_this_machine_is_reached_through_its_network(fleet: Fleet, places: Places) -> None:
    assert services(fleet, places, EMULATOR)["uploader-amsterdam"]["network_mode"] == "host"
    assert "network_mode" not in services(fleet, places, AZURE)["uploader-amsterdam"]


def test_variables_are_passed_by_name(fleet: Fleet, places: Places) -> None:
    environment = services(fleet, places)["uploader-amsterdam"]["environment"]
    assert {name for name, value in environment.items() if value is None} == set(compose.PASSED_ON)
    assert AZURE not in rendered(fleet, places)


@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("http://localhost:8081", True),
        ("https://127.0.0.2:8081", True),
        ("http://[::1]:8081", True),
        ("https://account.documents.azure.com", False),
        ("https://127.0.0.1.example.com", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_what_is_of_this_machine(endpoint: str, local: bool) -> None:
    assert compose.is_loopback(endpoint) is local


def compose_program() -> list[str]:
    """Of this machine, or the one that `make test` builds; reading a file takes no engine."""
    built = ROOT / ".tools" / "bin" / "docker-compose"
    if built.is_file():
        return [str(built)]
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], check=False).returncode == 0:
        return ["docker", "compose"]
    missing = "there is no Docker Compose: `make compose` builds it"
    if os.environ.get(left_out.REQUIRED):
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


@pytest.mark.parametrize("endpoint", [AZURE, EMULATOR])
def test_compose_reads_what_was_meant(fleet: Fleet, places: Places, endpoint: str) -> None:
    file = places.root / "docker-compose.yml"
    file.write_text(rendered(fleet, places, endpoint), encoding="utf-8")
    places.environment.write_text("COSMOS_KEY=c2VjcmV0\n", encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("COSMOS_")}
    done = subprocess.run(
        [*compose_program(), "--file", file, "config", "--format", "json"],
        env={**variables, "COSMOS_ENDPOINT": endpoint},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "Compose warns"
    read = json.loads(done.stdout)
    assert read["name"] == "weather"
    odd = read["services"]["sensor-stjohnshome1sao-1"]
    # Compose tells what it would write again: a `$` of the value is `$$`.
    assert odd["environment"]["SENSOR_CITY"].replace("$$", "$") == fleet.cities[1].name
    assert odd["volumes"][0]["source"].replace("$$", "$") == str(places.data / fleet.cities[1].folder / "1")
    environment = read["services"]["uploader-amsterdam"]["environment"]
    assert environment["COSMOS_ENDPOINT"] == endpoint
    assert environment["COSMOS_KEY"] == "c2VjcmV0"
    assert environment["COSMOS_EVERY"] == "30s"
