"""Ends the demo's emulator and the local network; removes what `make` and the demos made, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import emulator

ROOT = emulator.ROOT
DEMO = ROOT / ".tools" / "demo.json"
MADE = (
    ".venv",
    ".venvs",
    ".tools",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    "dist",
    "demo-day.png",
)


def demo_data() -> None:
    """Removes the demo's cities from data, state and archive; folders that others use stay."""
    cities = json.loads(DEMO.read_text())["cities"] if DEMO.exists() else []
    for city in cities:
        for folder in (
            f"data/{city}",
            f"state/{city}",
            f"archive/city={city}",
            f"archive/_manifests/city={city}",
            f"archive/_rejects/city={city}",
            f"archive/_aside/city={city}",
        ):
            shutil.rmtree(ROOT / folder, ignore_errors=True)
    for folder in ("archive/_manifests", "archive/_rejects", "archive/_aside", "archive", "state", "data"):
        if (ROOT / folder).is_dir() and not any((ROOT / folder).iterdir()):
            (ROOT / folder).rmdir()


def network() -> None:
    """Ends the network of `make network` and removes its folder, images and documents with it."""
    command = ROOT / ".venv" / "bin" / "bacalhau-cosmos"
    if not (ROOT / ".network").exists():
        return
    if not command.exists():
        raise SystemExit("Error: .network is there, and no .venv to end it with\nTry: make setup, then make clean")
    down: list[str | Path] = [command, "network", "down", "--purge", "--folder", ROOT / ".network", "--output", "table"]
    if code := subprocess.run(down, check=False).returncode:
        raise SystemExit(code)


def main() -> None:
    network()
    if emulator.stop():
        print("ended the demo's emulator; its documents are gone")
    demo_data()
    for name in MADE:
        path = ROOT / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for cache in [path for path in ROOT.rglob("__pycache__") if path.is_dir()]:
        shutil.rmtree(cache)


if __name__ == "__main__":
    main()
