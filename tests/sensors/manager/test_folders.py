"""Folders for containers: made, given to their user, and never outside the project."""

from __future__ import annotations

import os

import pytest

from sensors.errors import SensorsError
from sensors.manager import folders
from sensors.manager.compose import Owner
from sensors.manager.fleet import Fleet
from sensors.manager.project import Places

root = pytest.mark.root
THEIRS = Owner(10001, 10001)


def me() -> Owner:
    return Owner(os.getuid(), os.getgid()) if hasattr(os, "getuid") else THEIRS


def test_a_check_changes_nothing(places: Places, fleet: Fleet) -> None:
    folders.check(places, fleet, me())
    assert not list(places.root.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="links take rights there")
def test_links_in_a_circle_are_told(places: Places, fleet: Fleet) -> None:
    places.state.symlink_to(places.archive)
    places.archive.symlink_to(places.state)
    with pytest.raises(SensorsError, match="cannot make the folder"):
        folders.prepare(places, fleet, me())


def test_every_sensor_has_a_folder(places: Places, fleet: Fleet) -> None:
    folders.prepare(places, fleet, me())
    folders.prepare(places, fleet, me())
    made = [places.data / city.folder / str(sensor.number) for city in fleet.cities for sensor in city.sensors]
    assert all(folder.is_dir() for folder in (*made, places.state, places.archive))


@root
def test_what_is_there_already_is_given_to_the_containers_with_its_content(places: Places, fleet: Fleet) -> None:
    database = places.data / "amsterdam" / "1" / "sensor_data.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"rows")
    old_archive = places.archive / "amsterdam" / "AMS_SENSOR001_20250101.parquet"
    old_archive.parent.mkdir(parents=True)
    old_archive.write_bytes(b"parquet")
    folders.prepare(places, fleet, THEIRS)
    for path in (database, database.parent, places.data, places.state, old_archive):
        assert (path.stat().st_uid, path.stat().st_gid) == (10001, 10001), path
    assert (database.read_bytes(), old_archive.read_bytes()) == (b"rows", b"parquet")
    assert places.root.stat().st_uid == 0


@root
def test_a_link_is_not_followed(places: Places, fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "file"
    outside.write_bytes(b"mine")
    (places.data / "amsterdam").mkdir(parents=True)
    (places.data / "amsterdam" / "link").symlink_to(outside)
    (places.data / "amsterdam" / "folder").symlink_to(outside.parent)
    folders.prepare(places, fleet, THEIRS)
    assert (outside.stat().st_uid, outside.parent.stat().st_uid) == (0, 0)


@pytest.mark.skipif(os.name == "nt", reason="links take rights there")
@pytest.mark.parametrize("name", ["data", "data/amsterdam", "state"])
def test_a_folder_that_leads_outside_is_refused(
    places: Places, fleet: Fleet, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    link = places.root / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside)
    with pytest.raises(SensorsError, match="outside the project"):
        folders.prepare(places, fleet, me())
    assert not list(outside.iterdir())


def test_a_file_in_the_way_is_told(places: Places, fleet: Fleet) -> None:
    places.state.write_text("a file", encoding="utf-8")
    with pytest.raises(SensorsError, match=r"cannot make the folder: .*state"):
        folders.prepare(places, fleet, me())
