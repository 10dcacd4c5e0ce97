"""Every command, flag and variable of the shell script and its Python port, through the script's own name.

What takes an engine is in tests/integration/test_sensors_project.py; here is what does without.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from processors.cosmos import Account
from submitter.cli import app
from tests.harness import oracle
from tests.harness.databases import create, readings
from tests.harness.manager import COMMAND, Manager

COMPOSE = [
    "--config", "--sensors-per-city", "--readings-per-second", "--anomaly-probability", "--upload-interval",
    "--archive-format", "--sensor-config", "--compose-config", "--uploader-tag", "--output",
]  # fmt: skip
OLD = {
    "compose": COMPOSE,
    "start": [*COMPOSE, "--no-rebuild", "--project-name", "--no-diagnostics", "--max-cities", "--tag", "--no-tag"],
    "stop": ["--no-prompt"],
    "reset": ["--no-diagnostics", "--sensor-config"],
    "clean": ["--dry-run", "--yes", "--config"],
    "build": ["--tag", "--no-tag"],
    "logs": ["--no-follow"],
    "query": ["--all", "--list", "--sensor-id"],
    "diagnostics": [],
    "monitor": ["--plain"],
    "cleanup": [],
    "version": [],
    "help": [],
}
"""Command -> its flags."""


@pytest.fixture
def old(tmp_path: Path) -> Manager:
    """A folder as the script left it, with data in it."""
    manager = Manager(tmp_path)
    manager.configure("https://account.documents.azure.com", "SensorData", ["Amsterdam", "New York", "Berlin"])
    for folder, sensor in (("amsterdam", "1"), ("newyork", "1"), ("newyork", "2")):
        path = tmp_path / "data" / folder / sensor / "sensor_data.db"
        path.parent.mkdir(parents=True)
        create(path, readings(30, sensor_id=f"{folder[:3].upper()}_SENSOR00{sensor}"))
    return manager


@pytest.mark.parametrize("name", OLD)
def test_every_old_flag_is_an_option(name: str) -> None:
    command: Any = typer.main.get_command(app)
    options = {option for each in command.commands["sensors"].commands[name].params for option in each.opts}
    assert set(OLD[name]) <= options


def test_compose_with_every_flag(old: Manager) -> None:
    (old.folder / "config" / "cities.txt").rename(old.folder / "towns.txt")
    (old.folder / "config" / "mine.yaml").write_text("cosmos: {database_name: Mine}\n", encoding="utf-8")
    simulator = old.folder / "sensor.yaml"
    simulator.write_text("simulation: {readings_per_second: 9}\nanomalies: {probability: 0.9}\n", encoding="utf-8")
    flags = {
        "--output": "made.yml", "--config": "towns.txt", "--sensors-per-city": "2", "--readings-per-second": "3",
        "--anomaly-probability": "0.2", "--upload-interval": "45", "--archive-format": "Parquet",
        "--sensor-config": "sensor.yaml", "--compose-config": "mine.yaml", "--uploader-tag": "v20230511",
    }  # fmt: skip
    done = old.run("compose", *(word for pair in flags.items() for word in pair))
    assert done.stdout.strip() == str(old.folder / "made.yml")
    services = yaml.safe_load((old.folder / "made.yml").read_text(encoding="utf-8"))["services"]
    assert [name for name in services if name.startswith("sensor-")] == [
        f"sensor-{folder}-{number}" for folder in ("amsterdam", "newyork", "berlin") for number in (1, 2)
    ]
    sensor, uploader = services["sensor-newyork-2"], services["uploader-newyork"]
    assert sensor["image"] == "bacalhau-cosmos/sensors:v20230511"
    told = sensor["environment"]
    assert (told["SENSOR_ID"], told["SENSOR_CITY"]) == ("NEW_SENSOR002", "New York")
    assert (told["READINGS_PER_SECOND"], told["ANOMALY_PROBABILITY"]) == ("3", "0.2")
    assert uploader["environment"]["COSMOS_EVERY"] == "45s"


def test_compose_with_every_variable(old: Manager) -> None:
    old.variables |= {
        "SENSORS_PER_CITY": "1", "MAX_CITIES": "2", "READINGS_PER_SECOND": "0.5", "ANOMALY_PROBABILITY": "0.1",
        "UPLOAD_INTERVAL": "60", "ARCHIVE_FORMAT": "parquet", "DOCKER_REGISTRY": "ghcr.io", "DOCKER_ORG": "acme",
    }  # fmt: skip
    old.run("compose", "--uploader-tag", "v1")
    services = yaml.safe_load((old.folder / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert list(services) == ["sensor-amsterdam-1", "uploader-amsterdam", "sensor-newyork-1", "uploader-newyork"]
    assert services["sensor-amsterdam-1"]["image"] == "ghcr.io/acme/bacalhau-cosmos/sensors:v1"
    assert services["sensor-amsterdam-1"]["environment"]["READINGS_PER_SECOND"] == "0.5"
    assert services["uploader-newyork"]["environment"]["COSMOS_EVERY"] == "60s"


def test_the_old_defaults(old: Manager) -> None:
    cities = [f"City {letter}" for letter in "ABCDEFG"]
    (old.folder / "config" / "cities.txt").write_text("\n".join(cities), encoding="utf-8")
    done = old.run("compose", "--uploader-tag", "v1")
    services = yaml.safe_load((old.folder / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert len(services) == 5 * (5 + 1), done.stderr
    told = services["sensor-citya-5"]["environment"]
    assert (told["READINGS_PER_SECOND"], told["ANOMALY_PROBABILITY"]) == ("1", "0.05")
    assert services["uploader-citya"]["environment"]["COSMOS_EVERY"] == "30s"
    assert "5 of 7 cities" in done.stderr


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--all"], {("amsterdam", "1"), ("newyork", "1"), ("newyork", "2")}),
        (["New York"], {("newyork", "1"), ("newyork", "2")}),
        (["newyork", "2"], {("newyork", "2")}),
        (["--sensor-id", "AMS_SENSOR001"], {("amsterdam", "1")}),
    ],
)
def test_query_reads_the_databases(old: Manager, words: list[str], found: set[tuple[str, str]]) -> None:
    old.variables["COSMOS_ENDPOINT"] = "http://127.0.0.1:9"
    shown = old.json("query", *words, "--output", "json")["databases"]
    assert {(each["folder"], each["sensor"]) for each in shown} == found
    assert {each["rows"] for each in shown} == {30}


def test_query_lists_the_sensors_and_without_words_says_how(old: Manager) -> None:
    listed = old.json("query", "--list", "--output", "json")
    assert [each["sensorId"] for each in listed] == ["AMS_SENSOR001", "NEW_SENSOR001", "NEW_SENSOR002"]
    done = old.run("query", check=False)
    assert "New York" in done.stdout + done.stderr


def test_query_of_an_unknown_city_names_the_nearest(old: Manager) -> None:
    done = old.run("query", "Amsterdm", check=False)
    assert done.returncode == 2
    assert "did you mean amsterdam" in done.stderr


def test_clean_deletes_documents_and_no_local_data(old: Manager, account: Account) -> None:
    old.variables |= {"COSMOS_ENDPOINT": account.endpoint, "COSMOS_DATABASE": account.database}
    ran = old.outside([COMMAND, "run", "--city", "newyork", "--output", "json"])
    assert json.loads(ran)["documents"]["readings"] == 60
    assert old.json("clean", "--dry-run", "--output", "json")["containers"][0]["documents"] == 60
    assert len(oracle.documents(account, "readings")) == 60
    refused = old.run("clean", check=False, stdin="")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    old.run("clean", "--yes", "--config", "config/cities.txt")
    assert not oracle.documents(account, "readings")
    with closing(sqlite3.connect(old.folder / "data/newyork/1/sensor_data.db")) as connection:
        assert connection.execute("SELECT count(*) FROM sensor_readings").fetchone() == (30,)


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_monitor_is_plain_where_no_terminal_is(old: Manager, variables: dict[str, str]) -> None:
    """As under `watch`: no colours, no cursor, and it ends."""
    old.variables |= variables
    done = old.run("monitor", "--plain", "--output", "table")
    assert "\x1b" not in done.stdout
    assert "NEW_SENSOR002" in done.stdout
    assert "uploader-newyork" in done.stdout


def test_version_and_help(old: Manager) -> None:
    assert old.run("version").stdout.startswith("bacalhau-cosmos sensors ")
    whole = old.run("help").stdout
    assert all(name in whole for name in OLD)
    assert "--no-rebuild" in old.run("help", "start").stdout
    assert old.run().stdout == whole


def test_the_wrapper_says_what_replaces_it_and_passes_exit_codes_on(old: Manager) -> None:
    done = old.run("version")
    assert "replaced by `bacalhau-cosmos sensors version`" in done.stderr
    assert old.run("strat", check=False).returncode == 2
