from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from processors.discover import databases
from processors.errors import CityError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for city, sensor in (("denver", "s2"), ("denver", "s10"), ("Boston", "s1"), ("são paulo", "s 1")):
        add(root / city / sensor / "sensor_data.db")
    return root


def add(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)")
    connection.close()
    return path


def test_every_sensor_of_the_city_in_order_of_its_folder(data: Path) -> None:
    found = databases(data, "denver")

    assert [(d.city, d.sensor, d.path) for d in found] == [
        ("denver", "s10", data / "denver/s10/sensor_data.db"),
        ("denver", "s2", data / "denver/s2/sensor_data.db"),
    ]
    assert [d.sensor for d in databases(data, "são paulo")] == ["s 1"]


@pytest.mark.parametrize("city", ["", ".", "..", "a/b", "/", "a\0b", "x" * 256, "\ud800"])
def test_a_name_that_is_no_folder_is_refused_before_anything_is_read(city: str, tmp_path: Path) -> None:
    with pytest.raises(CityError, match="cannot use the city's name") as caught:
        databases(tmp_path / "missing", city)
    assert "as its folder is named" in caught.value.hint


def test_a_missing_data_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CityError, match="missing") as caught:
        databases(tmp_path / "missing", "denver")
    assert "--data" in caught.value.hint


@pytest.mark.parametrize(
    ("city", "meant"), [("DENVERR", "denver"), ("bostn", "Boston"), ("denvr", "denver"), ("sao paolo", "são paulo")]
)
def test_a_city_close_to_one_that_is_there_is_suggested(data: Path, city: str, meant: str) -> None:
    with pytest.raises(CityError) as caught:
        databases(data, city)
    assert caught.value.hint.startswith(f"did you mean {meant}?")
    assert "Boston, denver, são paulo" in caught.value.hint


@pytest.mark.parametrize(
    ("slug", "folder"),
    [("DENVER", "denver"), ("boston", "Boston"), ("sao-paulo", "são paulo"), ("São_Paulo", "são paulo")],
)
def test_a_node_label_finds_the_city_as_its_folder_is_written(data: Path, slug: str, folder: str) -> None:
    assert {database.city for database in databases(data, slug)} == {folder}


def test_a_label_that_two_folders_have_is_refused_and_the_exact_name_is_not(data: Path) -> None:
    (data / "Denver/s1").mkdir(parents=True)
    (data / "Denver/s1/sensor_data.db").touch()
    with pytest.raises(CityError, match="Denver, denver are all written like it") as caught:
        databases(data, "DENVER")
    assert "exactly" in caught.value.hint
    assert {database.city for database in databases(data, "denver")} == {"denver"}


def test_a_city_far_from_all_is_told_the_cities(data: Path) -> None:
    with pytest.raises(CityError) as caught:
        databases(data, "Tokyo")
    assert caught.value.hint == "the cities there are: Boston, denver, são paulo"
    assert caught.value.exit_code == 2


def test_a_city_without_a_database_is_told_where_it_was_looked_for(data: Path) -> None:
    (data / "empty/s1").mkdir(parents=True)
    with pytest.raises(CityError) as caught:
        databases(data, "empty")
    assert str(data / "empty/*/sensor_data.db") in str(caught.value)


def test_a_data_folder_without_cities_says_so(tmp_path: Path) -> None:
    with pytest.raises(CityError) as caught:
        databases(tmp_path, "denver")
    assert "no cities" in caught.value.hint


def test_a_sensor_without_a_database_yet_is_passed_over(data: Path) -> None:
    (data / "denver/s3").mkdir()
    (data / "denver/s4").mkdir()
    (data / "denver/s4/notes.txt").touch()
    (data / "denver/README").touch()
    assert [d.sensor for d in databases(data, "denver")] == ["s10", "s2"]


def test_a_database_under_another_name_is_not_passed_over(data: Path) -> None:
    add(data / "denver/s3/readings.db")
    assert "s3" in [database.sensor for database in databases(data, "denver")]


def test_links_out_of_the_data_folder_are_followed(data: Path, tmp_path: Path) -> None:
    add(tmp_path / "elsewhere/s1/sensor_data.db")
    (data / "linked").symlink_to(tmp_path / "elsewhere")
    (data / "denver/s3").symlink_to(tmp_path / "elsewhere/s1")
    assert [d.sensor for d in databases(data, "linked")] == ["s1"]
    assert [d.sensor for d in databases(data, "denver")] == ["s10", "s2", "s3"]


def test_a_database_that_cannot_be_opened_is_listed_so_that_reading_says_why(data: Path) -> None:
    (data / "denver/s3/sensor_data.db").mkdir(parents=True)
    (data / "denver/s4").mkdir()
    (data / "denver/s4/sensor_data.db").symlink_to("gone.db")
    assert [d.sensor for d in databases(data, "denver")] == ["s10", "s2", "s3", "s4"]


def test_a_name_that_is_not_utf8_is_escaped_and_its_database_found(data: Path) -> None:
    folder = os.fsdecode(b"s\xff")
    add(data / "denver" / folder / "sensor_data.db")
    found = {database.sensor: database.path for database in databases(data, "denver")}
    assert found["s\\xff"].is_file()


def test_a_city_that_is_not_utf8_is_refused(data: Path) -> None:
    with pytest.raises(CityError, match="not the name of a folder"):
        databases(data, os.fsdecode(b"d\xff"))
