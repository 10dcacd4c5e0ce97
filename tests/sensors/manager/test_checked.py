"""`sensors.yaml`: what holds, and what is said of what does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sensors.config import Config
from sensors.errors import ConfigError
from sensors.manager.settings import Loaded, Wanted, load

EXAMPLE = Path(__file__).parents[3] / "sensors" / "example.yaml"
SECRET = "AccountKey=c2VjcmV0-do-not-show=="

WRONG = f"""\
schema_version: 2
project: My Project
data: ../data
state: archive/of
max_cities: 0
max_city: 3
upload_interval: soon
archive_format: CSV
images:
  tag: latest
  organisation: My Company
cosmos:
  key: {SECRET}
  endpoint: {SECRET}
  database: [{SECRET}]
  databse: x
defaults:
  sensors: "5"
  readings_per_second: 0
  models:
    - name: EnvMonitor
    - manufacturer: X
      firmware: [1.4, ]
cities:
  - Berlin
  - name: Mexico City
    lattitude: 95.0
    latitude: 95.0
    time_zone: Mars/Olympus
  - name: mexico city.
    latitude: 19.4
    longitude: 200
    sensors: 1000
    anomaly_probability: 1.0
    anomaly_probability: 0.1
  - name: 東京
  - latitude: 1
    longitude: .nan
  - name: a/b
  - name: .hidden
  - name: {"x" * 55}
  - name: NO
    models: []
  - name: 12
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[str], Loaded]:
    def run(text: str) -> Loaded:
        (tmp_path / "sensors.yaml").write_text(text, encoding="utf-8")
        return load(tmp_path, Wanted(), {})

    return run


@pytest.fixture
def refused(loaded: Callable[[str], Loaded]) -> Callable[[str], list[str]]:
    def run(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            loaded(text)
        assert caught.value.exit_code == 2
        assert "do-not-show" not in str(caught.value) + caught.value.hint + repr(caught.value)
        first, *problems = caught.value.why.splitlines()
        assert first == f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        assert str(caught.value) == f"cannot use the configuration: sensors.yaml: {caught.value.why}"
        return problems

    return run


def with_city(text: str) -> str:
    return f"schema_version: 1\n{text}\ncities: [{{name: Berlin}}]\n"


def test_a_very_wrong_file_gets_all_its_errors_golden(
    refused: Callable[[str], list[str]], golden: Callable[[str, str], None]
) -> None:
    golden("sensors-wrong.txt", "\n".join(refused(WRONG)) + "\n")


def test_errors_come_in_the_order_of_the_lines(refused: Callable[[str], list[str]]) -> None:
    lines = [int(problem.split(":")[1]) for problem in refused(WRONG)]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "sensors.yaml:1: schema_version: missing"),
        ("schema_version: 1\ncities:\n", "sensors.yaml:2: cities: missing"),
        ("schema_version: 1\ncities: []\n", "sensors.yaml:2: cities: is empty"),
        ("schema_version: 1\ncities: Berlin\n", "sensors.yaml:2: cities: should be a list: lines that begin with -"),
        ("- Berlin\n", "sensors.yaml:1: should have keys, such as `schema_version:`"),
        (with_city("defaults: 5"), "sensors.yaml:2: defaults: should have keys, such as `sensors:`"),
        (with_city("upload_interval: 0s"), "sensors.yaml:2: upload_interval: '0s' should be greater than 0"),
        (with_city("upload_interval: true"), "sensors.yaml:2: upload_interval: True should be a valid number"),
        (with_city(f"upload_interval: {'9' * 400}s"), "should be a finite number"),
        (with_city("max_cities: 2.0"), "sensors.yaml:2: max_cities: 2.0 should be a valid integer"),
        (with_city("data: /srv/data"), "is not a folder below the project's"),
        (with_city("data: C:/data"), "is not a folder below the project's"),
        (with_city("data: ."), "is not a folder below the project's"),
        (with_city("data: .sensors/data"), "is the manager's own folder"),
        (with_city("data: archive"), "sensors.yaml:2: data: data and archive share a folder, or one is in the other"),
        (with_city("state: ./data/x"), "sensors.yaml:2: state: data and state share a folder, or one is in the other"),
        (
            with_city("images: {registry: ghcr.io/me}"),
            "images.registry: 'ghcr.io/me' should be a host, and a port after a colon where it has one",
        ),
        (with_city("images: {tag: latest}"), "says nothing of what runs"),
        (with_city("archive_format: csv"), "'csv' is not written any more: the archive is Parquet"),
        (with_city("cosmos: {conection: x}"), "sensors.yaml:2: cosmos.conection: no such key, did you mean container"),
        (with_city(f"cosmos: {SECRET}"), "sensors.yaml:2: cosmos: should have keys, such as `database:`"),
        ("schema_version: 1\ncities:\n- name: A\n- name: a.\n", "sensors.yaml:4: cities[1].name: 'a.' has the folder"),
        ("schema_version: 1\ncities:\n- name: São\n- name: Sao\n", "both are called sao"),
        (
            "schema_version: 1\ncities:\n- name: Łyż\n- name: 東京\n",
            "sensors.yaml:4: cities[1].name: '東京' has no Latin",
        ),
        ("schema_version: 1\ncities:\n- name: A\n  longitude: 1\n", "cities[0]: longitude without latitude"),
        ("schema_version: 1\ncities:\n- name: 'C:'\n", "becomes the name of a folder: without :"),
    ],
)
def test_each_rule(refused: Callable[[str], list[str]], text: str, problem: str) -> None:
    assert [told for told in refused(text) if problem in told]


@pytest.mark.parametrize("name", ["Europe/Berlin", "Asia/Kolkata", "UTC"])
def test_zones_are_names_of_iana(loaded: Callable[[str], Loaded], name: str) -> None:
    assert loaded(f"schema_version: 1\ncities: [{{name: X, time_zone: {name}}}]\n")


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "''", "CEST"])
def test_other_zones_are_refused(refused: Callable[[str], list[str]], name: str) -> None:
    (problem,) = refused(f"schema_version: 1\ncities: [{{name: X, time_zone: {name}}}]\n")
    assert problem.endswith("is not an IANA time zone such as Europe/Berlin")


def test_a_value_below_cosmos_is_never_repeated(refused: Callable[[str], list[str]]) -> None:
    assert refused(with_city(f"cosmos: {{database: {SECRET * 20}, container: ''}}")) == [
        "sensors.yaml:2: cosmos.database: should have at most 255 characters",
        "sensors.yaml:2: cosmos.container: is empty",
    ]


def test_what_is_given_as_nothing_is_not_given(loaded: Callable[[str], Loaded]) -> None:
    fleet = loaded(with_city("defaults:\nimages:\ncosmos: {database: }\nmax_cities: null")).fleet
    assert [(city.name, len(city.sensors)) for city in fleet.cities] == [("Berlin", 5)]


def test_no_yaml_is_one_problem(refused: Callable[[str], list[str]]) -> None:
    assert refused("cities: [\n") == ["sensors.yaml:2: is no YAML: expected the node content, but found '<stream end>'"]


def test_no_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "sensors.yaml").write_bytes(b"cities: \xff\n")
    with pytest.raises(
        ConfigError, match=r"cannot read the configuration: sensors\.yaml: it is no UTF-8 text, from byte 8"
    ):
        load(tmp_path, Wanted(), {})


def test_a_mark_at_the_start_is_no_text(loaded: Callable[[str], Loaded]) -> None:
    assert loaded("\ufeff" + with_city("")).fleet.cities


def test_the_example_loads_as_it_is() -> None:
    whole = Config.model_validate(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))
    assert len(whole.cities) == whole.max_cities == 10
    assert all(city.time_zone and city.latitude and city.longitude for city in whole.cities)


def test_the_example_loads_with_all_its_comments_in_force(loaded: Callable[[str], Loaded]) -> None:
    text = re.sub(r"^( *)#(?! )", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = re.sub(r"^#( +- | {2,}\w+:)", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"^( +)#( +- | {2,}\w+:)", r"\1\2", text, flags=re.MULTILINE)
    found = loaded(text)
    assert found.project == "my-sensors"
    assert (found.fleet.registry, found.fleet.organisation, found.fleet.tag) == (
        "ghcr.io",
        "my-company",
        "v20261123120000",
    )
    assert [sensor.model for sensor in found.fleet.cities[0].sensors] == ["WeatherStation Pro"] * 3
    makes = [(sensor.model, sensor.firmware) for sensor in found.fleet.cities[1].sensors]
    assert makes == [
        ("EnvMonitor-3000", "1.4.2"),
        ("TempSensor Pro", "1.3.1"),
        ("My Sensor", "1.0.0"),
        ("EnvMonitor-3000", "1.5.0"),
        ("TempSensor Pro", "1.3.1"),
    ]
    assert found.notices == ()


def test_the_example_names_every_key_of_the_schema() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    schema = json.loads((EXAMPLE.parent / "sensors.schema.json").read_text(encoding="utf-8"))
    keys = {key for section in (schema, *schema["$defs"].values()) for key in section["properties"]}
    assert [key for key in keys if not re.search(rf"^[ #-]*{key}:", text, re.MULTILINE)] == []


def test_the_schema_describes_every_key() -> None:
    schema: dict[str, Any] = json.loads((EXAMPLE.parent / "sensors.schema.json").read_text(encoding="utf-8"))
    sections = [schema, *schema["$defs"].values()]
    assert all(section["additionalProperties"] is False for section in sections)
    assert [key for each in sections for key, about in each["properties"].items() if "description" not in about] == []


def test_the_schema_takes_durations_as_the_file_does() -> None:
    schema = json.loads((EXAMPLE.parent / "sensors.schema.json").read_text(encoding="utf-8"))
    number, text = schema["properties"]["upload_interval"]["anyOf"]
    assert number["type"] == "number"
    for good, bad in (("30s", "30 s"), ("1.5m", "m"), ("30", ""), ("500ms", "1d")):
        assert re.search(text["pattern"], good)
        assert not re.search(text["pattern"], bad)
