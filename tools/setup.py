"""Makes `.venv` from the lock and builds the Cosmos emulator; standard library only, for a bare machine.

With the word `network` it also builds the programs of the local network; with `compose` it only builds Docker Compose,
where Docker has none; with `python` it only makes `.venv`; with `infra` it only makes `.venv` and the environment that
checks `infra/azure/`. Run again, it does only what changed since.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PROGRAMS = ROOT / ".tools" / "bin"
INFRA = ROOT / ".tools" / "infra-venv"
INFRA_LOCK = ROOT / "infra" / "requirements.lock"
BOOTSTRAP = ROOT / "tools" / "bootstrap.txt"
LOCK = ROOT / "requirements.lock"

PYTHON = (3, 11)
BACALHAU = "1.9"
COMPOSE_NEEDED = (2, 20)
ANSWER_S = 20.0


@dataclass(frozen=True)
class Program:
    """A program that is built from the Go module that `tools/<name>/go.mod` pins.

    Attributes:
        name: Of the executable.
        what: For people.
        package: Go package.
        go: Oldest Go that builds it.
        flags: Of the linker.
        time: How long it takes the first time, on two cores.
        instead: What can be done without building it.
    """

    name: str
    what: str
    package: str
    go: tuple[int, ...]
    flags: str
    time: str
    instead: str

    @property
    def path(self) -> Path:
        return PROGRAMS / self.name

    @property
    def module(self) -> Path:
        return ROOT / "tools" / self.name


EMULATOR = Program(
    name="cosmium",
    what="the Cosmos emulator",
    package="github.com/pikami/cosmium/cmd/server",
    go=(1, 24),
    flags="",
    time="about a minute",
    instead="or set COSMOS_ENDPOINT to an account or another emulator: then no Go is needed",
)
COMPOSE = Program(
    name="docker-compose",
    what="Docker Compose",
    package="github.com/docker/compose/v2/cmd",
    go=(1, 24, 9),
    flags="-s -w -X github.com/docker/compose/v2/internal.Version=v2.40.3",
    time="about four minutes",
    instead="or `apt-get install docker-compose-plugin` where Docker's own packages are: then none is built",
)
NETWORK = (
    Program(
        name="bacalhau",
        what="Bacalhau",
        package="github.com/bacalhau-project/bacalhau",
        go=(1, 26, 5),
        flags="-s -w -X github.com/bacalhau-project/bacalhau/pkg/version.GITVERSION=v1.9.3",
        time="about five minutes",
        instead=f"or put a `bacalhau` of version {BACALHAU} on PATH",
    ),
    Program(
        name="registry",
        what="the image registry",
        package="github.com/distribution/distribution/v3/cmd/registry",
        go=(1, 26, 5),
        flags="-s -w",
        time="about a minute",
        instead="only the local network needs it",
    ),
    COMPOSE,
)


class MissingTool(Exception):
    """Something has to be installed first; the text says how."""


def main() -> int:
    words = sys.argv[1:]
    if words not in ([], ["network"], ["compose"], ["python"], ["infra"]):
        print(
            f"Error: unknown words: {' '.join(words)}\nTry: nothing, `network`, `compose`, `python` or `infra`",
            file=sys.stderr,
        )
        return 2
    try:
        check_python()
        wanted = wanted_programs(words)
        for program in wanted:
            if not program.path.exists():
                check_go(program)
        if words != ["compose"]:
            make_environment()
        if words in ([], ["infra"]):
            make_infra_environment()
        for program in wanted:
            build(program)
    except MissingTool as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as exc:
        print(f"Error: `{' '.join(map(str, exc.cmd))}` ended with exit code {exc.returncode}", file=sys.stderr)
        print("Try: read what it printed above, mend that, and run the same `make` again", file=sys.stderr)
        return 1
    return 0


def wanted_programs(words: list[str]) -> list[Program]:
    """What is built for these words."""
    if words in (["python"], ["infra"]):
        return []
    return compose() if words == ["compose"] else programs(network=bool(words))


def programs(*, network: bool) -> list[Program]:
    """What is built beside `.venv`."""
    emulator = [EMULATOR] if network or not os.environ.get("COSMOS_ENDPOINT") else []
    return emulator + [program for program in NETWORK if network and not is_installed(program)]


def compose() -> list[Program]:
    """Docker Compose, where Docker has none that is new enough; says which is there or will be."""
    found = docker_compose()
    needed = ".".join(map(str, COMPOSE_NEEDED))
    if found is not None and found >= COMPOSE_NEEDED:
        say(f"`docker compose` is there in version {found[0]}.{found[1]}, so none is built")
        return []
    has = "there is no `docker compose`" if found is None else f"`docker compose` is version {found[0]}.{found[1]}"
    here = "is there" if COMPOSE.path.exists() else "is built from source"
    say(f"{has}, {needed} or later is needed: {COMPOSE.path.relative_to(ROOT)} {here}")
    return [COMPOSE]


def docker_compose() -> tuple[int, int] | None:
    """Version of Docker's plugin; None where there is none."""
    try:
        done = subprocess.run(
            ["docker", "compose", "version", "--short"],
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"v?(\d+)\.(\d+)", done.stdout.strip())
    return (int(found[1]), int(found[2])) if found and done.returncode == 0 else None


def check_python() -> None:
    if sys.version_info < PYTHON:
        raise MissingTool(
            f"Python {PYTHON[0]}.{PYTHON[1]} or later is needed, `{sys.executable}` is {sys.version.split()[0]}\n"
            "Try: apt-get install python3 python3-venv, or make PYTHON=/path/to/python3.11 ..."
        )


def check_go(program: Program) -> None:
    go = shutil.which("go")
    said = subprocess.run([go, "version"], capture_output=True, text=True, check=True).stdout if go else ""
    found = re.search(r"go(\d+(?:\.\d+)+)", said)
    if found is None or tuple(map(int, found[1].split("."))) < program.go:
        wanted = ".".join(map(str, program.go))
        raise MissingTool(
            f"{program.what} is built with Go {wanted} or later, here is {said.strip() or 'none'}\n"
            f"Try: install Go from https://go.dev/doc/install (Debian 12's own is 1.19), {program.instead}"
        )


def is_installed(program: Program) -> bool:
    """Whether a Bacalhau that fits is on PATH; `network up` takes that one."""
    found = shutil.which(program.name)
    if program.name != "bacalhau" or found is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"BACALHAU_DIR": folder, "BACALHAU_UPDATECONFIG_INTERVAL": "0", "BACALHAU_DISABLEANALYTICS": "true"}
        try:
            done = subprocess.run(
                [found, "version", "--client", "--output", "json"],
                env={**os.environ, **quiet},
                capture_output=True,
                text=True,
                timeout=ANSWER_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
    return f'"GitVersion":"v{BACALHAU}.' in done.stdout


def make_environment() -> None:
    stamp = VENV / ".made-from"
    wanted = digest(LOCK, BOOTSTRAP, ROOT / "pyproject.toml") + sys.version
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("making .venv")
    if subprocess.run([sys.executable, "-m", "venv", VENV], stdout=subprocess.DEVNULL, check=False).returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise MissingTool("Python cannot make virtual environments\nTry: apt-get install python3-venv")
    python = BIN / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", BOOTSTRAP)
    install: list[str | Path] = [BIN / "uv", "pip", "install", "--quiet", "--python", python]
    run(*install, "--compile-bytecode", "--require-hashes", "-r", LOCK)
    run(*install, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    stamp.write_text(wanted)


def make_infra_environment() -> None:
    """Apart, because checkov holds back many packages that others need newer."""
    stamp = INFRA / ".made-from"
    wanted = digest(INFRA_LOCK) + sys.version
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("making .tools/infra-venv")
    run(BIN / "uv", "venv", "--quiet", "--clear", "--python", sys.executable, INFRA)
    python = INFRA / BIN.name / "python"
    run(BIN / "uv", "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", INFRA_LOCK)
    stamp.write_text(wanted)


def build(program: Program) -> None:
    stamp = PROGRAMS / f".{program.name}-made-from"
    wanted = digest(program.module / "go.mod", program.module / "go.sum")
    if program.path.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    check_go(program)
    say(f"building {program.what} ({program.time} the first time)")
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed, because the old one may be running.
    aside = PROGRAMS / f".{program.name}.new"
    flags = ["-ldflags", program.flags] if program.flags else []
    run("go", "build", "-trimpath", *flags, "-o", aside, program.package, cwd=program.module)
    aside.replace(program.path)
    stamp.write_text(wanted)


def digest(*paths: Path) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    subprocess.run(command, cwd=cwd, check=True)


def say(text: str) -> None:
    print(f"setup: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
