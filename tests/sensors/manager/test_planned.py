"""The fleet of a configuration: names, places and makes of its sensors."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.cities import city_named
from sensors.config import Config
from sensors.manager.fleet import Fleet, ascii_of, folder_of
from sensors.manager.settings.checked import checked
from sensors.manager.settings.planned import planned, standard_offset_h

SERVICE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")
"""What Compose takes for the name of a service, and the engine for that of a container."""


def fleet(*cities: dict[str, Any], **more: Any) -> Fleet:
    config, problems = checked({"schema_version": 1, "cities": list(cities), **more}, lambda _: 1)
    assert isinstance(config, Config), problems
    return planned(config, {})


def place(city: dict[str, Any]) -> tuple[float, float, float]:
    sensor = fleet(city).sensors[0]
    return sensor.latitude, sensor.longitude, sensor.utc_offset_h


def test_names_are_the_old_ones() -> None:
    (city,) = fleet({"name": "St. John's"}).cities
    assert (city.folder, city.uploader) == ("stjohns", "uploader-stjohns")
    assert [(each.service, each.sensor_id) for each in city.sensors[:2]] == [
        ("sensor-stjohns-1", "STJ_SENSOR001"),
        ("sensor-stjohns-2", "STJ_SENSOR002"),
    ]


def test_a_known_city_has_its_place_and_an_unknown_one_what_follows_from_its_name() -> None:
    assert place({"name": "Mumbai"}) == (19.0760, 72.8777, 5.5)
    assert place({"name": "new york"}) == (40.7128, -74.0060, -5)
    made_up = city_named("Atlantis")
    assert place({"name": "Atlantis"}) == (made_up.latitude, made_up.longitude, round(made_up.longitude / 15))


def test_what_a_city_says_wins() -> None:
    here = {"latitude": 1.0, "longitude": 100.0}
    assert place({"name": "Mumbai", **here}) == (1.0, 100.0, 5.5)
    assert place({"name": "Atlantis", **here}) == (1.0, 100.0, 7.0)
    assert place({"name": "Mumbai", **here, "time_zone": "Europe/Berlin"}) == (1.0, 100.0, 1.0)


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("Europe/Berlin", 1.0),
        ("Australia/Sydney", 10.0),
        ("America/New_York", -5.0),
        ("Asia/Kolkata", 5.5),
        ("Europe/Dublin", 0.0),
        ("Asia/Kathmandu", 5.75),
        ("Pacific/Chatham", 12.75),
        ("UTC", 0.0),
    ],
)
def test_the_offset_is_of_standard_time_in_both_halves_of_the_world(zone: str, hours: float) -> None:
    assert standard_offset_h(zone) == hours


def test_makes_are_dealt_in_turn_and_so_are_their_firmwares() -> None:
    models = [{"name": "TempSensor Pro"}, {"name": "Own", "manufacturer": "Me", "firmware": ["a", "b", "c"]}]
    dealt = [
        (each.model, each.manufacturer, each.firmware)
        for each in fleet({"name": "A", "sensors": 7, "models": models}).sensors
    ]
    assert dealt == [
        ("TempSensor Pro", "SensorTech", "1.2.0"),
        ("Own", "Me", "a"),
        ("TempSensor Pro", "SensorTech", "1.3.1"),
        ("Own", "Me", "b"),
        ("TempSensor Pro", "SensorTech", "1.2.0"),
        ("Own", "Me", "c"),
        ("TempSensor Pro", "SensorTech", "1.3.1"),
    ]


def test_a_city_s_models_win_over_the_defaults_over_all_known_ones() -> None:
    own = {"name": "A", "models": [{"name": "AirData-Plus"}]}
    cities = fleet(own, {"name": "B"}, defaults={"models": [{"name": "TempSensor Pro"}], "sensors": 2}).cities
    assert [[each.model for each in city.sensors] for city in cities] == [["AirData-Plus"] * 2, ["TempSensor Pro"] * 2]
    assert len({each.model for each in fleet({"name": "A"}).sensors}) == 4


def test_a_known_model_takes_what_is_said_of_it() -> None:
    (sensor,) = fleet({"name": "A", "sensors": 1, "models": [{"name": "AirData-Plus", "firmware": ["9"]}]}).sensors
    assert (sensor.manufacturer, sensor.firmware) == ("DataLogger", "9")


def test_the_same_configuration_gives_the_same_fleet() -> None:
    assert fleet({"name": "Atlantis"}, {"name": "Berlin"}) == fleet({"name": "Atlantis"}, {"name": "Berlin"})


LETTERS = "abXYZ09 .-_'\u2019\u00e9\u00df\u0141\u0130\u00b2\u6771\U0001d400"
NAMES = st.lists(
    st.builds(
        lambda first, rest: (first + rest).strip(),
        st.sampled_from("aBZ\u00e9\u00d1\u0130"),
        st.text(st.sampled_from(LETTERS) | st.characters(codec="utf-8", categories=["L", "M", "N", "Pd"]), max_size=12),
    ),
    min_size=1,
    max_size=4,
)
"""Cities as people write them, and as they do not: letters that shrink, grow or vanish when they are made plain."""


@settings(deadline=None)
@given(NAMES)
def test_names_that_pass_are_valid_for_folders_and_services_and_no_two_the_same(names: list[str]) -> None:
    config, _ = checked({"schema_version": 1, "cities": [{"name": name} for name in names]}, lambda _: 1)
    if config is None:
        return
    cities = planned(config, {}).cities
    services = [name for city in cities for name in (city.uploader, *(each.service for each in city.sensors))]
    assert all(SERVICE.fullmatch(name) and len(name) <= 63 for name in services)
    assert len({name.lower() for name in services}) == len(services)
    assert all(re.fullmatch(r"[A-Z0-9_-]+_SENSOR\d{3}", each.sensor_id) for city in cities for each in city.sensors)
    folders = [city.folder for city in cities]
    assert all(Path(folder).name == folder and folder not in ("", ".", "..") for folder in folders)
    assert len({unicodedata.normalize("NFD", folder).casefold() for folder in folders}) == len(folders)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_what_services_are_called_by_is_plain_whatever_the_city_is(name: str) -> None:
    letters = ascii_of(folder_of(name))
    assert letters == "" or SERVICE.fullmatch(letters)
    assert ascii_of(letters) == letters
