"""What is in a database, and the names that people have for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensors.errors import SensorsError
from sensors.manager.fleet import Fleet
from sensors.manager.look.contents import DISTINCT, known, of_city, of_sensor, read
from tests.harness import databases
from tests.harness.databases import readings
from tests.sensors.manager.conftest import city

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_what_is_in_a_database(tmp_path: Path) -> None:
    path = databases.create(tmp_path / "sensor_data.db", readings(30, sensors=("b", "a")))
    databases.execute(path, "DELETE FROM sensor_readings WHERE id = 3")
    held = read(path)
    assert held.rows == 29
    assert held.sensor_ids == ["a", "b"]
    assert held.locations == ["Denver"]
    assert [row["id"] for row in held.samples] == [30, 29, 28, 27, 26]
    assert held.columns[0] == {"name": "id", "type": "INTEGER", "key": True}
    assert held.size_bytes == path.stat().st_size


def test_a_table_of_another_shape(tmp_path: Path) -> None:
    path = tmp_path / "sensor_data.db"
    databases.execute(
        path,
        'CREATE TABLE sensor_readings (at TEXT, "odd "" name" BLOB)',
        "INSERT INTO sensor_readings VALUES ('now', x'00ff')",
        "INSERT INTO sensor_readings VALUES (CAST(x'ff41' AS TEXT), 1)",
    )
    held = read(path)
    assert (held.rows, held.sensor_ids, held.locations) == (2, [], [])
    assert held.samples == [{"at": "\ufffdA", 'odd " name': 1}, {"at": "now", 'odd " name': "x'00ff'"}]


def test_many_values_are_cut(tmp_path: Path) -> None:
    rows = readings(DISTINCT + 5, sensors=[f"s{number:03d}" for number in range(DISTINCT + 5)])
    assert len(read(databases.create(tmp_path / "sensor_data.db", rows)).sensor_ids) == DISTINCT


def test_a_database_without_the_table_says_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "sensor_data.db"
    databases.execute(path, "CREATE TABLE other (a)")
    with pytest.raises(SensorsError, match="no table sensor_readings, it has other"):
        read(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder, number in (("newyork", 1), ("newyork", 12), ("oslo", 1)):
        path = tmp_path / folder / str(number) / "sensor_data.db"
        databases.create(path, readings(1, sensors=(f"{folder}-{number}",)))
    databases.create(tmp_path / "newyork" / "2" / "sensor_data.db")
    return tmp_path


FLEET = Fleet((city("New York", 2), city("Amsterdam", 1)), 30.0)


def test_databases_have_the_names_of_the_configuration_and_of_their_rows(data: Path) -> None:
    assert [(each.city, each.found.sensor, each.sensor_id) for each in known(data, FLEET, NOW)] == [
        ("New York", "1", "newyork-1"),
        ("New York", "2", "NEW_SENSOR002"),
        ("New York", "12", "newyork-12"),
        ("oslo", "1", "oslo-1"),
    ]


@pytest.mark.parametrize("name", ["New York", "newyork", "NEW YORK", "new york", "N.e'w York"])
def test_a_city_as_people_write_it(data: Path, name: str) -> None:
    assert {each.found.folder for each in of_city(known(data, FLEET, NOW), name)} == {"newyork"}


def test_another_city_is_none(data: Path) -> None:
    assert of_city(known(data, FLEET, NOW), "york") == []


@pytest.mark.parametrize(
    ("name", "numbers"), [("1", ["1", "1"]), ("new_sensor001", ["1"]), ("NEWYORK-1", ["1"]), ("2", ["2"]), ("3", [])]
)
def test_a_sensor_by_number_by_plan_and_by_its_rows(data: Path, name: str, numbers: list[str]) -> None:
    assert [each.found.sensor for each in of_sensor(known(data, FLEET, NOW), name)] == numbers
