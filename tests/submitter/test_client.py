import io
import json
import socket
import ssl
import subprocess
import threading
import time
from datetime import UTC, datetime

import pytest

from submitter import nodes
from submitter.client import Client
from submitter.config import Orchestrator as Place
from submitter.errors import ApiError, OrchestratorError, ResultError
from submitter.logs import FirstLines, first_line
from submitter.nodes import Matched
from submitter.spec import Template, render
from submitter.states import ExecutionState, JobState
from tests.harness.orchestrator import JOBS, NODES, Answer, Orchestrator, recorded

ID = "j-1"


@pytest.fixture
def there():
    with Orchestrator() as orchestrator:
        yield orchestrator


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", "key.pem", "-out", "cert.pem", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def secure(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with Orchestrator(context) as orchestrator:
        orchestrator.answers("GET", NODES, recorded("nodes"))
        yield orchestrator


def client(there, **settings):
    return Client(Place(port=there if isinstance(there, int) else there.port, **settings), connect_s=5, read_s=5)


def a_job(text="Type: ops\nName: 'é-{{.city}}'\nTasks: [{Engine: {Type: docker}}]"):
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return render(Template("t", "t.yaml", text), "denver", now, given={}, offered={})


def refused(there, **settings):
    with client(there, **settings) as asking, pytest.raises(OrchestratorError) as caught:
        asking.nodes()
    assert caught.value.exit_code == 3
    return caught.value


def test_nodes(there):
    there.answers("GET", NODES, recorded("nodes"))
    with client(there) as asking:
        (found,) = asking.nodes()
    assert (found.name, found.labels["city"], found.engines) == ("denver-1", "denver", {"wasm", "docker"})
    assert found.usable
    assert nodes.cities([found]) == ["denver"]


def test_the_bytes_that_are_shown_are_sent(there):
    there.answers("PUT", JOBS, recorded("put"))
    job = a_job()
    with client(there) as asking:
        handle = asking.put(job, Matched(("denver-1",), ()))
    (request,) = there.asked("PUT", JOBS)
    assert request.body == job.body
    assert request.headers["content-type"] == "application/json"
    assert handle.id == recorded("put")["JobID"]
    assert (handle.job, handle.nodes, handle.warnings) == (job, ("denver-1",), ())


def test_warnings_of_bacalhau_are_kept(there):
    there.answers("PUT", JOBS, {**recorded("put"), "Warnings": ["job ID was ignored"]})
    with client(there) as asking:
        assert asking.put(a_job(), Matched((), ())).warnings == ("job ID was ignored",)


@pytest.mark.parametrize(
    ("name", "state", "execution", "exit_code", "why"),
    [
        ("running", JobState.RUNNING, ExecutionState.NEW, None, ""),
        ("completed", JobState.COMPLETED, ExecutionState.COMPLETED, 0, ""),
        ("image-missing", JobState.FAILED, ExecutionState.FAILED, None, "image not available"),
        ("bid-rejected", JobState.COMPLETED, ExecutionState.ASK_FOR_BID_REJECTED, None, "not in allowed patterns"),
        ("out-of-memory", JobState.FAILED, ExecutionState.FAILED, None, "memory limit exceeded"),
        ("daemon-failed", JobState.RUNNING, ExecutionState.FAILED, 3, "completed unexpectedly"),
        ("daemon-stopped", JobState.STOPPED, ExecutionState.CANCELLED, None, ""),
        ("node-disappeared", JobState.FAILED, ExecutionState.FAILED, None, "node has disappeared"),
    ],
)
def test_jobs(there, name, state, execution, exit_code, why):
    there.answers("GET", f"{JOBS}/{ID}", recorded(name))
    with client(there) as asking:
        snapshot = asking.job(ID)
    assert there.requests[0].query == {"include": ["executions"]}
    last = snapshot.executions[-1]
    assert (snapshot.state, last.state, last.exit_code) == (state, execution, exit_code)
    assert why in last.why
    assert last.node == "denver-1"


def test_a_job_without_executions(there):
    there.answers("GET", f"{JOBS}/{ID}", recorded("no-node"))
    with client(there) as asking:
        snapshot = asking.job(ID)
    assert snapshot.executions == ()
    assert "don't match required selectors" in snapshot.why


def test_states_and_versions_that_are_not_ours(there):
    answer = recorded("completed")
    answer["Job"] |= {"State": {"StateType": "Resting"}, "Version": 2}
    old = answer["Executions"]["Items"][0]
    answer["Executions"]["Items"].append({**old, "ID": "e-new", "JobVersion": 2, "ComputeState": {"StateType": 99}})
    there.answers("GET", f"{JOBS}/{ID}", answer)
    with client(there) as asking:
        snapshot = asking.job(ID)
    assert snapshot.state is JobState.UNDEFINED
    assert [(one.id, one.state) for one in snapshot.executions] == [("e-new", ExecutionState.UNDEFINED)]


def test_advice_is_bacalhaus_hint_for_each_execution(there):
    there.answers("GET", f"{JOBS}/{ID}/history", recorded("image-missing-history"))
    execution = recorded("image-missing")["Executions"]["Items"][0]["ID"]
    with client(there) as asking:
        assert "Check if the image exists" in asking.advice(ID)[execution]


def test_results_and_downloads(there):
    there.answers("GET", f"{JOBS}/{ID}/results", recorded("published-results"))
    there.answers("GET", "/e.tar.gz", b"x" * 3_000_000)
    there.answers("GET", "/gone.tar.gz", b"", status=410)
    into = io.BytesIO()
    with client(there) as asking:
        (url,) = asking.results(ID)
        assert url.endswith(".tar.gz")
        asking.download(f"{asking.place.url}/e.tar.gz", into)
        with pytest.raises(ResultError, match="status 410"):
            asking.download(f"{asking.place.url}/gone.tar.gz?secret=1", into)
        with pytest.raises(ResultError, match="cannot fetch the results: nowhere"):
            asking.download("nowhere", into)
    assert into.getvalue() == b"x" * 3_000_000


@pytest.mark.parametrize("authorization", ["Bearer sesame", None])
def test_credentials_go_with_every_call(there, authorization):
    there.answers("GET", NODES, recorded("nodes"))
    with client(there, authorization=authorization) as asking:
        asking.nodes()
        list(asking.log(ID, "e"))
    assert [request.headers.get("authorization") for request in there.requests] == [authorization] * 2


def test_the_four_parts_of_an_error_are_kept(there):
    body = {**recorded("error-no-changes"), "Code": "Same", "Details": {"job": "d"}}
    there.answers("PUT", JOBS, body, status=500)
    with client(there) as asking, pytest.raises(ApiError) as caught:
        asking.put(a_job(), Matched((), ()))
    answered = caught.value.answered
    assert (answered.status, answered.code, answered.component) == (500, "Same", "Bacalhau")
    assert answered.details == {"job": "d"}
    assert caught.value.hint == answered.hint == "Use the --force flag to override this warning"
    assert all(part in str(caught.value) for part in ("no changes detected", "code Same", "in Bacalhau", "job=d"))
    assert caught.value.exit_code == 1


def test_a_job_that_bacalhau_refuses_is_a_matter_of_the_spec(there):
    there.answers("PUT", JOBS, recorded("error-missing-tasks"), status=400)
    with client(there) as asking, pytest.raises(ApiError, match="missing job tasks") as caught:
        asking.put(a_job(), Matched((), ()))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_are_refused(there, status):
    there.answers("GET", NODES, b"", status=status)
    assert "wants credentials" in str(refused(there))
    assert "refuses these credentials" in str(refused(there, authorization="Bearer sesame"))


@pytest.mark.parametrize(
    ("status", "body"), [(404, b"no such page"), (200, b"<html>"), (200, b"[]"), (200, b"{}"), (502, b""), (400, b"")]
)
def test_something_else_that_answers(there, status, body):
    there.answers("GET", NODES, body, status=status)
    error = refused(there)
    assert "is no Bacalhau orchestrator" in str(error)
    assert error.passing is (status == 502)


def test_nothing_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    error = refused(port)
    assert "connection refused" in str(error)
    assert error.passing


def test_a_host_without_an_address():
    with (
        Client(Place(host="no.such.host.invalid")) as asking,
        pytest.raises(OrchestratorError, match="no host is") as it,
    ):
        asking.nodes()
    assert not it.value.passing


def test_an_orchestrator_that_does_not_answer_in_time(there):
    held = threading.Event()
    there.answers("GET", NODES, Answer(hold=held))
    with Client(Place(port=there.port), read_s=0.05) as asking, pytest.raises(OrchestratorError) as caught:
        asking.nodes()
    held.set()
    assert "did not answer in time" in str(caught.value)
    assert caught.value.passing
    assert len(there.requests) == 1


def test_another_protocol_and_a_connection_that_breaks():
    for said, told in ((b"INFO {}\r\n", "does not speak HTTP"), (b"", "connection broke")):
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve(server=server, said=said):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(said)

            thread = threading.Thread(target=serve)
            thread.start()
            assert told in str(refused(server.getsockname()[1]))
            thread.join()


def test_tls(secure, certificate):
    for settings in ({"ca_file": certificate / "cert.pem"}, {"insecure": True}):
        with client(secure, tls=True, **settings) as asking:
            assert asking.nodes()
            assert list(asking.log(ID, "e")) == []


def test_tls_without_trust(secure):
    error = refused(secure, tls=True)
    assert "certificate is not trusted" in str(error)
    assert "BACALHAU_API_TLS_CAFILE" in error.hint


def test_tls_against_plain(there):
    error = refused(there, tls=True)
    assert "does not speak TLS" in str(error)
    assert error.hint == "set BACALHAU_API_TLS_USETLS=false"


def test_plain_against_tls(there):
    there.answers("GET", NODES, b"Client sent an HTTP request to an HTTPS server.\n", status=400)
    error = refused(there)
    assert "speaks TLS" in str(error)
    assert error.hint == "set BACALHAU_API_TLS_USETLS=true"


def test_a_ca_file_without_certificates(secure, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    assert "BACALHAU_API_TLS_CAFILE" in refused(secure, tls=True, ca_file=tmp_path / "ca.pem").hint


def test_logs_are_read_without_keeping_the_node_busy(there):
    there.logs["e-1"] = [{"value": {"Type": 1, "Line": "x" * 60_000}}, {"value": {"Type": 2, "Line": "é"}}]
    with client(there) as asking:
        assert [message["value"]["Line"] for message in asking.log(ID, "e-1")] == ["x" * 60_000, "é"]
    (request,) = there.requests
    assert request.path == f"{JOBS}/{ID}/logs"
    assert request.query == {"execution_id": ["e-1"]}


def test_a_log_that_cannot_be_read(there):
    with client(there) as asking:
        there.__exit__(None, None, None)
        with pytest.raises(OrchestratorError, match="cannot read the log") as caught:
            list(asking.log(ID, "e"))
    assert caught.value.passing


@pytest.mark.parametrize(
    ("messages", "line"),
    [
        ([(2, "log\n"), (1, "one\ntwo\n")], "one"),
        ([(1, "on"), (2, "x\n"), (1, "e\n")], "one"),
        ([(1, "on")], None),
        ([(2, "log\n")], None),
        ([], None),
        ([(1, "\n")], ""),
    ],
)
def test_the_first_line_of_stdout(messages, line):
    assert first_line({"value": {"Type": kind, "Line": text}} for kind, text in messages) == line


def test_a_log_that_says_an_error_has_no_line():
    assert first_line([{"error": "no", "value": {"Type": 1, "Line": "x\n"}}]) is None


@pytest.mark.parametrize("message", [None, [], 5, "x", {}, {"value": None}, {"value": [1]}, {"value": {"Type": 1}}])
def test_a_message_that_is_none_is_no_line(message):
    assert first_line([message]) is None


@pytest.mark.parametrize("inside", [None, 5, "x", [], {}, [None], [{"Info": None}], [{"ID": []}]])
def test_an_answer_of_other_types_is_no_orchestrator(inside):
    answer = {"Nodes": inside, "Job": inside, "Items": inside, "Executions": {"Items": inside}}
    with Client(Place()) as asked:
        asked._api.call_api = lambda *_, **__: answer
        for ask in (asked.nodes, lambda: asked.job(ID), lambda: asked.advice(ID), lambda: asked.results(ID)):
            try:
                ask()
            except OrchestratorError as error:
                assert "is no Bacalhau orchestrator" in str(error)  # noqa: PT017 - not all are refused


def test_first_lines_are_read_again_until_there_is_one(there):
    with client(there) as asking:
        lines = FirstLines(asking.log)
        end = time.monotonic() + 20
        while len(there.requests) < 3:
            assert lines.of(ID, "e-1") is None
            assert time.monotonic() < end
        there.logs["e-1"] = [{"value": {"Type": 1, "Line": json.dumps({"a": 1}) + "\n"}}]
        while (line := lines.of(ID, "e-1")) is None:
            assert time.monotonic() < end
        asked = len(there.requests)
        assert lines.of(ID, "e-1") == line == '{"a": 1}'
        assert len(there.requests) == asked
