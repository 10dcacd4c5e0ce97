"""`sensors diagnostics` as it is called: what it shows, what it ends with, and the archive; with or without Docker."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from processors.containers import making
from processors.containers.definition import Definition
from processors.cosmos import Account
from sensors.manager import state
from sensors.manager.project import places_of
from tests.harness import databases as made
from tests.harness.databases import readings

ROOT = Path(__file__).parents[2]
ENDS_S = 180.0
Result = subprocess.CompletedProcess[str]

KEY = base64.b64encode(b"recognisable key of an account, of many bytes\xff").decode()

DOCKERS = {"Docker", "Images", "Containers"}
"""Groups that fail or are skipped on a machine without Docker."""


@pytest.fixture
def project(tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a project with one sensor that has written, and a Cosmos account that is reached."""
    for name in os.environ:
        if name.startswith("COSMOS_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sensors.yaml").write_text("schema_version: 1\ncities: [{name: Amsterdam, sensors: 1}]\n")
    write_env(tmp_path, account)
    made.create(tmp_path / "data" / "amsterdam" / "1" / "sensor_data.db", readings(5))
    return tmp_path


def write_env(root: Path, account: Account) -> None:
    (root / ".env").write_text(
        f"COSMOS_ENDPOINT={account.endpoint}\nCOSMOS_KEY={KEY}\nCOSMOS_DATABASE={account.database}\n"
        f"COSMOS_CONTAINER={account.container}\n"
    )
    (root / ".env").chmod(0o600)


def run(*arguments: str, **environment: str) -> Result:
    """As a process of its own: Docker's library leaves a socket open where nobody listens, which pytest would call."""
    call = "from submitter.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", call, "sensors", "diagnostics", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=ENDS_S,
        check=False,
    )


def told(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def failures(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Groups and names, but for Docker's and for owners, which root's tests do not set."""
    rows = [row for row in document["checks"] if row["group"] not in DOCKERS and row["outcome"] == "failed"]
    return {(row["group"], row["name"]) for row in rows if "containers run as" not in row["found"]}


def test_all_that_needs_no_docker_is_well(project: Path) -> None:
    result = run("--output", "json")
    document = told(result)
    assert failures(document) == set()
    assert result.returncode == (0 if document["ok"] else 1)
    groups = list(dict.fromkeys(row["group"] for row in document["checks"]))
    assert groups == [
        "Docker",
        "Disk",
        "Settings",
        "Project",
        "Images",
        "Endpoint and clocks",
        "Cosmos DB",
        "Containers",
        "Databases",
    ]
    assert [row["name"] for row in document["checks"] if row["group"] == "Cosmos DB"][:4] == [
        "endpoint",
        "key",
        "database",
        "containers",
    ]
    assert KEY not in result.stdout + result.stderr
    assert not (project / ".sensors").exists()


@pytest.mark.skipif(os.name != "posix", reason="the address is a socket's")
@pytest.mark.usefixtures("project")
def test_without_docker_all_else_is_checked(tmp_path: Path) -> None:
    result = run("--output", "json", "--bundle", "x.zip", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert result.returncode == 1
    document = told(result)
    assert failures(document) == set()
    by_group = {group: {r["outcome"] for r in document["checks"] if r["group"] == group} for group in DOCKERS}
    assert "failed" in by_group.pop("Docker")
    assert set(map(tuple, by_group.values())) == {("skipped",)}
    assert [row["outcome"] for row in document["checks"] if row["name"] == "write"] == ["ok"]
    assert (tmp_path / "x.zip").is_file()


def test_as_text_it_ends_in_the_next_steps(project: Path) -> None:
    assert project.is_dir()
    result = run("--output", "table")
    assert result.stdout.startswith("Docker\n")
    assert "\nNext steps\n  1. " in result.stdout
    assert json.loads(run().stdout)["schemaVersion"] == 1


def test_an_old_container_is_refused_with_the_reason(project: Path, account: Account) -> None:
    old = Account(account.endpoint, "", account.database, "old")
    making.create(old, [Definition("old", ("/id",), ())])
    write_env(project, old)
    result = run("--output", "json")
    assert result.returncode == 1
    document = told(result)
    assert failures(document) == {("Cosmos DB", "partition keys")}
    (row,) = [row for row in document["checks"] if row["name"] == "partition keys"]
    assert "/id" in row["found"]
    assert row["remedy"] in document["nextSteps"]


def test_a_configuration_that_does_not_hold_leaves_the_rest(project: Path) -> None:
    (project / "sensors.yaml").write_text("schema_version: 1\ncities: 5\n")
    result = run("--output", "json")
    assert result.returncode == 1
    document = told(result)
    assert failures(document) == {("Settings", "configuration")}
    assert [row["outcome"] for row in document["checks"] if row["name"] == "write"] == ["ok"]


def test_an_unreadable_memory_leaves_the_rest(project: Path) -> None:
    (project / ".sensors").mkdir()
    (project / ".sensors" / "state.json").write_text("{")
    assert failures(told(run("--output", "json"))) == {("Project", "memory")}


def test_nothing_at_all_says_where_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("COSMOS_"):
            monkeypatch.delenv(name)
    result = run("--output", "json")
    assert result.returncode == 1
    assert failures(told(result)) == {("Settings", "configuration"), ("Settings", "COSMOS_ENDPOINT")}
    assert list(tmp_path.iterdir()) == []


def test_the_archive_has_what_was_shown_and_no_key(project: Path) -> None:
    state.remember(places_of(project), project="weather")
    result = run("--output", "json", "--bundle", "report.tar.gz")
    assert result.returncode == (0 if told(result)["ok"] else 1)
    assert "wrote report.tar.gz" in result.stderr
    with tarfile.open(project / "report.tar.gz") as tar:
        content = {
            entry.name.removeprefix("bacalhau-cosmos-diagnostics/"): tar.extractfile(entry).read()  # type: ignore[union-attr]
            for entry in tar
        }
    assert json.loads(content["diagnostics.json"]) == told(result)
    versions = json.loads(content["versions.json"])
    assert set(versions) == {"bacalhau-cosmos", "python", "system", "docker", "compose"}
    assert b"COSMOS_KEY=******" in content["env.txt"]
    assert b"data/amsterdam/1/sensor_data.db" in content["files.txt"]
    assert "sensors.yaml" in content
    assert KEY.encode() not in b"".join(content.values())


def test_an_archive_that_is_there_is_refused_before_anything_is_looked_at(project: Path) -> None:
    (project / "report.zip").touch()
    result = run("--bundle", "report.zip")
    assert result.returncode == 2
    assert "report.zip: it is there" in result.stderr
    assert result.stdout == ""
