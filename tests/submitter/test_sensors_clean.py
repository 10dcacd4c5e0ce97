"""`sensors clean`, against a database of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processors.cosmos import Account
from sensors.errors import EngineError
from sensors.manager import state
from sensors.manager.project import places_of
from tests.harness.strict import Answer, Exchange, StrictCosmos
from tests.processors.test_erase import NAMES, document, put, stored

ROOT = Path(__file__).parents[2]
ON_UNIX = pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals of Unix")
COMMAND = [sys.executable, "-c", "from submitter.cli import main; main()", "sensors", "clean"]


@pytest.fixture
def project(home: Path) -> Path:
    """A project of two cities, with local data of both and of what was left of a third."""
    (home / "config").mkdir()
    (home / "config" / "cities.txt").write_text("Denver\nNew York\n", encoding="utf-8")
    for city in ("denver", "newyork", "oldtown"):
        folders = (
            f"data/{city}/1",
            f"state/{city}",
            f"archive/city={city}/sensor=1",
            f"archive/_manifests/city={city}",
            f"archive/_rejects/city={city}",
            f"archive/_aside/city={city}",
        )
        for folder in folders:
            (home / folder).mkdir(parents=True)
            (home / folder / "file").write_bytes(b"xyz")
        (home / "state" / f"{city}.heartbeat").touch()
    return home


@pytest.fixture
def filled(project: Path, connected: Account) -> Account:  # noqa: ARG001 - it makes the folder
    """Three documents of each container and city, of two sensors."""
    for city in ("denver", "newyork"):
        for name in NAMES:
            put(connected, name, [document(name, 1, city), document(name, 2, city), document(name, 2, city, "S2")])
    return connected


def told(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def cities(account: Account) -> dict[str, set[str]]:
    return {name: {each.split("-")[1] for each in ids} for name, ids in stored(account).items()}


def files(project: Path) -> set[str]:
    return {
        str(path.relative_to(project)) for path in project.rglob("*") if path.is_file() and ".sensors" not in path.parts
    }


def test_a_dry_run_counts_and_deletes_nothing(cli, filled, project):
    before = stored(filled), files(project)
    result = told(cli("sensors", "clean", "--dry-run", "--local"))
    assert result["dryRun"]
    assert [(row["container"], row["documents"], row["deleted"], row["left"]) for row in result["containers"]] == [
        (name, 6, 0, 6) for name in NAMES
    ]
    assert (result["local"]["files"], result["local"]["bytes"], result["local"]["deleted"]) == (21, 54, False)
    assert (stored(filled), files(project)) == before


def test_all_documents_go_and_local_data_stays(cli, filled, project):
    before = files(project)
    result = told(cli("sensors", "clean", "--yes"))
    assert [(row["documents"], row["deleted"], row["left"]) for row in result["containers"]] == [(6, 6, 0)] * 4
    assert (result["local"], result["city"], result["sensor"], result["before"]) == (None, None, None, None)
    assert not any(stored(filled).values())
    assert files(project) == before
    assert state.read(places_of(project)).doing is None


@pytest.mark.parametrize("name", ["newyork", "New York"])
def test_only_a_city_by_its_folder_or_its_name(cli, filled, name):
    result = told(cli("sensors", "clean", "--city", name, "--yes"))
    assert result["city"] == "newyork"
    assert cities(filled) == {each: {"denver"} for each in NAMES}


def test_only_a_sensor_and_only_before(cli, filled):
    result = told(cli("sensors", "clean", "--sensor", "S1", "--before", "2026-11-20T02:00:00Z", "--yes"))
    assert {row["container"]: row["deleted"] for row in result["containers"]} == {
        "readings": 2,
        "aggregates": 2,
        "anomalies": 2,
    }
    assert result["before"] == "2026-11-20T02:00:00+00:00"
    assert stored(filled)["readings"] == {
        f"readings-{city}-{which}" for city in ("denver", "newyork") for which in ("S1-2", "S2-2")
    }
    assert len(stored(filled)["runs"]) == 6


def test_a_table_is_shown(cli, filled):
    result = cli("sensors", "clean", "--city", "denver", "--yes", "--output", "table")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == ["readings", "3"]
    assert [line.split() for line in result.stdout.splitlines()[-4:]] == [[name, "3", "3", "0"] for name in NAMES]
    assert filled.endpoint in result.stderr


def test_request_units_are_shown(cli, filled, monkeypatch):
    with StrictCosmos(filled) as strict:
        monkeypatch.setenv("COSMOS_ENDPOINT", strict.endpoint)
        result = told(cli("sensors", "clean", "--yes"))
    assert all(row["requestUnits"] > row["deleted"] for row in result["containers"])


@pytest.mark.usefixtures("project", "connected")
def test_nothing_to_delete_is_said_without_a_question(cli):
    result = cli("sensors", "clean", "--output", "table")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (0, "there is nothing to delete")


def test_without_a_terminal_and_yes_it_is_refused(cli, filled):
    result = cli("sensors", "clean")
    assert result.exit_code == 2
    assert "no terminal" in result.stderr
    assert "--yes" in result.stderr
    assert all(len(ids) == 6 for ids in stored(filled).values())


@ON_UNIX
@pytest.mark.parametrize(("answer", "left"), [(b"n\n", 6), (b"\n", 6), (b"y\n", 0)])
def test_it_asks_on_the_terminal(filled, project, answer, left):
    import pty  # noqa: PLC0415 - Windows has none

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        COMMAND, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=project, env=environment(filled)
    ) as process:
        os.write(ours, answer)
        _, said = process.communicate()
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, said
    assert b"Delete 24 documents from" in said
    assert (b"nothing was deleted" in said) == (left > 0)
    assert {len(ids) for ids in stored(filled).values()} == {left}


def environment(account: Account) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "COSMOS_ENDPOINT": account.endpoint,
        "COSMOS_DATABASE": account.database,
    }


@ON_UNIX
def test_interrupted_it_says_how_far_it_came_and_the_same_command_goes_on(project, connected, cli):
    put(connected, "readings", (document("readings", number) for number in range(250)))
    with StrictCosmos(connected) as strict:
        command = [*COMMAND, "--yes"]
        started: list[subprocess.Popen[bytes]] = []

        def interrupt(exchange: Exchange) -> Answer | None:
            if exchange.batch_number < 1:
                return None
            if exchange.batch_number == 1:
                started[0].send_signal(signal.SIGINT)
            return Answer(delivery="silence")

        strict.plan = interrupt
        process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=project, env=environment(strict.account))
        started.append(process)
        with process:
            _, said = process.communicate()
    assert process.returncode == 130, said
    assert b"deleted 100 documents of 250; the same command goes on" in said
    assert len(stored(connected)["readings"]) == 150
    doing = state.read(places_of(project)).doing
    assert doing is not None
    assert doing.command == "clean"
    again = cli("sensors", "clean", "--yes")
    assert told(again)["containers"][0]["deleted"] == 150
    assert "did not end: delete 250 documents" in again.stderr
    assert state.read(places_of(project)).doing is None


@pytest.mark.parametrize(
    ("arguments", "why", "hint"),
    [
        (("--city", "dnver"), "did you mean denver", "there are denver, newyork, oldtown"),
        (("--city", "oldtwon"), "did you mean oldtown", "oldtown"),
        (("--sensor", "NEW_SENSOR01"), "did you mean NEW_SENSOR001", "DEN_SENSOR001"),
        (("--sensor", "S3"), "find the sensor: S3", "S1, S2"),
        (("--city", "dnver", "--local"), "did you mean denver", "denver"),
    ],
)
def test_an_unknown_name_is_answered_with_those_there_are(cli, filled, arguments, why, hint):
    result = cli("sensors", "clean", "--yes", *arguments)
    assert result.exit_code == 2
    assert why in result.stderr
    assert hint in " ".join(result.stderr.split()) or hint.startswith("S1")
    assert all(len(ids) == 6 for ids in stored(filled).values())


@pytest.mark.usefixtures("project", "connected")
def test_a_city_that_is_known_and_has_nothing_is_no_error(cli):
    assert not any(row["deleted"] for row in told(cli("sensors", "clean", "--city", "oldtown"))["containers"])


def test_local_data_of_all_goes(cli, filled, project):
    result = told(cli("sensors", "clean", "--yes", "--local"))
    assert result["local"]["deleted"]
    assert files(project) == {"config/cities.txt"}
    assert not any(stored(filled).values())


def test_local_data_of_a_city_goes_and_nothing_else(cli, filled, project):
    before = files(project)
    told(cli("sensors", "clean", "--yes", "--local", "--city", "New York"))
    assert before - files(project) == {name for name in before if "newyork" in name}
    assert len(before - files(project)) == 7
    assert cities(filled) == {each: {"denver"} for each in NAMES}


@pytest.mark.parametrize("narrowed", [("--sensor", "S1"), ("--before", "1d")])
def test_databases_are_not_cut(cli, filled, project, narrowed):
    before = files(project)
    result = cli("sensors", "clean", "--yes", "--local", *narrowed)
    assert result.exit_code == 2
    assert "databases and archives are not cut" in result.stderr
    assert files(project) == before
    assert all(len(ids) == 6 for ids in stored(filled).values())


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("city", ["../denver", "denver/1", ".."])
def test_a_city_is_no_path(cli, project, city):
    before = files(project)
    result = cli("sensors", "clean", "--yes", "--local", "--city", city)
    assert result.exit_code == 2
    assert files(project) == before


def test_a_link_out_of_the_project_is_refused_before_anything_goes(cli, filled, project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "precious").touch()
    (project / "data" / "bergen").symlink_to(elsewhere)
    result = cli("sensors", "clean", "--yes", "--local", "--city", "bergen")
    assert result.exit_code == 2
    assert "it leads to" in result.stderr
    assert (elsewhere / "precious").exists()
    assert all(len(ids) == 6 for ids in stored(filled).values())


def test_local_data_is_kept_where_it_cannot_be_seen_whether_containers_run(cli, filled, project, monkeypatch):
    state.remember(places_of(project), project="cosmos-sensors")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    before = files(project)
    result = cli("sensors", "clean", "--yes", "--local")
    assert result.exit_code == EngineError.exit_code
    assert files(project) == before
    assert all(len(ids) == 6 for ids in stored(filled).values())


def test_an_old_container_is_refused_with_the_reason(cli, filled, monkeypatch):
    monkeypatch.setenv("COSMOS_CONTAINER", "runs")
    result = cli("sensors", "clean", "--yes")
    assert result.exit_code == 1
    assert "partition key is /city, expected /city, /sensorId, /month" in result.stderr
    assert "a partition key cannot be changed. To move: (1)" in result.stderr
    assert len(stored(filled)["runs"]) == 6


@pytest.mark.usefixtures("project")
def test_without_an_endpoint_it_says_where_it_belongs(cli):
    result = cli("sensors", "clean", "--yes")
    assert result.exit_code == 2
    assert "COSMOS_ENDPOINT" in result.stderr
    assert ".env" in result.stderr


@pytest.mark.usefixtures("project")
def test_before_is_named_in_its_error(cli):
    result = cli("sensors", "clean", "--before", "yesterday")
    assert result.exit_code == 2
    assert "cannot read --before: yesterday" in result.stderr
