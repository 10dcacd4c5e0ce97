import json
import os
import signal
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from sensors import simulator
from sensors.errors import RequestError
from submitter.commands.sensors import app

DAY = ["--start", "2026-11-20T00:00:00Z", "--period", "1m", "--seed", "7"]


@pytest.fixture
def simulate(tmp_path):
    def run(*arguments, city=("denver",)):
        cities = [part for name in city for part in ("--city", name)]
        return CliRunner().invoke(app, ["simulate", *cities, "--data", str(tmp_path), *arguments])

    return run


def count_of(path, where="1"):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT count(*) FROM sensor_readings WHERE {where}").fetchone()[0]


def test_fills_a_period_for_every_sensor_of_every_city(simulate, tmp_path):
    result = simulate(*DAY, "--sensors", "2", "--days", "0.5", city=("denver", "São Paulo"))
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert result.stderr == ""
    folders = sorted(path.parent.parent.name for path in tmp_path.glob("*/*/sensor_data.db"))
    assert folders == ["São Paulo", "São Paulo", "denver", "denver"]
    assert [each["rows"] for each in report["databases"]] == [count_of(each["path"]) for each in report["databases"]]
    assert report["rows"] == sum(each["rows"] for each in report["databases"])
    assert report["rows"] + sum(each["missing"] for each in report["databases"]) == 4 * 720
    assert report["databases"][0]["firstAt"] == "2026-11-20T00:00:00.000Z"
    assert report["schemaVersion"] == 1


def test_a_table_has_one_line_a_database(simulate):
    result = simulate(*DAY, "--sensors", "3", "--output", "table", "--fault", "gap=1", "--fault", "null=2")
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert "SENSOR_CO_DEN_0003" in lines[2]
    assert "2 null  1 gap" in lines[2]


def test_options_reach_the_rows(simulate):
    broken = ["--fault", "text=3", "--fault", "text=1"]
    result = simulate(*DAY, "--sensors", "1", *broken, "--anomaly-probability", "0")
    (written,) = json.loads(result.stdout)["databases"]
    assert written["faults"] == {"text": 4}
    assert written["anomalies"] == {}
    assert count_of(written["path"], "temperature = 'n/a'") == 4


def test_another_seed_writes_other_rows(simulate):
    def temperatures(path):
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT temperature FROM sensor_readings").fetchall()

    one = json.loads(simulate(*DAY, "--sensors", "1").stdout)["databases"][0]["path"]
    before = temperatures(one)
    simulate(*DAY, "--sensors", "1", "--recreate")
    assert temperatures(one) == before
    simulate(*DAY, "--sensors", "1", "--recreate", "--seed", "8")
    assert temperatures(one) != before


def test_a_second_run_over_the_same_period_is_refused_unless_it_recreates(simulate):
    assert simulate(*DAY).exit_code == 0
    refused = simulate(*DAY)
    assert isinstance(refused.exception, RequestError)
    assert refused.exception.exit_code == 2
    assert refused.stdout == ""
    assert simulate(*DAY, "--recreate").exit_code == 0


def test_live_writes_a_count(simulate):
    pace = ["--rate", "1000", "--count", "5"]
    result = simulate("--live", *pace, "--sensors", "2", "--anomaly-probability", "0")
    started, ended = map(json.loads, result.stdout.splitlines())
    assert [each["rows"] for each in ended["databases"]] == [5, 5]
    assert started.pop("seconds") >= 0
    assert started.pop("node")
    assert started == {
        "schemaVersion": 1,
        "kind": "simulate",
        "city": "denver",
        "outcome": "complete",
        "exitCode": 0,
        "sensors": 2,
        "rows": 2,
        "errors": [],
        "truncated": False,
    }
    assert "kind" not in ended


def test_a_live_run_says_that_it_works_only_when_every_sensor_has_a_row(simulate, monkeypatch):
    # The second sensor's first reading has no row.
    original = simulator._readings

    def readings(sensor, *arguments, **options):
        made = original(sensor, *arguments, **options)
        if sensor.sensor_id.endswith("2"):
            piece = made.piece
            made = SimpleNamespace(
                period_ms=made.period_ms,
                piece=lambda first, stop: piece(first, stop) if first else piece(0, 0),
            )
        return made

    monkeypatch.setattr(simulator, "_readings", readings)
    pace = ["--rate", "1000", "--count", "3"]
    started, ended = simulate("--live", *pace, "--sensors", "2", "--anomaly-probability", "0").stdout.splitlines()
    assert json.loads(started)["rows"] == 3
    assert json.loads(ended)["rows"] == 5


def test_a_live_run_names_many_cities_within_the_bounds_of_a_report(simulate):
    cities = [f"{name} {'long ' * 30}".strip() for name in "abcdefghijklmnop"]
    line = simulate("--live", "--count", "1", "--sensors", "1", "--anomaly-probability", "0", city=cities).stdout
    started = line.splitlines()[0]
    assert json.loads(started)["truncated"]
    assert len(started.encode()) < 2_048


def test_a_live_table_has_no_report(simulate):
    pace = ["--rate", "1000", "--count", "1", "--output", "table"]
    assert len(simulate("--live", *pace, "--sensors", "2").stdout.splitlines()) == 2


@pytest.mark.parametrize("given", ["option", "environment"])
def test_the_folder_of_a_node_holds_a_relative_data_folder(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    if given == "environment":
        monkeypatch.setenv("COSMOS_NODE_FOLDER", "denver-1")
    option = ["--node-folder", "denver-1"] if given == "option" else []
    live = ["--live", "--count", "1", "--sensors", "1", "--anomaly-probability", "0"]
    result = CliRunner().invoke(app, ["simulate", "--city", "denver", *live, *option])
    assert count_of(tmp_path / "denver-1/data/denver/SENSOR_CO_DEN_0001_denver-1/sensor_data.db") == 1
    assert json.loads(result.stdout.splitlines()[0])["node"].endswith("/denver-1")


@pytest.mark.parametrize("folder", ["/srv/denver-1", "../denver-1", "a/../../b"])
@pytest.mark.parametrize("command", [["simulate", "--city", "denver"], ["health"]], ids=["simulate", "health"])
def test_a_node_folder_outside_the_working_folder_is_refused(tmp_path, monkeypatch, command, folder):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*command, "--node-folder", folder])
    assert "not below the working folder" in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_an_absolute_data_folder_is_taken_as_it_is(simulate, tmp_path):
    simulate(*DAY, "--days", "0.1", "--node-folder", "elsewhere")
    assert len(list(tmp_path.glob("denver/*/sensor_data.db"))) == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_live_run_with_its_report(simulate, monkeypatch, number):
    handler = signal.getsignal(number)
    original = simulator.live

    def live(*arguments, sleep, **options):
        def sleep_and_signal(_seconds):
            os.kill(os.getpid(), number)
            sleep(0)

        return original(*arguments, sleep=sleep_and_signal, **options)

    monkeypatch.setattr(simulator, "live", live)
    result = simulate("--live", "--sensors", "1", "--anomaly-probability", "0")
    assert result.exit_code == 0
    assert json.loads(result.stdout.splitlines()[-1])["rows"] == 1
    assert signal.getsignal(number) is handler


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--period", "5"], "5"),
        (["--period", "5parsecs"], "5parsecs"),
        (["--period", "0s"], "period of 0"),
        (["--days", "-1"], "ends before"),
        (["--days", "nan"], "NaN"),
        (["--days", "1e12"], "--days 1e+12"),
        (["--start", "yesterday"], "yesterday"),
        (["--fault", "null"], "'null'"),
        (["--fault", "null=-1"], "null=-1"),
        (["--fault", "fire=1"], "fire=1"),
        (["--anomaly-probability", "2"], "probability 2"),
        (["--rate", "2"], "--rate"),
        (["--count", "2"], "--count"),
        (["--live", "--days", "2"], "--days"),
        (["--live", "--rate", "0"], "0.0 readings"),
        (["--live", "--fault", "null=1"], "known number"),
    ],
)
def test_bad_values_are_refused_with_a_hint_and_write_nothing(simulate, tmp_path, arguments, named):
    result = simulate(*arguments)
    assert isinstance(result.exception, RequestError), result.output
    assert named in str(result.exception)
    assert result.exception.hint
    assert result.exception.exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["--sensors", "0"], ["--count", "0"], ["--output", "xml"]])
def test_values_the_parser_knows_are_refused_by_it(simulate, arguments):
    assert simulate(*arguments).exit_code == 2


def test_help_shows_an_example_and_every_fault(simulate):
    text = " ".join(simulate("--help").stdout.replace("│", " ").split())
    assert "Example: bacalhau-cosmos sensors simulate" in text
    for kind in simulator.Faults().counts():
        assert kind in text
