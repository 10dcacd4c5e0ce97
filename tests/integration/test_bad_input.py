"""What goes wrong on a real network is named, and no job is left behind."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from tests.harness.databases import readings
from tests.harness.fleet import ENDS_S, Ended, Fleet, until

pytestmark = pytest.mark.network

NODES = {"denver-1", "denver-2"}


@pytest.fixture
def denver(fleet: Fleet) -> Fleet:
    for node in sorted(NODES):
        fleet.write(node, "Denver", node, readings(30, sensors=(node,)))
    return fleet


def refused(fleet: Fleet, *arguments: str, code: int, **environment: str) -> Ended:
    """A submit that ends before a job is put; its error has the text and what to try."""
    before = len(fleet.jobs())
    ended = fleet.submit(*arguments, code=code, **environment)
    assert len(fleet.jobs()) == before
    assert ended.output == ""
    assert ended.errors.startswith("Error: ")
    assert "\nTry: " in ended.errors
    return ended


def failed(fleet: Fleet, *arguments: str, code: int) -> dict[str, str]:
    """A submit whose job ends without success: node -> its error."""
    ended = fleet.submit(*arguments, code=code)
    (job,) = ended.document["jobs"]
    assert {each["ID"]: each["State"]["StateType"] for each in fleet.jobs()}[job["jobId"]] not in {
        "Pending",
        "Queued",
        "Running",
    }
    assert not fleet.containers()
    return {node["node"]: node["error"] for node in job["nodes"]}


def test_a_city_that_no_node_has_gets_the_nearest_name(denver: Fleet) -> None:
    ended = refused(denver, "--city", "denvr", code=2)
    assert "denver" in ended.errors
    assert "chicago" in ended.errors


def test_an_orchestrator_that_does_not_answer(denver: Fleet) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
        ended = refused(denver, "--city", "denver", code=3, BACALHAU_API_HOST="127.0.0.1", BACALHAU_API_PORT=port)
    assert port in ended.errors


def test_tls_against_plain(denver: Fleet) -> None:
    place = {"BACALHAU_API_HOST": denver.record.host, "BACALHAU_API_PORT": str(denver.record.api_port)}
    ended = refused(denver, "--city", "denver", code=3, **place, BACALHAU_API_TLS_USETLS="true")
    assert "TLS" in ended.errors


@pytest.mark.parametrize("value", ["raw'", "raw\nName: x", "{{.city}}", 'a"b'])
def test_a_value_that_could_become_yaml(denver: Fleet, value: str) -> None:
    refused(denver, "--city", "denver", "--set", f"stage={value}", code=2)


def test_a_value_that_the_spec_does_not_know(denver: Fleet) -> None:
    assert "stage" in refused(denver, "--city", "denver", "--set", "stge=raw", code=2).errors


def test_a_spec_with_a_missing_value(denver: Fleet, tmp_path: Path) -> None:
    spec = tmp_path / "own.yaml"
    spec.write_text(
        "Name: own\nType: ops\nConstraints: [{Key: city, Operator: '=', Values: ['{{.city}}']}]\n"
        "Tasks: [{Name: own, Engine: {Type: docker, Params: {Image: '{{.picture}}'}}}]\n"
    )
    ended = denver.command(
        "submit", "--city", "denver", "--spec", str(spec), "--network-folder", str(denver.folder), code=2
    )
    assert "picture" in ended.errors


def test_a_spec_too_large_for_the_bus(denver: Fleet, tmp_path: Path) -> None:
    spec = tmp_path / "large.yaml"
    spec.write_text(
        "Name: large\nType: ops\nConstraints: [{Key: city, Operator: '=', Values: ['{{.city}}']}]\n"
        f"Tasks: [{{Name: large, Engine: {{Type: docker, Params: {{Image: x, Parameters: [{'a' * 950_000}]}}}}}}]\n"
    )
    ended = denver.command(
        "submit", "--city", "denver", "--spec", str(spec), "--network-folder", str(denver.folder), code=2
    )
    assert "900,000" in ended.errors


def test_a_folder_that_the_nodes_do_not_allow(denver: Fleet) -> None:
    errors = failed(denver, "--city", "denver", "--set", "data=/etc", code=1)
    assert errors.keys() == NODES
    assert all("allowlisted" in error for error in errors.values())


def test_an_image_that_is_not_there(denver: Fleet) -> None:
    errors = failed(denver, "--city", "denver", "--set", f"image={denver.record.image_registry}/none:1", code=1)
    assert errors.keys() == NODES
    assert all("image" in error for error in errors.values())


def test_a_processor_that_fails_tells_why(denver: Fleet) -> None:
    errors = failed(denver, "--city", "denver", "--set", "page_rows=0", code=2)
    assert errors.keys() == NODES
    assert all("page_rows" in error for error in errors.values())


def test_a_processor_that_is_killed_for_memory(denver: Fleet) -> None:
    errors = failed(denver, "--city", "denver", "--set", "memory=16mb", code=1)
    assert all("memory" in error for error in errors.values())


def test_a_job_that_prints_no_report(denver: Fleet, tmp_path: Path) -> None:
    image = denver.record.images["image"]
    spec = tmp_path / "silent.yaml"
    spec.write_text(
        "Name: silent\nType: ops\nConstraints: [{Key: city, Operator: '=', Values: ['{{.city}}']}]\n"
        f"Tasks: [{{Name: s, Engine: {{Type: docker, Params: {{Image: '{image}', Entrypoint: ['true']}}}}}}]\n"
    )
    ended = denver.command(
        *("submit", "--city", "denver", "--spec", str(spec), "--network-folder", str(denver.folder)),
        *("--output", "json"),
        code=1,
    )
    assert all("report" in node["error"] for node in ended.document["jobs"][0]["nodes"])


def test_a_variable_that_the_node_does_not_have(denver: Fleet) -> None:
    spec = (Path(__file__).parents[2] / "jobs" / "ingest.yaml").read_text()
    changed = denver.folder.parent / "ingest.yaml"
    changed.write_text(spec.replace("env:COSMOS_KEY", "env:COSMOS_OTHER"))
    errors = failed(denver, "--city", "denver", "--spec", str(changed), code=1)
    assert all("COSMOS_OTHER" in error for error in errors.values())


def test_a_deadline_that_passes_leaves_the_job_running(denver: Fleet) -> None:
    denver.write("denver-1", "Denver", "denver-1", readings(20_000, seed=2, sensors=("denver-1",)))
    ended = denver.submit("--city", "denver", "--set", "page_rows=100", "--deadline", "2s", code=4)
    job = ended.document["jobs"][0]["jobId"]
    assert f"bacalhau job stop {job}" in ended.errors
    until(lambda: {each["ID"]: each["State"]["StateType"] for each in denver.jobs()}[job] == "Completed", "its end")
    assert len(denver.documents()) == 20_060


def test_ctrl_c_leaves_the_job_running_and_says_how_to_go_on(denver: Fleet) -> None:
    denver.write("denver-1", "Denver", "denver-1", readings(20_000, seed=2, sensors=("denver-1",)))
    with denver.submitted("--city", "denver", "--set", "page_rows=500") as process:
        until(lambda: denver.containers("denver-1"), "the container to run")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=ENDS_S)
    assert process.returncode == 130
    (job,) = {job["ID"] for job in denver.jobs() if f"bacalhau job stop {job['ID']}" in errors}
    assert f"bacalhau job describe {job}" in errors
    until(lambda: {each["ID"]: each["State"]["StateType"] for each in denver.jobs()}[job] == "Completed", "its end")
    assert len(denver.documents()) == 20_060


def test_a_node_that_lost_contact_is_named(denver: Fleet) -> None:
    denver.kill("denver-2", containers=True)
    until(lambda: "DISCONNECTED" in denver.bacalhau("node", "list"), "the orchestrator to miss the node")
    ended = denver.submit("--city", "denver", code=5)
    assert "denver-2" in ended.errors
    assert len(denver.documents()) == 30
    denver.kill("denver-1", containers=True)
    until(lambda: denver.bacalhau("node", "list").count("DISCONNECTED") == 2, "the orchestrator to miss both")
    ended = refused(denver, "--city", "denver", code=3)
    assert "denver-1" in ended.errors
    for node in sorted(NODES):
        denver.bring_back(node)
