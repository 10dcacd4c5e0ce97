"""A real Docker engine: images are built and containers run as a user does it."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWNER = 10001
BUILD_S = 900.0
ENDS_S = 120.0

LOCKED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "host")
"""Nothing but its folders can be written to, and no folder for temporary files is needed."""


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, timeout=ENDS_S, check=False)


def build(checkout: Path, registry: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, checkout / "tools" / "images.py", "--registry", registry, "--folder", folder]
    return subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)


def printed(built: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Value of job specs -> reference by digest."""
    return {line.split()[0]: line.split()[1] for line in built.stdout.splitlines()}


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=ENDS_S):
            return True
    except OSError:
        return False


def own(folder: Path) -> None:
    folder.chmod(0o755)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, OWNER, OWNER)


def mounted(node: Path) -> tuple[str, ...]:
    return ("--volume", f"{node}:/node", "--env", "COSMOS_NODE_FOLDER=denver-1")
