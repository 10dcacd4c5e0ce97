import json
import os
import signal
import sqlite3
from contextlib import closing

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
    assert [each["rows"] for each in json.loads(result.stdout)["databases"]] == [5, 5]


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
    assert json.loads(result.stdout)["rows"] == 1
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
