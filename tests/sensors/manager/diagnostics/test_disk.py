"""Room on disks, at the limits and on real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensors.manager.diagnostics.check import Outcome
from sensors.manager.diagnostics.disk import Disk, disk_of, disks, existing, writable
from tests.chaos.disk import mounted

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("free", "total", "outcome"),
    [
        (10 * GB, 100 * GB, Outcome.OK),
        (10 * GB - 1, 100 * GB, Outcome.WARNING),
        (GB, 5 * GB, Outcome.OK),
        (GB - 1, 5 * GB, Outcome.WARNING),
        (20_000_000, GB, Outcome.WARNING),
        (19_999_999, GB, Outcome.FAILED),
        (0, 0, Outcome.FAILED),
    ],
)
def test_the_limits(tmp_path: Path, free: int, total: int, outcome: Outcome) -> None:
    (check,) = disks({"data": tmp_path}, lambda _: Disk(1, free, total))
    assert check.outcome is outcome
    assert bool(check.remedy) == (outcome is not Outcome.OK)


def test_folders_on_one_disk_are_one_check(tmp_path: Path) -> None:
    there = {"data": tmp_path, "state": tmp_path / "none" / "yet", "Docker": tmp_path.parent}
    found = list(
        disks(there, lambda folder: Disk(1 if folder == tmp_path else 2, 50 * GB, 100 * GB)),
    )
    assert [check.name for check in found] == ["data, state", "Docker"]
    assert found[0].found == "50.0 GB of 100.0 GB free (50%)"


def test_the_real_disk_of_a_folder(tmp_path: Path) -> None:
    disk = disk_of(tmp_path)
    assert disk.device == tmp_path.stat().st_dev
    assert 0 < disk.free <= disk.total


def test_a_disk_that_cannot_be_looked_at_fails_alone(tmp_path: Path) -> None:
    def look(folder: Path) -> Disk:
        if folder == tmp_path:
            raise PermissionError(13, "Permission denied")
        return Disk(1, 50 * GB, 100 * GB)

    found = list(disks({"data": tmp_path, "state": tmp_path.parent}, look))
    assert [(check.name, check.outcome) for check in found] == [("data", Outcome.FAILED), ("state", Outcome.OK)]
    assert "Permission denied" in found[0].found


def test_a_folder_that_is_not_there_can_be_made(tmp_path: Path) -> None:
    assert existing(tmp_path / "a" / "b") == tmp_path
    assert writable("data", tmp_path / "data").found.endswith("can be made")
    assert writable("data", tmp_path).outcome is Outcome.OK


def test_a_file_in_the_folders_place_fails(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    check = writable("data", tmp_path / "data")
    assert (check.outcome, check.remedy) == (Outcome.FAILED, f"move {tmp_path / 'data'} away")


@pytest.mark.root
def test_a_real_disk_that_is_full_or_read_only(tmp_path: Path) -> None:
    with mounted(tmp_path) as disk:
        (roomy,) = disks({"data": tmp_path})
        assert roomy.outcome is Outcome.WARNING  # it has 32 MB in all
        disk.fill(1_000_000)
        (full,) = disks({"data": tmp_path})
        assert full.outcome is Outcome.FAILED
        assert "make room on the disk of data" in full.remedy
        disk.protect()
        assert writable("data", tmp_path).outcome is Outcome.FAILED
        disk.release()
