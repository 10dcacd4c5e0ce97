"""A network as users start it: its own ports and folder, so that it can run beside another one."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path

import pytest
from typer.testing import CliRunner

from network import api, containers, nodes, ports, processes, record
from network.layout import layout_of
from submitter.cli import app

pytestmark = pytest.mark.network

COMMAND = Path(sys.executable).with_name("bacalhau-cosmos")
WAIT_S = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network of two cities that is up; tests leave it as it was."""
    folder = tmp_path_factory.mktemp("network") / "state"
    result = CliRunner().invoke(
        app, ["network", "up", "--city", "Uptown", "--city", "East End", "--folder", str(folder)]
    )
    try:
        assert result.exit_code == 0, result.stderr
        yield folder
    finally:
        CliRunner().invoke(app, ["network", "down", "--folder", str(folder)])
    assert processes.of_folder(folder) == []


@pytest.fixture
def starting(layout):
    """A `network up` of its own, which is at work."""
    command = [COMMAND, "network", "up", "--city", "uptown", "--folder", layout.folder]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
            CliRunner().invoke(app, ["network", "down", "--folder", str(layout.folder)])


def ports_told(layout) -> list[int]:
    """Ports that the configurations name, before `down` removes them."""
    files = [layout.folder / "orchestrator" / "config.yaml", *layout.nodes.glob("*/config.yaml")]
    return [json.loads(file.read_text())["API"]["Port"] for file in files if file.exists()]


def test_all_of_it_answers_and_every_node_is_connected(folder, cli):
    known = record.running(folder)
    assert [(node.name, node.city) for node in known.nodes] == [("uptown-1", "uptown"), ("east-end-1", "east-end")]
    assert set(api.nodes(known.host, known.api_port)) == {"uptown-1", "east-end-1"}
    result = cli("status", "--folder", folder)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["ok"] is True
    assert [each["engines"] for each in told["programs"]] == ["", "", "", "docker wasm", "docker wasm"]
    assert {path.stat().st_uid for path in known.nodes[0].folder.rglob("*")} == {10001}
    assert (
        CliRunner().invoke(app, ["query", "--count", "--endpoint", known.cosmos_endpoint]).stdout
        == '{\n  "count": 0\n}\n'
    )


def test_a_second_up_changes_nothing(folder, cli):
    before = record.running(folder)
    result = cli("up", "--city", "east end", "--city", "uptown", "--folder", folder)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["wasUp"] is True
    result = cli("up", "--city", "uptown", "--folder", folder)
    assert result.exit_code == 2
    assert "with the nodes uptown-1, east-end-1" in result.stderr
    assert "network down" in result.stderr
    assert record.running(folder) == before


def test_a_killed_node_is_told_and_comes_back(folder, cli):
    known = record.running(folder)
    killed = known.program("uptown-1")
    os.kill(killed.pid, signal.SIGKILL)
    assert processes.until(lambda: not killed.alive, WAIT_S)
    result = cli("status", "--folder", folder)
    assert result.exit_code == 1
    told = {each["name"]: each for each in json.loads(result.stdout)["programs"]}
    assert told["uptown-1"]["state"] == "ended"
    assert any("bacalhau node running" in line for line in told["uptown-1"]["lastLines"])
    assert told["east-end-1"]["state"] == "connected"
    since = nodes.connected_since(known, "uptown-1")
    again = cli("up", "--city", "uptown", "--city", "East End", "--folder", folder)
    assert again.exit_code == 0, again.stderr
    renewed = record.running(folder)
    assert renewed is not None
    assert renewed.program("uptown-1").pid != killed.pid
    assert renewed.program("east-end-1") == known.program("east-end-1")
    assert nodes.connected_since(renewed, "uptown-1") != since
    assert cli("status", "--folder", folder).exit_code == 0


def test_networks_do_not_see_each_other(folder, layout, cli):
    """Also with nodes of the same name."""
    result = cli("up", "--city", "uptown", "--folder", layout.folder)
    try:
        assert result.exit_code == 0, result.stderr
        one, other = record.running(folder), record.running(layout.folder)
        assert set(api.nodes(one.host, one.api_port)) == {"uptown-1", "east-end-1"}
        assert set(api.nodes(other.host, other.api_port)) == {"uptown-1"}
        assert one.image_registry != other.image_registry
        assert one.cosmos_endpoint != other.cosmos_endpoint
        os.kill(other.program("registry").pid, signal.SIGKILL)
        assert processes.until(lambda: not other.program("registry").alive, WAIT_S)
        refused = cli("up", "--city", "uptown", "--folder", layout.folder)
        assert refused.exit_code == 1
        assert "registry has ended" in refused.stderr
    finally:
        result = cli("down", "--folder", layout.folder)
    assert json.loads(result.stdout)["processesEnded"] == 3
    assert all(program.alive for program in one.programs)


def test_documents_are_there_again_after_down_and_up(layout, cli):
    def query():
        told = json.loads(cli("up", "--city", "uptown", "--folder", layout.folder).stdout)
        return told, ["--endpoint", told["cosmosEndpoint"]]

    run = CliRunner()
    try:
        _, there = query()
        made = ["sensors", "simulate", "--city", "Uptown", "--sensors", "1", "--days", "0.01"]
        assert run.invoke(app, [*made, "--data", str(layout.folder / "d")]).exit_code == 0
        places = [f"--{name}={layout.folder / name}" for name in ("state", "archive")]
        sent = run.invoke(app, ["run", "--city", "Uptown", "--data", str(layout.folder / "d"), *places, *there])
        rows = json.loads(sent.stdout)["rowsRead"]
        assert rows > 100
        assert cli("down", "--folder", layout.folder).exit_code == 0
        told, there = query()
        assert told["documentsLost"] is False
        assert json.loads(run.invoke(app, ["query", "--count", *there]).stdout) == {"count": rows}
    finally:
        assert cli("down", "--purge", "--folder", layout.folder).exit_code == 0
    assert not layout.folder.exists()


@pytest.mark.parametrize("programs", [1, 3, 4])
def test_down_leaves_nothing_of_an_up_that_was_killed(starting, layout, cli, programs):
    assert processes.until(lambda: len(processes.of_folder(layout.folder)) >= programs, WAIT_S)
    starting.kill()
    starting.wait()
    taken = ports_told(layout)
    assert json.loads(cli("down", "--folder", layout.folder).stdout)["processesEnded"] >= programs
    assert processes.of_folder(layout.folder) == []
    assert ports.free(taken) == taken
    assert record.load(layout) is None
    assert layout.node_names() == ()
    assert json.loads(cli("down", "--folder", layout.folder).stdout)["wasUp"] is False


def test_an_up_that_is_interrupted_takes_back_what_it_started(starting, layout):
    assert processes.until(lambda: len(processes.of_folder(layout.folder)) >= 3, WAIT_S)
    starting.send_signal(signal.SIGINT)
    assert starting.wait(WAIT_S) == 130
    assert processes.of_folder(layout.folder) == []
    assert record.load(layout) is None


def test_only_one_at_a_time_works_on_a_folder(starting, layout, cli):
    assert processes.until(lambda: bool(processes.of_folder(layout.folder)), WAIT_S)
    result = cli("down", "--folder", layout.folder)
    assert result.exit_code == 1
    assert "is at work there" in result.stderr
    assert starting.wait(WAIT_S) == 0


def test_a_program_that_does_not_start_is_quoted_and_nothing_is_left(layout, cli, monkeypatch, tmp_path):
    broken = tmp_path / "bin" / "bacalhau"
    broken.parent.mkdir()
    version = json.dumps({"clientVersion": {"GitVersion": "v1.9.3"}})
    broken.write_text(f"#!/bin/sh\n[ $1 = version ] && echo '{version}' && exit\necho no space left; exit 7\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:{os.environ['PATH']}")
    result = cli("up", "--city", "uptown", "--folder", layout.folder)
    assert result.exit_code == 1
    assert "cannot start orchestrator" in result.stderr
    assert "no space left" in result.stderr
    assert str(layout.log("orchestrator")) in result.stderr
    assert processes.of_folder(layout.folder) == []
    assert record.load(layout) is None


@pytest.fixture
def image():
    """An image of nothing: containers of it can be made, not run."""
    name = f"nothing-{uuid.uuid4().hex[:12]}"
    content = io.BytesIO()
    tarfile.open(fileobj=content, mode="w").close()
    subprocess.run(["docker", "import", "-", name], input=content.getvalue(), check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "rmi", name], check=True, capture_output=True)


def test_containers_of_this_network_are_removed_and_no_others(layout, image):
    """Another network's node may have the same name."""
    ours, theirs = f"e-{uuid.uuid4()}", f"e-{uuid.uuid4()}"
    made = {}
    for execution in (ours, theirs):
        labels = (
            "--label=bacalhau-executor=bacalhau-uptown-1",
            f"--label=bacalhau-executionID=bacalhau-uptown-1{execution}",
        )
        done = subprocess.run(["docker", "create", *labels, image, "/x"], check=True, capture_output=True, text=True)
        made[execution] = done.stdout.strip()
    try:
        store = layout.node("uptown-1") / "compute" / "state_boltdb.db"
        store.parent.mkdir(parents=True)
        store.write_bytes(b"\0" + ours.encode() + b"\xff")
        assert [made[ours].startswith(each) for each in containers.remove(layout)] == [True]
        assert containers.remove(layout) == []
    finally:
        subprocess.run(["docker", "rm", "--force", made[theirs]], check=True, capture_output=True)


def test_the_folder_is_absolute(folder):
    """The marker of a program is the same from wherever `down` is called."""
    assert layout_of(Path(os.path.relpath(folder))).folder == folder
