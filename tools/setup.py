"""Makes `.venv` from the lock and builds the Cosmos emulator; standard library only, for a bare machine.

Run again, it does only what changed since.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
EMULATOR = TOOLS / "bin" / "cosmium"
BOOTSTRAP = ROOT / "tools" / "bootstrap.txt"
LOCK = ROOT / "requirements.lock"
GO_MOD = ROOT / "tools" / "cosmium" / "go.mod"

PYTHON = (3, 11)
GO = (1, 24)


class MissingTool(Exception):
    """Something has to be installed first; the text says how."""


def main() -> int:
    try:
        check_python()
        needs_emulator = not os.environ.get("COSMOS_ENDPOINT")
        if needs_emulator and not EMULATOR.exists():
            check_go()
        make_environment()
        if needs_emulator:
            build_emulator()
    except MissingTool as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as exc:
        print(f"Error: `{' '.join(map(str, exc.cmd))}` ended with exit code {exc.returncode}", file=sys.stderr)
        print("Try: read what it printed above, mend that, and run `make setup` again", file=sys.stderr)
        return 1
    return 0


def check_python() -> None:
    if sys.version_info < PYTHON:
        raise MissingTool(
            f"Python {PYTHON[0]}.{PYTHON[1]} or later is needed, `{sys.executable}` is {sys.version.split()[0]}\n"
            "Try: apt-get install python3 python3-venv, or make PYTHON=/path/to/python3.11 ..."
        )


def check_go() -> None:
    go = shutil.which("go")
    said = subprocess.run([go, "version"], capture_output=True, text=True, check=True).stdout if go else ""
    version = re.search(r"go(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < GO:
        raise MissingTool(
            f"the Cosmos emulator is built with Go {GO[0]}.{GO[1]} or later, here is {said.strip() or 'none'}\n"
            "Try: install Go from https://go.dev/doc/install (Debian 12's own is 1.19), or set COSMOS_ENDPOINT to "
            "an account or another emulator: then no Go is needed"
        )


def make_environment() -> None:
    stamp = VENV / ".made-from"
    wanted = digest(LOCK, BOOTSTRAP, ROOT / "pyproject.toml") + sys.version
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("making .venv")
    if subprocess.run([sys.executable, "-m", "venv", VENV], stdout=subprocess.DEVNULL, check=False).returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise MissingTool("Python cannot make virtual environments\nTry: apt-get install python3-venv")
    python = VENV / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", BOOTSTRAP)
    install: list[str | Path] = [VENV / "bin" / "uv", "pip", "install", "--quiet", "--python", python]
    run(*install, "--compile-bytecode", "--require-hashes", "-r", LOCK)
    run(*install, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    stamp.write_text(wanted)


def build_emulator() -> None:
    stamp = EMULATOR.with_name(".cosmium-made-from")
    wanted = digest(GO_MOD, GO_MOD.with_name("go.sum"))
    if EMULATOR.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    check_go()
    say("building the Cosmos emulator (about a minute the first time)")
    EMULATOR.parent.mkdir(parents=True, exist_ok=True)
    run("go", "build", "-trimpath", "-o", EMULATOR, "github.com/pikami/cosmium/cmd/server", cwd=GO_MOD.parent)
    stamp.write_text(wanted)


def digest(*paths: Path) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    subprocess.run(command, cwd=cwd, check=True)


def say(text: str) -> None:
    print(f"setup: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
