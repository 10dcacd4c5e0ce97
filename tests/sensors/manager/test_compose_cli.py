"""Finding Compose and running it, without a Docker engine: programs on PATH do as they are told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sensors.errors import EngineError
from sensors.manager.compose_cli import Compose, find
from tests.harness.images import ON_UNIX

pytestmark = ON_UNIX

ROOT = Path(__file__).parents[3]

PROGRAM = """#!{python} -IS
import json, os, sys
words = sys.argv[1:]
if {plugin} and words[:1] != ["compose"]:
    sys.exit("docker: unknown command")
if words[{plugin}:] == ["version", "--short"]:
    print({version!r})
    sys.exit(0 if {version!r} else 125)
print(json.dumps(dict(words=words, cwd=os.getcwd(), said=os.environ.get("SAID"))))
if "SAID" in os.environ:
    sys.exit(os.environ["SAID"])
"""


def program(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = PROGRAM.format(python=sys.executable, plugin=int(path.name == "docker"), version=version)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def found(tmp_path: Path, checkout: Path | None = None) -> Compose:
    return find(checkout, {"PATH": str(tmp_path / "bin")})


@pytest.mark.parametrize(
    ("plugin", "built", "alone", "taken"),
    [
        ("2.40.3", "2.40.3", "2.40.3", "docker compose"),
        ("v2.20.0-desktop.1", None, None, "docker compose"),
        ("", "2.40.3", "2.31.0", ".tools/bin/docker-compose"),
        ("2.19.9", "2.40.3", None, ".tools/bin/docker-compose"),
        (None, None, "2.31.0", "bin/docker-compose"),
        ("", "1.29.2", "5.0", "bin/docker-compose"),
    ],
)
def test_the_first_that_is_new_enough_is_taken(
    tmp_path: Path, plugin: str | None, built: str | None, alone: str | None, taken: str
) -> None:
    there = {"bin/docker": plugin, ".tools/bin/docker-compose": built, "bin/docker-compose": alone}
    for name, version in there.items():
        if version is not None:
            program(tmp_path / name, version)
    assert " ".join(found(tmp_path, tmp_path).command).endswith(taken)


def test_none_at_all_is_told_with_each_way_to_get_it(tmp_path: Path) -> None:
    program(tmp_path / "bin/docker", "")
    with pytest.raises(EngineError, match=r"Docker Compose: missing: .* 2\.20 or later is needed") as refused:
        found(tmp_path, tmp_path)
    for way in ("apt-get install docker-compose-plugin", "make compose", "https://docs.docker.com/compose/install"):
        assert way in refused.value.hint


def test_old_ones_are_told_with_their_versions(tmp_path: Path) -> None:
    program(tmp_path / "bin/docker", "2.3.3")
    program(tmp_path / "bin/docker-compose", "1.29.2")
    with pytest.raises(EngineError, match="too old") as refused:
        found(tmp_path)
    assert "`docker compose` is version 2.3.3, `docker-compose` is version 1.29.2; 2.20 or" in str(refused.value)
    assert "make compose" in refused.value.hint


def test_what_cannot_be_run_is_none(tmp_path: Path) -> None:
    broken = program(tmp_path / "bin/docker-compose", "2.40.3")
    broken.write_text("#!/no/such/program\n", encoding="utf-8")
    with pytest.raises(EngineError, match="missing"):
        found(tmp_path)


ENDS_S = 60.0


@pytest.fixture
def compose(tmp_path: Path) -> Compose:
    program(tmp_path / "bin/docker", "2.40.3")
    return found(tmp_path)


def test_a_command_runs_for_its_project_and_gives_what_it_printed(compose: Compose, tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    run = {"project": "p", "cwd": tmp_path, "environment": {}}
    said = json.loads(compose.run(["up", "--detach"], file=file, **run))
    where = ["--file", str(file), "--project-directory", str(tmp_path)]
    words = ["compose", "--ansi", "never", "--project-name", "p", *where, "up", "--detach"]
    assert said == {"words": words, "cwd": str(tmp_path), "said": None}
    assert "--file" not in json.loads(compose.run(["down"], file=None, **run))["words"]


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (
            "driver failed programming external connectivity: Bind for 0.0.0.0:8081 failed: port is already allocated",
            "has the port",
        ),
        ("failed to bind host port for 0.0.0.0:8081: address already in use", "has the port"),
        ("write /var/lib/docker/tmp/x: no space left on device", "docker system df"),
        ("Error response from daemon: No such image: bacalhau-cosmos/sensors:v1", "sensors build"),
        ("pull access denied for bacalhau-cosmos/sensors, repository does not exist", "sensors build"),
        ("manifest for ghcr.io/a/b:v1 not found: manifest unknown", "sensors build"),
        ("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?", "start"),
        ("permission denied while trying to connect to the Docker daemon socket at unix:///x", "usermod -aG docker"),
        ("permission denied while trying to connect to the docker API at unix:///x", "usermod -aG docker"),
        ("Get http://%2Fvar%2Frun%2Fdocker.sock/v1.41/info: context deadline exceeded", "is busy"),
        ("yaml: line 3: did not find expected key", "sensors diagnostics"),
    ],
)
def test_a_failure_has_the_last_lines_and_the_fitting_hint(
    compose: Compose, tmp_path: Path, said: str, hint: str
) -> None:
    many = "\n".join([*(f"line {number}" for number in range(100)), said])
    with pytest.raises(EngineError) as failed:
        compose.run(["up"], project="p", file=None, cwd=tmp_path, environment={"SAID": many})
    assert str(failed.value).startswith("cannot run `docker compose up`: p: it ended with exit code 1\n")
    assert str(failed.value).endswith(f"line 99\n{said}")
    assert "line 80\n" not in str(failed.value)
    assert hint in failed.value.hint


def test_a_folder_that_is_gone_is_told(compose: Compose, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot run `docker compose up`"):
        compose.run(["up"], project="p", file=None, cwd=tmp_path / "gone", environment={})


FOLLOWING = """
import os, sys
from pathlib import Path
from sensors.manager.compose_cli import Compose
Compose((sys.executable, sys.argv[1]), "2.40.3").follow(
    ["logs"], project="p", cwd=Path.cwd(), environment=dict(os.environ)
)
print("ended well", flush=True)
"""
TALKING = """
import os, signal, sys, time
if sys.argv[0].endswith("ends.py"):
    print("said", flush=True)
    sys.exit("why")
signal.signal(signal.SIGINT, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(600)
"""


def following(tmp_path: Path, name: str) -> subprocess.Popen[str]:
    (tmp_path / name).write_text(TALKING, encoding="utf-8")
    command = [sys.executable, "-c", FOLLOWING, str(tmp_path / name)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )


def test_following_ends_well_when_it_is_interrupted_and_takes_the_command_along(tmp_path: Path) -> None:
    with following(tmp_path, "goes_on.py") as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "ended well\n"), err
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_following_shows_what_is_said_and_tells_of_a_failure(tmp_path: Path) -> None:
    with following(tmp_path, "ends.py") as process:
        out, err = process.communicate(timeout=60)
    assert out == "said\n"
    assert err.startswith("why\n")
    assert "EngineError: cannot run" in err
    assert "it ended with exit code 1, and said why above" in err


def script(path: Path, lines: str) -> Compose:
    path.write_text(f"#!{sys.executable}\n{lines}", encoding="utf-8")
    path.chmod(0o755)
    return Compose((str(path),), "2.40.3")


def test_a_command_that_has_begun_is_waited_for_and_fails_with_its_last_lines(tmp_path: Path) -> None:
    run = {"project": "p", "file": tmp_path / "x.yml", "cwd": tmp_path, "environment": {}}
    with script(tmp_path / "well", "print('made')").begun(["up"], **run) as begun:
        assert begun.ended(ENDS_S)
        begun.check()
    failing = script(tmp_path / "ill", "import sys; print('no space left on device', file=sys.stderr); sys.exit(17)")
    with failing.begun(["up"], **run) as begun:
        assert begun.ended(ENDS_S)
        with pytest.raises(EngineError, match=r"exit code 17\nno space left") as failed:
            begun.check()
    assert "df -h" in failed.value.hint


def test_a_command_that_has_begun_ends_with_its_block(tmp_path: Path) -> None:
    run = {"project": "p", "file": tmp_path / "x.yml", "cwd": tmp_path, "environment": {}}
    endless = script(tmp_path / "endless", "import time\nwhile True: time.sleep(60)")
    seen = []

    def interrupted() -> None:
        with endless.begun(["up"], **run) as begun:
            seen.append(begun)
            assert not begun.ended(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert seen[0].process.poll() is not None
