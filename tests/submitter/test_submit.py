import io
import json
import os
import re
import signal
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from network import record
from network.errors import NetworkError
from submitter.errors import ResultError
from submitter.fetch import unpack
from tests.harness.orchestrator import JOBS, NODES, Answer, Orchestrator, recorded

pty = pytest.importorskip("pty", reason="a terminal of its own takes Unix")

SPEC = """
Name: '{{or (index . "name") "x"}}'
Type: ops
Constraints: [{Key: city, Operator: "=", Values: ['{{.city}}']}]
Tasks:
  - Engine: {Type: docker, Params: {Image: '{{or (index . "image") "box:1"}}'}}
    InputSources:
      - Target: /node
        Source: {Type: localDirectory, Params: {SourcePath: '{{or (index . "data") "/d"}}'}}
"""
ID = recorded("put")["JobID"]


@pytest.fixture
def there(home, monkeypatch):
    """An orchestrator with one node, a job that completes, and a folder of specs."""
    for name in [name for name in os.environ if name.startswith(("BACALHAU_", "SUBMIT_"))]:
        monkeypatch.delenv(name)
    (home / "jobs").mkdir()
    (home / "jobs" / "ingest.yaml").write_text(SPEC)
    (home / "jobs" / "publish.yaml").write_text(SPEC + "    Publisher: {Type: local}\n")
    (home / "jobs" / "watch.yaml").write_text(SPEC.replace("Type: ops", "Type: daemon"))
    with Orchestrator() as orchestrator:
        monkeypatch.setenv("BACALHAU_API_PORT", str(orchestrator.port))
        orchestrator.answers("GET", NODES, recorded("nodes"))
        orchestrator.answers("PUT", JOBS, recorded("put"))
        orchestrator.answers("GET", f"{JOBS}/{ID}", recorded("running"), recorded("completed"))
        orchestrator.answers("GET", f"{JOBS}/{ID}/history", recorded("image-missing-history"))
        yield orchestrator


@pytest.fixture
def submit(cli, there):  # noqa: ARG001 - it is what the command speaks to
    return lambda *arguments: cli("submit", "--jobs-dir", "jobs", *arguments)


def sent(there):
    return [json.loads(request.body) for request in there.asked("PUT", JOBS)]


def with_nodes(there, *changes):
    """The recorded node, changed, once for each change."""
    compute, orchestrator = recorded("nodes")["Nodes"]
    nodes = []
    for change in changes:
        info = {**compute["Info"], "NodeID": change["id"], "Labels": {"city": change.get("city", "denver")}}
        if "engines" in change:
            info["ComputeNodeInfo"] = {**info["ComputeNodeInfo"], "ExecutionEngines": change["engines"]}
        connection = {**compute["ConnectionState"], "Status": change.get("status", "CONNECTED")}
        membership = change.get("membership", "APPROVED")
        nodes.append({**compute, "Info": info, "ConnectionState": connection, "Membership": membership})
    there.answers("GET", NODES, {"Nodes": [*nodes, orchestrator]})


def test_a_city_from_submit_to_report(submit, there):
    done = submit("--city", "Denver", "--output", "table")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == ID
    assert lines[1].split()[:4] == ["city", "node", "state", "exit"]
    assert lines[2].split()[:6] == ["denver", "denver-1", "done", "0", "2", "100"]
    assert done.stderr.splitlines() == [
        "denver denver-1 queued",
        "denver denver-1 running",
        "denver denver-1 done",
        f"bacalhau job describe {ID}",
        f"bacalhau job logs {ID}",
    ]
    assert [request.method for request in there.requests] == ["GET", "PUT", "GET", "GET"]


def test_json_is_one_document(submit):
    done = submit("--city", "denver")
    told = json.loads(done.stdout)
    assert told["jobs"][0]["jobId"] == ID
    assert told["jobs"][0]["nodes"][0]["report"]["rowsRead"] == 100
    assert told["totals"]["rowsRead"] == 100
    assert told["exitCode"] == done.exit_code == 0


def test_a_dry_run_prints_the_bytes_and_asks_nobody(submit, there):
    done = submit("--city", "denver", "--city", "New York", "--dry-run", "--set", "name=n")
    assert there.requests == []
    lines = done.stdout.splitlines()
    assert [json.loads(line)["Job"]["Constraints"][0]["Values"] for line in lines] == [["denver"], ["new-york"]]
    assert submit("--city", "denver", "--set", "name=n").exit_code == 0
    (request,) = there.asked("PUT", JOBS)
    assert request.body.decode() == lines[0]


def test_values_come_from_set_then_environment_then_default(submit, there, monkeypatch):
    monkeypatch.setenv("SUBMIT_IMAGE", "of-environment")
    monkeypatch.setenv("SUBMIT_DATA", "/of-environment")
    monkeypatch.setenv("SUBMIT_UNKNOWN", "x")
    submit("--city", "denver", "--set", "image=of-set")
    (task,) = sent(there)[0]["Job"]["Tasks"]
    assert task["Engine"]["Params"]["Image"] == "of-set"
    assert task["InputSources"][0]["Source"]["Params"]["SourcePath"] == "/of-environment"


@dataclass
class Record:
    host: str
    api_port: int
    data: Path = Path("/net/data")
    images: dict = field(default_factory=lambda: {"image": "of-network", "sensor_image": "s"})


def test_a_local_network_gives_its_place_and_its_values(submit, there, monkeypatch):
    asked = []
    monkeypatch.setattr(record, "running", lambda folder: asked.append(folder) or Record("127.0.0.1", there.port))
    monkeypatch.delenv("BACALHAU_API_PORT")
    assert submit("--city", "denver", "--network-folder", "other").exit_code == 0
    assert asked == [Path("other")]
    (task,) = sent(there)[0]["Job"]["Tasks"]
    assert task["Engine"]["Params"]["Image"] == "of-network"
    assert task["InputSources"][0]["Source"]["Params"]["SourcePath"] == "/net/data"


def test_every_city_of_the_network(submit, there):
    with_nodes(there, {"id": "b", "city": "denver"}, {"id": "a", "city": "chicago"}, {"id": "c", "city": "denver"})
    there.answers("PUT", JOBS, recorded("put"), {**recorded("put"), "JobID": "j-2"})
    there.answers("GET", f"{JOBS}/j-2", recorded("completed"))
    submit("--all", "--deadline", "1s")
    assert [one["Job"]["Constraints"][0]["Values"] for one in sent(there)] == [["chicago"], ["denver"]]
    dry = submit("--all", "--dry-run")
    assert len(dry.stdout.splitlines()) == 2


def test_a_city_is_submitted_to_once(submit, there):
    submit("--city", "denver", "--city", "Denver")
    assert len(sent(there)) == 1


def test_detached(submit, there):
    done = submit("--city", "denver", "--detach", "--output", "table")
    assert (done.exit_code, done.stdout) == (0, ID + "\n")
    assert f"bacalhau job stop {ID}" in done.stderr
    assert there.asked("GET", f"{JOBS}/{ID}") == []
    assert json.loads(submit("--city", "denver", "--detach").stdout)["jobs"][0]["state"] == "submitted"


def test_the_deadline(submit, there):
    there.answers("GET", f"{JOBS}/{ID}", recorded("running"))
    done = submit("--city", "denver", "--deadline", "1s")
    assert done.exit_code == json.loads(done.stdout)["exitCode"] == 4
    assert f"bacalhau job stop {ID}" in done.stderr
    assert there.asked("DELETE", f"{JOBS}/{ID}") == []


def test_a_node_that_failed(submit, there):
    there.answers("GET", f"{JOBS}/{ID}", recorded("image-missing"))
    done = submit("--city", "denver", "--output", "table")
    assert done.exit_code == 1
    assert 'image not available: "localhost:15731/none:1"' in done.stdout


def test_a_daemon_is_forced_and_done_at_its_first_report(submit, there):
    there.answers("GET", f"{JOBS}/{ID}", recorded("daemon-running"))
    execution = recorded("daemon-running")["Executions"]["Items"][0]["ID"]
    line = json.dumps({"schemaVersion": 1, "kind": "simulate", "sensors": 3, "rows": 9, "exitCode": 0}) + "\n"
    there.logs[execution] = [{"value": {"Type": 2, "Line": "log\n"}}, {"value": {"Type": 1, "Line": line}}]
    done = submit("--city", "denver", "--spec", "watch")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["jobs"][0]["nodes"][0]["state"] == "working"
    assert sent(there)[0]["Force"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "it must be said whose nodes"),
        (("--city", "denver", "--all"), 2, "both say which cities"),
        (("--city", "denvr"), 2, "no node carries the label city=denvr, did you mean denver"),
        (("--city", "den{{"), 2, "cannot take the city"),
        (("--city", "denver", "--set", "image=a'b"), 2, "cannot take the value"),
        (("--city", "denver", "--set", "imag=a"), 2, "did you mean image"),
        (("--city", "denver", "--set", "image"), 2, "not NAME=VALUE"),
        (("--city", "denver", "--spec", "ingst"), 2, "did you mean ingest"),
        (("--city", "denver", "--deadline", "soon"), 2, "no length of time"),
        (("--city", "denver", "--fetch", "out"), 2, "the spec has no Publisher"),
        (("--city", "denver", "--spec", "watch", "--fetch", "out"), 2, "a daemon leaves no results"),
        (("--city", "denver", "--spec", "publish", "--fetch", "out", "--detach"), 2, "there are no results"),
        (("--city", "denver", "--city", "oslo"), 2, "city=oslo"),
    ],
)
def test_nothing_is_put_when_something_is_wrong(submit, there, arguments, code, told):
    done = submit(*arguments)
    assert done.exit_code == code
    assert told in done.stderr
    assert "\nTry: " in done.stderr
    assert done.stdout == ""
    assert sent(there) == []


@pytest.mark.parametrize(
    ("nodes", "code", "told"),
    [
        ([{"id": "n-1", "status": "DISCONNECTED"}], 3, "node n-1 lost contact at 2026-"),
        ([{"id": "n-1", "membership": "PENDING"}], 3, "node n-1 is not admitted"),
        ([{"id": "n-1"}, {"id": "n-2", "engines": ["wasm"]}], 3, "node n-2 lacks docker"),
        ([{"id": "n-1", "city": "oslo"}], 2, "no node carries the label city=denver"),
        ([], 2, "no node carries the label city=denver"),
    ],
)
def test_nothing_is_put_when_no_node_can_take_it(submit, there, nodes, code, told):
    with_nodes(there, *nodes)
    done = submit("--city", "denver")
    assert done.exit_code == code
    assert told in done.stderr
    assert sent(there) == []


def test_a_network_without_cities_has_none_to_submit_to(submit, there):
    with_nodes(there)
    done = submit("--all")
    assert done.exit_code == 2
    assert "no compute node" in done.stderr


def test_a_node_out_of_contact_beside_others_is_named_and_makes_it_partial(submit, there):
    with_nodes(there, {"id": "denver-1"}, {"id": "n-2", "status": "DISCONNECTED"})
    done = submit("--city", "denver", "--output", "json")
    assert done.exit_code == 5, done.stderr
    assert "Warning: node n-2 lost contact at" in done.stderr
    (job,) = json.loads(done.stdout)["jobs"]
    assert job["state"] == "partial"
    states = {node["node"]: (node["state"], node["exitCode"]) for node in job["nodes"]}
    assert states == {"denver-1": ("done", 0), "n-2": ("absent", 1)}
    assert "lost contact" in job["nodes"][1]["error"]


def test_jobs_of_one_name_are_refused_before_one_ends_the_other(submit, there, home):
    with_nodes(there, {"id": "denver-1"}, {"id": "c-1", "city": "chicago"})
    text = (home / "jobs" / "ingest.yaml").read_text()
    named = re.sub(r"^Name:.*$", "Name: mine", text, flags=re.MULTILINE)
    (home / "jobs" / "ingest.yaml").write_text(named)
    done = submit("--city", "denver", "--city", "chicago")
    assert done.exit_code == 2
    assert "denver, chicago have this one name" in done.stderr
    assert sent(there) == []


def test_a_network_that_only_root_may_read_is_none_to_who_submits_elsewhere(submit, there, monkeypatch):
    def refuse(folder):
        raise NetworkError("read the network's record", folder, why="only root may", hint="sudo")

    monkeypatch.setattr(record, "running", refuse)
    with_nodes(there, {"id": "denver-1"})
    assert submit("--city", "denver").exit_code == 0
    monkeypatch.delenv("BACALHAU_API_PORT")
    done = submit("--city", "denver")
    assert done.exit_code == 1
    assert "Try: sudo" in done.stderr


def test_constraints_of_the_spec_leave_nodes_out(submit, there, home):
    with_nodes(there, {"id": "denver-1"}, {"id": "n-2"})
    text = (home / "jobs" / "ingest.yaml").read_text()
    more = "'{{.city}}']}, {Key: arch, Operator: exists}, {Key: city, Operator: notin, Values: [oslo]}]"
    (home / "jobs" / "ingest.yaml").write_text(text.replace("'{{.city}}']}]", more))
    done = submit("--city", "denver")
    assert done.exit_code == 2
    assert "fulfils the spec's constraints (denver-1, n-2)" in done.stderr


def test_jobs_that_were_put_before_one_was_refused_are_told(submit, there):
    with_nodes(there, {"id": "a"}, {"id": "b", "city": "oslo"})
    there.answers("PUT", JOBS, recorded("put"), Answer(500, recorded("error-no-changes")))
    done = submit("--city", "denver", "--city", "oslo", "--output", "table")
    assert done.exit_code == 1
    assert done.stdout == ID + "\n"
    assert f"Job {ID} goes on" in done.stderr
    assert "no changes detected" in done.stderr


def archive(*members):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def test_results_are_fetched(submit, there, home):
    published = recorded("published")
    execution = published["Executions"]["Items"][0]["ID"]
    there.answers("GET", f"{JOBS}/{ID}", published)
    url = f"http://127.0.0.1:{there.port}/{execution}.tar.gz"
    there.answers("GET", f"{JOBS}/{ID}/results", {"Items": [{"Type": "urlDownload", "Params": {"URL": url}}]})
    packed = archive((".", b"", tarfile.DIRTYPE), ("results/a.json", b"{}", tarfile.REGTYPE))
    there.answers("GET", f"/{execution}.tar.gz", packed)
    submit("--city", "denver", "--spec", "publish", "--fetch", "out", "--set", "name=p/1")
    assert (home / "out" / "p_1" / "denver-1" / "results" / "a.json").read_text() == "{}"
    assert "authorization" not in there.requests[-1].headers


def test_results_that_bacalhau_does_not_have_are_an_error(submit, there):
    there.answers("GET", f"{JOBS}/{ID}", recorded("published"))
    there.answers("GET", f"{JOBS}/{ID}/results", {"Items": []})
    done = submit("--city", "denver", "--spec", "publish", "--fetch", "out")
    assert done.exit_code == 1
    assert f"Try: bacalhau job get {ID}" in done.stderr


@pytest.mark.parametrize(
    "content",
    [
        archive(("../a", b"x", tarfile.REGTYPE)),
        archive(("/tmp/a", b"x", tarfile.REGTYPE)),
        archive(("a", b"", tarfile.SYMTYPE)),
        archive(("a", b"", tarfile.LNKTYPE)),
        archive(("a", b"", tarfile.FIFOTYPE)),
        archive(("a", b"x", tarfile.REGTYPE), ("a/b", b"x", tarfile.REGTYPE)),
        archive(("a", b"x" * 100_000, tarfile.REGTYPE))[:-20],
        b"no archive",
        b"",
    ],
    ids=["above", "absolute", "symbolic link", "link", "fifo", "below a file", "cut", "no archive", "nothing"],
)
def test_archives_that_may_not_be_unpacked(content, tmp_path):
    with pytest.raises(ResultError):
        unpack(io.BytesIO(content), tmp_path / "below" / "target")
    assert not list(tmp_path.glob("a"))
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]


def started(script, there, **options):
    """The command, until the job has been asked for once."""
    held = Answer(200, recorded("running"))
    there.answers("GET", f"{JOBS}/{ID}", held)
    command = [script, "submit", "--jobs-dir", "jobs", "--city", "denver", "--output", "table"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def test_ctrl_c_leaves_the_job_running(script, there):
    process = started(script, there, stderr=subprocess.PIPE)
    assert process.stdout.readline() == ID + "\n"
    while process.stderr.readline() != "denver denver-1 running\n":
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert told.splitlines() == [
        f"Job {ID} goes on. To follow it, or to stop it:",
        f"  bacalhau job describe {ID}",
        f"  bacalhau job logs {ID} --follow",
        f"  bacalhau job stop {ID}",
    ]
    assert {request.method for request in there.requests} == {"GET", "PUT"}


def test_a_terminal_shows_a_board(script, there):
    ours, theirs = pty.openpty()
    process = started(script, there, stderr=theirs)
    os.close(theirs)
    shown = ""
    while "running" not in shown:
        shown += os.read(ours, 65536).decode()
    there.answers("GET", f"{JOBS}/{ID}", recorded("completed"))
    assert "denver-1" in shown
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    assert out.splitlines()[2].split()[:3] == ["denver", "denver-1", "done"]


def test_the_key_is_shown_nowhere(script, there):
    there.answers("GET", NODES, b"", status=401)
    command = [script, "submit", "--jobs-dir", "jobs", "--city", "denver"]
    environment = {**os.environ, "BACALHAU_API_KEY": "open-sesame"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 3
    assert "refuses these credentials" in done.stderr
    assert "sesame" not in done.stdout + done.stderr
    assert there.requests[0].headers["authorization"] == "Bearer open-sesame"
