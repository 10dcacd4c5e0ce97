"""The command line and the sensor manager also run on macOS and Windows: they import nothing that is Unix's alone.

Hosted CI runs their unit tests there; this says the same before it is pushed.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

UNIX = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")


def modules() -> list[str]:
    """Of the packages whose tests hosted CI runs elsewhere too."""
    paths = [path for package in ("submitter", "sensors") for path in sorted((ROOT / package).rglob("*.py"))]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]


def test_no_module_needs_unix() -> None:
    lines = ["import importlib, sys", f"sys.modules |= dict.fromkeys({UNIX!r})"]
    lines += [f"importlib.import_module({name!r})" for name in modules()]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["submitter", "sensors"])
def test_what_windows_lacks_is_asked_for_first(package: str) -> None:
    """`os.getuid` and the like stand in a file that asks `hasattr(os, ...)`, or returns before them."""
    lacking = {"getuid", "geteuid", "getgid", "chown", "fork", "killpg", "getpgid", "setsid"}
    found = set()
    for path in sorted((ROOT / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        used = {
            node.attr
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
        }
        if used & lacking and "hasattr(os, " not in text:
            found.add(str(path.relative_to(ROOT)))
    assert not found
