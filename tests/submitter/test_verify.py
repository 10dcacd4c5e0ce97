import json
import re
import sqlite3
from contextlib import closing

import pytest


def report_of(result):
    (line,) = result.stdout.splitlines()
    return json.loads(line)


@pytest.mark.usefixtures("connected")
def test_says_that_all_is_there_and_then_what_is_not(cli, write, home):
    source = write("denver", "S1", *[{}] * 5, {"timestamp": "noon"})
    assert cli("run", "--city", "denver").exit_code == 0
    result = cli("verify", "--city", "denver")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    report = report_of(result)
    counts = {name: report[name] for name in ("rows", "documents", "rejects", "missing", "extra", "differing")}
    assert counts == {"rows": 6, "documents": 5, "rejects": 1, "missing": 0, "extra": 0, "differing": 0}
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE sensor_readings SET temperature = 1 WHERE id = 2")
    result = cli("verify", "--city", "denver", "--ids", "ids.jsonl")
    assert result.exit_code == 1
    assert result.stderr == ""
    (line,) = (home / "ids.jsonl").read_text().splitlines()
    assert report_of(result)["differingIds"] == [json.loads(line)["id"]]


@pytest.mark.usefixtures("connected")
def test_a_table_names_the_first_findings(cli, write, home):
    source = write("denver", "S1", *[{}] * 5)
    assert cli("run", "--city", "denver", "--archive", "rows").exit_code == 0
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE sensor_readings SET location = 'elsewhere' WHERE id = 2")
    result = cli("verify", "--city", "denver", "--archive", "rows", "--output", "table")
    assert result.exit_code == 1
    lines = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in result.stdout.splitlines())
    assert (lines["outcome"], lines["documents"], lines["missing"], lines["differing"]) == ("failed", "5", "0", "1")
    assert [why for name, why in lines.items() if name.endswith("-2")] == [
        "the row has changed in the table since it was taken in: location"
    ]
    assert not (home / "archive").exists()


@pytest.mark.usefixtures("connected")
def test_settings_reach_it_and_failures_are_told(cli, write):
    write("denver", "S1", {})
    write("denver", "S2", {}).write_bytes(b"this is no database, whatever its name says" * 100)
    assert cli("run", "--city", "denver").exit_code == 5
    result = cli("verify", "--city", "denver", "--set", "page_rows=1", "--output", "table")
    assert result.exit_code == 5
    assert "failed S2" in result.stdout
    assert result.stderr.startswith("Error: ")
    assert "\nTry: " in result.stderr


def test_without_an_endpoint_or_a_city_both_are_asked_for(cli):
    result = cli("verify")
    assert result.exit_code == 2
    assert "--endpoint" in result.stderr
    assert "--city" in result.stderr


def test_a_refused_endpoint_is_exit_code_3(cli, write):
    write("denver", "S1", {})
    result = cli("verify", "--city", "denver", "--endpoint", "http://127.0.0.1:1")
    assert result.exit_code == 3
    assert report_of(result)["exitCode"] == 3
    assert "COSMOS_ENDPOINT" in result.stderr
