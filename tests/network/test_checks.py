import json
import os

import pytest

from network import checks
from network.errors import MissingError


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH with nothing in it, and what puts a shell script there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder / name

    return put


def told(version):
    document = {"clientVersion": {"GitVersion": version}}
    return f"echo 'Initializing repo at x'; echo '{json.dumps(document)}'"


def test_only_root_can_hand_over_data_folders(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingError, match="user 1000") as refusal:
        checks.require_machine()
    assert "sudo" in refusal.value.hint


@pytest.mark.usefixtures("path")
def test_no_docker_names_the_packages():
    with pytest.raises(MissingError, match="no such command") as refusal:
        checks.require_docker()
    assert "make engine" in refusal.value.hint
    assert "docker.io" in refusal.value.hint


@pytest.mark.parametrize(
    ("says", "tries"),
    [
        ("Cannot connect to the Docker daemon. Is the docker daemon running?", "systemctl start docker"),
        ("permission denied while trying to connect to the socket", "usermod -aG docker"),
        ("", "make engine"),
    ],
)
def test_an_engine_that_refuses_is_quoted(path, says, tries):
    path("docker", f"echo '{says}' >&2; exit 1")
    with pytest.raises(MissingError, match=says or "no reason") as refusal:
        checks.require_docker()
    assert tries in refusal.value.hint


def test_an_engine_that_answers_is_enough(path):
    path("docker", "echo 20.10")
    checks.require_docker()


def test_a_bacalhau_on_the_path_is_taken_when_its_version_fits(path, monkeypatch, tmp_path):
    built = tmp_path / "built"
    built.mkdir()
    monkeypatch.setattr(checks, "_BUILT", built)
    with pytest.raises(MissingError, match="none on PATH") as refusal:
        checks.bacalhau()
    assert "make network" in refusal.value.hint
    found = path("bacalhau", told("v1.9.7"))
    assert checks.bacalhau() == found
    path("bacalhau", told("v1.8.0"))
    with pytest.raises(MissingError, match=r"is 1\.8\.0, version 1\.9 is needed"):
        checks.bacalhau()
    path("bacalhau", "exit 3")
    with pytest.raises(MissingError, match="tells its version"):
        checks.bacalhau()
    (built / "bacalhau").write_text(f"#!/bin/sh\n{told('v1.9.3')}\n")
    (built / "bacalhau").chmod(0o755)
    assert checks.bacalhau() == built / "bacalhau"
