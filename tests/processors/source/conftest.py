"""Writers that are ended with the test, a folder of databases, and the same mounted read-only."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.writers import Writer


@pytest.fixture
def writer() -> Iterator[Callable[[Path], Writer]]:
    writers: list[Writer] = []

    def start(path: Path) -> Writer:
        writers.append(Writer(path))
        return writers[-1]

    yield start
    for each in writers:
        if each.process.poll() is None:
            each.kill()


@pytest.fixture
def readonly(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    mounted: list[Path] = []

    def mount(folder: Path) -> Path:
        point = tmp_path / f"mount{len(mounted)}"
        point.mkdir()
        bound = subprocess.run(["mount", "--bind", folder, point], check=False, capture_output=True, text=True)
        if bound.returncode:
            pytest.skip(f"read-only mounts are not tested here: mount: {bound.stderr.strip()}")
        mounted.append(point)
        subprocess.run(["mount", "-o", "remount,ro,bind", point], check=True)
        return point

    yield mount
    for point in mounted:
        subprocess.run(["umount", "-l", point], check=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
