import json
import os
import re
import signal
import subprocess
import threading

import pytest

from processors.containers import making
from processors.cosmos import Account
from tests.harness.strict import Answer

pty = pytest.importorskip("pty", reason="a terminal of its own takes Unix")


def report_of(result):
    (line,) = result.stdout.splitlines()
    return json.loads(line)


@pytest.fixture
def start(script, connected):
    """Starts the console script, through another endpoint if given; ends it when the test has ended."""
    started = []

    def start(*arguments, endpoint=connected.endpoint, **options):
        process = subprocess.Popen(
            [script, *arguments, "--endpoint", endpoint], stdout=subprocess.PIPE, text=True, **options
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("connected")
def test_takes_in_a_city_and_says_so_on_one_line(cli, write):
    write("denver", "S1", {}, {"timestamp": "noon"}, {"temperature": 4000.0})
    result = cli("run", "--city", "denver")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    report = report_of(result)
    assert report["documents"]["readings"] == 2
    assert report["documents"]["anomalies"] == 1
    assert report["rejectsByRule"] == [{"rule": "timestamp_readable", "rows": 1}]
    assert report_of(cli("run", "--city", "denver"))["rowsRead"] == 0


@pytest.mark.usefixtures("connected")
def test_a_table_tells_what_was_done_and_what_failed(cli, write):
    write("denver", "S1", {}, {"timestamp": "noon"})
    write("denver", "S2", {}).write_bytes(b"this is no database, whatever its name says" * 100)
    result = cli("run", "--city", "denver", "--output", "table")
    assert result.exit_code == 5
    lines = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in result.stdout.splitlines())
    assert lines["outcome"] == "partial"
    assert (lines["rows read"], lines["rows waiting"]) == ("2", "0")
    assert lines["readings"] == "1"
    assert lines["timestamp_readable"] == "1"
    assert lines["request units"] == "-"
    assert float(lines["seconds"]) > 0
    assert "S2" in lines["failed S2"]
    assert result.stderr.startswith("Error: ")
    assert "\nTry: " in result.stderr


@pytest.mark.usefixtures("connected")
def test_options_and_assignments_reach_the_run(cli, write, home):
    source = write("denver", "S1", *[{}] * 3)
    source.parents[2].rename(home / "elsewhere")
    result = cli(
        *["run", "--city", "denver", "--data", "elsewhere", "--state", "positions", "--archive", "rows"],
        *["--stage", "raw", "--set", "page-rows=1", "--set", 'columns={"temperature": "temperature"}'],
    )
    assert result.exit_code == 0, result.stderr
    assert (home / "positions").is_dir()
    assert len(list((home / "rows").rglob("*.parquet"))) >= 3
    found = json.loads(cli("query", "--sql", "SELECT * FROM c").stdout)
    assert [document["stage"] for document in found] == ["raw"] * 3


@pytest.mark.parametrize(
    ("assignment", "named"),
    [
        ("key=c2VjcmV0", "COSMOS_KEY"),
        ("KEY=c2VjcmV0", "COSMOS_KEY"),
        ("hash_key=c2VjcmV0", "COSMOS_HASH_KEY"),
        ("page_rows", "NAME=VALUE"),
        ("page_rows=many", "integer"),
        ("page_row=5", "did you mean page_rows"),
        ("limits=wide", "not JSON"),
        ("drop_fields=latitude", "not JSON"),
        ("city=boston", "given twice"),
    ],
)
@pytest.mark.usefixtures("connected")
def test_a_bad_assignment_is_refused_and_never_repeats_a_secret(cli, assignment, named):
    result = cli("run", "--city", "denver", "--set", assignment)
    assert result.exit_code == 2
    assert named in result.stderr
    assert "\nTry: " in result.stderr
    assert result.stdout == ""
    assert "c2VjcmV0" not in result.output


def test_without_an_endpoint_or_a_city_both_are_asked_for(cli):
    result = cli("run")
    assert result.exit_code == 2
    assert "--endpoint" in result.stderr
    assert "--city" in result.stderr


def test_a_refused_endpoint_is_exit_code_3(cli, write):
    write("denver", "S1", {})
    result = cli("run", "--city", "denver", "--endpoint", "http://127.0.0.1:1")
    assert result.exit_code == 3
    assert report_of(result)["exitCode"] == 3
    assert "COSMOS_ENDPOINT" in result.stderr


@pytest.mark.usefixtures("connected")
def test_an_unknown_city_is_answered_with_those_there_are(cli, write):
    write("denver", "S1", {})
    write("boston", "S1", {})
    result = cli("run", "--city", "Dover")
    assert result.exit_code == 2
    assert "boston, denver" in result.stderr


@pytest.mark.usefixtures("connected")
def test_missing_containers_are_answered_with_the_command_that_makes_them(cli, write, monkeypatch):
    write("denver", "S1", {})
    monkeypatch.setenv("COSMOS_DATABASE", "nothing-here")
    result = cli("run", "--city", "denver")
    assert result.exit_code == 1
    assert "bacalhau-cosmos cosmos create" in result.stderr


def test_a_second_run_of_a_city_is_told_that_there_is_a_first(cli, start, write, strict, monkeypatch):
    write("denver", "S1", {})
    begun, release = threading.Event(), threading.Event()

    def plan(request):
        if request.batch_number == 0:
            begun.set()
            return Answer(503, {"message": "later"}, hold=release)
        return None

    strict.plan = plan
    monkeypatch.setenv("COSMOS_DATABASE", strict.account.database)
    first = start("run", "--city", "denver", endpoint=strict.account.endpoint)
    try:
        assert begun.wait(60)
        second = cli("run", "--city", "denver")
    finally:
        release.set()
    assert second.exit_code == 1
    assert "\nTry: " in second.stderr
    assert str(first.pid) in second.stderr
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 0
    assert json.loads(out)["documents"]["readings"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_the_batch_in_hand(start, write, strict, number):
    write("denver", "S1", *[{}] * 5)
    running = []

    def plan(request):
        if request.batch_number == 0:
            running[0].send_signal(number)

    strict.plan = plan
    running.append(start("run", "--city", "denver", "--set", "page_rows=2", endpoint=strict.account.endpoint))
    out, _ = running[0].communicate(timeout=60)
    report = json.loads(out)
    assert running[0].returncode == 130
    assert report["outcome"] == "interrupted"
    assert report["rowsRead"] == 2
    assert report["documents"]["readings"] == 2


def test_every_repeats_until_a_signal_and_ends_with_the_last_report(start, write):
    write("denver", "S1", {})
    process = start("run", "--city", "denver", "--every", "50ms")
    first, second = json.loads(process.stdout.readline()), json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    assert (first["rowsRead"], second["rowsRead"]) == (1, 0)
    assert all(json.loads(line)["city"] == "denver" for line in rest.splitlines())
    assert process.returncode in (0, 130)


def read_all(fd):
    """What a terminal was sent; a pseudo-terminal whose other end has closed answers with an error."""
    parts = []
    try:
        while part := os.read(fd, 65536):
            parts.append(part)
    except OSError:
        pass
    finally:
        os.close(fd)
    return b"".join(parts).decode()


def test_a_bar_is_drawn_on_a_terminal_only_and_without_colour_when_asked(start, write):
    write("denver", "S1", {})
    write("denver", "S2", {}, {})
    ours, theirs = pty.openpty()
    drawn = start(
        "run", "--city", "denver", stderr=theirs, env={**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color"}
    )
    os.close(theirs)
    shown = read_all(ours)
    out, _ = drawn.communicate(timeout=60)
    assert json.loads(out)["rowsRead"] == 3
    assert "S1" in shown
    assert "S2" in shown
    assert "3/3" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown)
    quiet = start("run", "--city", "denver", stderr=subprocess.PIPE, env={**os.environ, "FORCE_COLOR": "1"})
    assert quiet.communicate(timeout=60)[1] == ""


@pytest.mark.usefixtures("connected")
def test_a_budget_ends_the_run_and_the_table_tells_what_was_charged(cli, strict, write):
    write("denver", "S1", *({"temperature": 20.0 + number / 100} for number in range(200)))
    told = cli("run", "--city", "denver", "--ru-budget", "400", "--output", "table", "--endpoint", strict.endpoint)
    assert told.exit_code == 0, told.stderr
    lines = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in told.stdout.splitlines())
    assert 0 < int(lines["rows waiting"]) < 200
    assert 350 < float(lines["request units"]) < 420
    assert re.fullmatch(r"[\d,]+\.\d\d \(\d+ documents\)", lines["readings insert"])
    assert lines["notice"] == "ru_budget 400 is used up: what waits is for the next run"
    refused = cli("run", "--city", "denver", "--ru-budget", "many", "--endpoint", strict.endpoint)
    assert refused.exit_code == 2
    assert "ru_budget = 'many' (flag)" in refused.stderr
    assert cli("run", "--city", "denver", "--endpoint", strict.endpoint).exit_code == 0


@pytest.mark.usefixtures("connected")
def test_a_report_from_a_terminal_is_a_table(script, write):
    write("denver", "S1", {})
    ours, theirs = pty.openpty()
    process = subprocess.Popen([script, "run", "--city", "denver"], stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    shown = read_all(ours)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert re.search(r"^outcome +complete\r?$", shown, re.MULTILINE)
    assert "\x1b" not in shown


def test_containers_of_an_account_with_other_names_are_used(cli, connected, write):
    other = Account(connected.endpoint, "", connected.database, "measured")
    making.create(other)
    write("denver", "S1", {})
    assert cli("run", "--city", "denver", "--set", "container=measured").exit_code == 0
    assert json.loads(cli("query", "--count", "--set", "container=measured").stdout) == {"count": 1}
    assert json.loads(cli("query", "--count").stdout) == {"count": 0}
