import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from processors.errors import EndpointError
from sensors.errors import RequestError
from submitter import cli as command_line
from submitter import version
from submitter.errors import Explained, UsageError
from tests.harness.strict import Answer

pty = pytest.importorskip("pty", reason="a terminal of its own takes Unix")

ROOT = Path(__file__).parents[2]

COMMANDS = [
    ["run"],
    ["query"],
    ["cosmos", "check"],
    ["cosmos", "create"],
    ["config", "show"],
    ["sensors", "simulate"],
    ["submit"],
    ["network", "up"],
    ["network", "status"],
    ["network", "down"],
    ["version"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_and_an_output(cli, command):
    result = cli(*command, "--help")
    text = " ".join(result.stdout.replace("│", " ").split())
    assert result.exit_code == 0
    assert f"Example: bacalhau-cosmos {' '.join(command)}" in text
    assert "--output" in text


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([*command, "--help"] for command in COMMANDS)])
def test_help_imports_nothing_heavy(arguments):
    program = (
        "import sys; from submitter.cli import app\n"
        "try: app()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(*(sys.modules.keys() & {'polars', 'azure', 'aiohttp', 'numpy', 'processors', 'sensors', 'network',"
        " 'bacalhau_apiclient', 'websockets'}),"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr.split() == []


def test_a_command_imports_no_other():
    program = (
        "import sys; from submitter.cli import app\n"
        "try: app(['sensors', 'health', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(*(name for name in sys.modules if name.startswith('submitter.commands.')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [name for name in done.stderr.split() if "._" not in name] == [
        "submitter.commands.sensors",
        "submitter.commands.sensors.health",
    ]


def test_the_console_script_leads_to_the_command_line():
    program = "from submitter.entry import main; main()"
    done = subprocess.run([sys.executable, "-c", program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"bacalhau-cosmos {version()}\n"
    wrong = subprocess.run([sys.executable, "-c", program, "sensors", "rnu"], capture_output=True, check=False)
    assert wrong.returncode == 2


def test_versions(cli):
    assert cli("--version").stdout == f"bacalhau-cosmos {version()}\n"
    told = json.loads(cli("version").stdout)
    assert told["bacalhau-cosmos"] == version()
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))
    assert told.keys() >= {"polars", "azure-cosmos"}
    assert all(told.values())
    table = cli("version", "--output", "table").stdout.splitlines()
    assert [line.split()[0] for line in table] == list(told)


def test_a_typing_mistake_is_a_usage_error(cli):
    assert cli("rnu").exit_code == 2
    assert cli("run", "--ctiy", "denver").exit_code == 2


def test_an_explained_error_is_told_and_any_other_is_a_traceback():
    other = typer.Typer(cls=command_line._Commands)

    @other.command()
    def explained():
        raise UsageError("do it", "this", why="because", hint="something else")

    @other.command()
    def unknown():
        raise RuntimeError("a defect")

    @other.command()
    def unfinished():
        raise ModuleNotFoundError(name="polars")

    told = CliRunner().invoke(other, ["explained"])
    assert told.exit_code == 2
    assert told.stderr == "Error: cannot do it: this: because\nTry: something else\n"
    assert isinstance(CliRunner().invoke(other, ["unknown"]).exception, RuntimeError)
    missing = CliRunner().invoke(other, ["unfinished"])
    assert missing.exit_code == 2
    assert "pip install 'bacalhau-cosmos[processors]'" in missing.stderr


def test_errors_of_every_package_are_explained():
    assert isinstance(EndpointError("a", "b", hint="c"), Explained)
    assert isinstance(RequestError("a", "b", why="c", hint="d"), Explained)
    assert not isinstance(ValueError("a"), Explained)


@pytest.mark.usefixtures("connected")
def test_a_reader_that_leaves_is_no_error(script, cli, write):
    write("denver", "S1", *[{"location": "x" * 5_000}] * 60)
    assert cli("run", "--city", "denver").exit_code == 0
    process = subprocess.Popen([script, "query"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(1)
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert told == b""


@pytest.mark.usefixtures("home")
def test_a_reader_that_has_left_already_is_no_error_either(script):
    ours, theirs = os.pipe()
    os.close(ours)
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run([script, "version"], stdout=theirs, stderr=subprocess.PIPE, env=buffered, check=False)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.usefixtures("home")
def test_ctrl_c_ends_a_command_with_130(script, strict):
    held = threading.Event()
    asked = threading.Event()

    def plan(request):
        if request.headers.get("content-type") == "application/query+json":
            asked.set()
            return Answer(503, {}, hold=held)
        return None

    strict.plan = plan
    process = subprocess.Popen(
        [script, "query", "--endpoint", strict.account.endpoint, "--set", f"database={strict.account.database}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        held.set()
    assert process.returncode == 130
    assert told == ""


@pytest.mark.usefixtures("home")
def test_the_default_output_is_a_table_on_a_terminal_only(script):
    ours, theirs = pty.openpty()
    with subprocess.Popen([script, "version"], stdout=theirs) as process:
        os.close(theirs)
        shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert process.returncode == 0
    assert shown.split()[:2] == ["bacalhau-cosmos", version()]
    piped = subprocess.run([script, "version"], capture_output=True, check=True)
    assert json.loads(piped.stdout)["bacalhau-cosmos"] == version()


@pytest.mark.parametrize("module", ["docker", "dotenv", "filelock", "jinja2"])
def test_a_package_of_the_manager_that_is_missing_is_named_with_its_extra(module, tmp_path):
    (tmp_path / "sensors.yaml").write_text("schema_version: 1\ncities: [{name: Oslo}]\n", encoding="utf-8")
    code = f"import sys; sys.modules[{module!r}] = None; from submitter.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "sensors", "start"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "pip install 'bacalhau-cosmos[manager]'" in done.stderr
