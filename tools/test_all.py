"""Runs the tests on each Python from 3.11 to 3.13 that is installed; fails when one fails or none is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import setup

VERSIONS = ("3.11", "3.12", "3.13")
VENVS = setup.ROOT / ".venvs"


def interpreter(version: str) -> str | None:
    """A Python of this version: on the path, or the newest of pyenv's."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    released = [path for path in versions.glob(f"{version}.*/bin/python3") if path.parts[-3].split(".")[2].isdigit()]
    found = sorted(released, key=lambda path: int(path.parts[-3].split(".")[2]))
    return str(found[-1]) if found else shutil.which(f"python{version}")


def main() -> int:
    results = {}
    for version in VERSIONS:
        python = interpreter(version)
        if python is None:
            results[version] = "not installed"
            continue
        venv = VENVS / version
        uv = setup.VENV / "bin" / "uv"
        subprocess.run([uv, "venv", "--quiet", "--allow-existing", "--python", python, venv], check=True)
        install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", venv / "bin" / "python"]
        subprocess.run([*install, "--require-hashes", "-r", setup.LOCK, "-r", setup.BOOTSTRAP], check=True)
        subprocess.run([*install, "--no-deps", "--no-build-isolation", "--editable", setup.ROOT], check=True)
        print(f"== Python {version}", flush=True)
        command: list[str | Path] = [venv / "bin" / "python", "-m", "pytest", "-n", "auto"]
        code = subprocess.run(command, cwd=setup.ROOT, check=False).returncode
        results[version] = "passed" if code == 0 else f"failed ({code})"
    for version, result in results.items():
        print(f"Python {version}: {result}")
    return 0 if "passed" in results.values() and not any("failed" in r for r in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
