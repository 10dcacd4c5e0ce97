from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensors.errors import RequestError, SensorsError
from sensors.manager import removal
from sensors.manager.engine.values import Container
from sensors.manager.project import Places, places_of
from sensors.manager.removal import plan, refuse_running, remove

HOME = Path("/nobody's/home")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A project with 12 bytes in two cities, a position and an archive."""
    root = tmp_path / "project"
    for name in ("data/oslo/1", "data/oslo/2", "data/rome/1", "state/oslo", "archive/city=oslo"):
        (root / name).mkdir(parents=True)
        (root / name / "file").write_bytes(b"xyz")
    (root / "sensors.yaml").write_bytes(b"cities: []")
    return places_of(root)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    (folder / "oslo").mkdir(parents=True)
    (folder / "oslo" / "precious").write_bytes(b"!")
    return folder


def gone(places: Places, *paths: Path) -> None:
    remove(plan(places, paths, home=HOME))


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_a_plan_tells_and_removes_nothing(places: Places) -> None:
    before = left(places.root)
    planned = plan(places, [places.data / "oslo", places.state, places.root / "archive"], home=HOME)
    assert str(planned) == "4 files, 12 bytes in data/oslo, state, archive".replace("/", os.sep)
    assert left(places.root) == before


def test_only_what_was_planned_goes(places: Places) -> None:
    gone(places, places.data / "oslo", Path("state") / "oslo")
    files = {"data/rome/1/file", "archive/city=oslo/file", "sensors.yaml"}
    assert left(places.root) == {name.replace("/", os.sep) for name in files}
    assert (places.state).is_dir()


def test_whole_folders_go_and_what_is_not_there_is_no_error(places: Places) -> None:
    gone(places, places.data, places.state, places.archive)
    assert left(places.root) == {"sensors.yaml"}
    planned = plan(places, [places.data, places.archive / "city=rome"], home=HOME)
    assert (planned.paths, planned.files, planned.bytes) == ((), 0, 0)
    remove(planned)


def test_a_path_within_another_is_counted_once(places: Places) -> None:
    planned = plan(places, [places.data / "oslo" / "1", places.data, places.data / "oslo"], home=HOME)
    assert (planned.paths, planned.files, planned.bytes) == ((places.data,), 3, 9)


@pytest.mark.parametrize(
    "path",
    [
        ".",
        "..",
        "sensors.yaml",
        ".sensors",
        "database",
        "data/..",
        "data/../sensors.yaml",
        "data/oslo/../../state",
        "state/../../project/data",
        "../elsewhere",
    ],
)
def test_what_is_not_in_the_projects_own_folders_is_refused(places: Places, elsewhere: Path, path: str) -> None:
    before = left(places.root.parent)
    with pytest.raises(RequestError, match="not in the project's data, state or archive") as refused:
        gone(places, places.data / "rome", places.root / path)
    assert "by hand" in refused.value.hint
    assert left(places.root.parent) == before
    assert left(elsewhere)


def test_absolute_paths_elsewhere_are_refused(places: Places, elsewhere: Path) -> None:
    for path in (elsewhere, Path(places.root.anchor), Path.home()):
        with pytest.raises(RequestError, match="not in the project"):
            plan(places, [path], home=HOME)


@pytest.mark.parametrize("data", ["../elsewhere", ".", "", "state/../.."])
def test_a_configured_folder_that_is_not_below_the_root_is_refused(places: Places, elsewhere: Path, data: str) -> None:
    wrong = places_of(places.root, data=data)
    for path in (wrong.data, wrong.data / "oslo"):
        with pytest.raises(RequestError, match="not in the project"):
            gone(wrong, path)
    assert left(elsewhere)


def test_a_configured_folder_elsewhere_is_refused(places: Places, elsewhere: Path) -> None:
    wrong = places_of(places.root, data=str(elsewhere))
    for path in (wrong.data, wrong.data / "oslo"):
        with pytest.raises(RequestError, match="not in the project"):
            gone(wrong, path)
    assert left(elsewhere)


def test_the_users_own_folder_is_refused(places: Places) -> None:
    for home in (places.data / "oslo", places.data / "oslo" / "1"):
        for path in (places.data, places.data / "oslo"):
            with pytest.raises(RequestError, match="the user's own folder"):
                plan(places, [path], home=home)
    gone(places, places.data / "rome")


@pytest.mark.parametrize("target", ["../elsewhere", "state", "."])
def test_a_data_folder_that_is_a_link_is_refused(places: Places, elsewhere: Path, target: str) -> None:
    shutil.rmtree(places.data)
    places.data.symlink_to(places.root / target, target_is_directory=True)
    for path in (places.data, places.data / "oslo"):
        with pytest.raises(RequestError, match=r"it leads to .* outside"):
            gone(places, path)
    assert left(elsewhere)
    assert (places.state / "oslo" / "file").exists()


def test_a_city_that_is_a_link_out_is_refused(places: Places, elsewhere: Path) -> None:
    (places.data / "bergen").symlink_to(elsewhere / "oslo", target_is_directory=True)
    for path in (places.data / "bergen", places.data / "bergen" / "precious"):
        with pytest.raises(RequestError, match=r"it leads to .* outside"):
            gone(places, path)
    assert left(elsewhere)


def test_links_within_are_unlinked_and_not_followed(places: Places, elsewhere: Path) -> None:
    (places.data / "oslo" / "out").symlink_to(elsewhere / "oslo", target_is_directory=True)
    (places.data / "oslo" / "file").symlink_to(elsewhere / "oslo" / "precious")
    (places.data / "oslo" / "broken").symlink_to(places.root / "nothing")
    (places.data / "bergen").symlink_to(places.data / "rome", target_is_directory=True)
    (places.data / "gone").symlink_to(places.data / "nothing")
    planned = plan(places, [places.data / name for name in ("oslo", "bergen", "gone")], home=HOME)
    assert planned.files == 7
    remove(planned)
    assert left(places.data) == {str(Path("rome", "1", "file"))}
    assert left(elsewhere) == {str(Path("oslo", "precious"))}


def test_a_project_reached_by_a_link_is_itself(places: Places, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(places.root, target_is_directory=True)
    gone(places_of(tmp_path / "link"), tmp_path / "link" / "data" / "oslo")
    assert left(places.data) == {str(Path("rome", "1", "file"))}


def test_another_name_of_a_file_stays(places: Places, elsewhere: Path) -> None:
    (places.data / "oslo" / "copy").hardlink_to(places.data / "oslo" / "1" / "file")
    (elsewhere / "copy").hardlink_to(places.data / "oslo" / "1" / "file")
    planned = plan(places, [places.data / "oslo"], home=HOME)
    assert (planned.files, planned.bytes) == (3, 6)
    remove(planned)
    assert (elsewhere / "copy").read_bytes() == b"xyz"


def test_what_vanishes_meanwhile_is_gone_too(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files go, and whole folders, between the moment that one is looked at and the next."""
    planned = plan(places, [places.data, places.state, places.archive], home=HOME)
    shutil.rmtree(places.archive)
    unlinks = os.unlink

    def unlink(*args: Any, **how: Any) -> None:
        monkeypatch.setattr(os, "unlink", unlinks)
        for city in places.data.iterdir():
            shutil.rmtree(city)
        unlinks(*args, **how)

    monkeypatch.setattr(os, "unlink", unlink)
    remove(planned)
    assert left(places.root) == {"sensors.yaml"}


def test_what_came_in_the_place_of_a_path_is_refused(places: Places, elsewhere: Path) -> None:
    planned = plan(places, [places.data / "oslo", places.data / "rome"], home=HOME)
    shutil.rmtree(places.data)
    places.data.symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(RequestError, match="it leads to"):
        remove(planned)
    assert left(elsewhere) == {str(Path("oslo", "precious"))}


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of folders are of Unix")
def test_a_folder_that_may_not_be_written_is_told(unprivileged: Places) -> None:
    locked = unprivileged.data / "oslo"
    locked.chmod(0o500)
    planned = plan(unprivileged, [unprivileged.data / "rome", locked], home=HOME)
    try:
        with pytest.raises(SensorsError, match=r"cannot delete: .*oslo: Permission denied") as refused:
            remove(planned)
    finally:
        locked.chmod(0o700)
    assert "run again" in refused.value.hint
    remove(planned)
    assert not left(unprivileged.data)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of folders are of Unix")
def test_a_folder_that_may_not_be_read_is_told_before_anything_goes(unprivileged: Places) -> None:
    hidden = unprivileged.data / "oslo"
    hidden.chmod(0)
    try:
        with pytest.raises(SensorsError, match=r"cannot look at: .*oslo: Permission denied"):
            gone(unprivileged, unprivileged.data)
    finally:
        hidden.chmod(0o700)
    assert left(unprivileged.data)


@pytest.fixture
def unprivileged() -> Iterator[Places]:
    """A project of a user whom permissions bind, which root is not."""
    folder = Path(tempfile.mkdtemp()).resolve()
    nobody = 65534
    try:
        for name in ("data/oslo", "data/rome"):
            (folder / name).mkdir(parents=True)
            (folder / name / "file").touch()
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, nobody, nobody)
            os.seteuid(nobody)
            try:
                yield places_of(folder)
            finally:
                os.seteuid(0)
        else:
            yield places_of(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def mount() -> Iterator[object]:
    """Mounts one folder at another, until the test ends."""
    done: list[Path] = []

    def mount(source: Path, target: Path) -> None:
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--bind", source, target], check=True)
        done.append(target)

    yield mount
    for target in reversed(done):
        subprocess.run(["umount", target], check=True)


@pytest.mark.root
@pytest.mark.parametrize("name", ["data/oslo/other disk", "data/oslo", "data/oslo/1"])
def test_another_place_that_is_mounted_within_is_refused(places: Places, elsewhere: Path, mount, name: str) -> None:
    mount(elsewhere, places.root / name)
    for path in (places.data, places.data / "oslo", places.root / name):
        with pytest.raises(RequestError, match=r"another file system is mounted at .*data/oslo"):
            gone(places, path)
    gone(places, places.data / "rome")
    assert left(elsewhere)
    assert left(places.data)


@pytest.mark.root
def test_a_data_folder_that_is_a_disk_is_emptied(places: Places, tmp_path: Path, mount) -> None:
    disk = tmp_path / "disk"
    shutil.copytree(places.data, disk)
    mount(disk, places.data)
    planned = plan(places, [places.data], home=HOME)
    assert planned.files == 3
    remove(planned)
    assert places.data.is_dir()
    assert not list(disk.iterdir())


def test_without_a_list_of_mounts_there_are_none(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_MOUNTS", places.root / "nothing")
    gone(places, places.data)
    assert not places.data.exists()


def running(service: str, exit_code: int | None) -> Container:
    return Container("1", service, "running", None, 0, exit_code, None, "image")


def test_containers_that_have_ended_are_no_reason() -> None:
    refuse_running("p", [running("sensor-oslo-1", 0)])
    with pytest.raises(RequestError, match="1 of its containers run, sensor-oslo-1") as refused:
        refuse_running("p", [running("sensor-oslo-2", 137), running("sensor-oslo-1", None)])
    assert "sensors stop" in refused.value.hint
