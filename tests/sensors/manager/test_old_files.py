"""A folder of the shell script, or of the first Python port, is taken as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensors.errors import ConfigError
from sensors.manager.settings import Loaded, Wanted, load

SECRET = "c2VjcmV0-do-not-show=="

UPLOADER = f"""\
# Azure Cosmos DB Configuration
cosmos:
  endpoint: "${{COSMOS_ENDPOINT}}"
  key: "{SECRET}"
  database_name: "${{COSMOS_DATABASE:-Old}}"
  container_name: "${{NO_SUCH_NAME:-SensorReadings}}"
  partition_key: "/city"
  connection: {{mode: direct}}
performance:
  throughput: 400
logging: {{level: INFO}}
"""
SIMULATOR = """\
version: 1
simulation:
  readings_per_second: 3
  run_time_seconds: 360000
anomalies:
  enabled: true
  probability: 0.01
  types: {spike: {weight: 0.3}}
"""


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., None]:
    def run(**files: str) -> None:
        (tmp_path / "config").mkdir(exist_ok=True)
        places = {
            "cities": "config/cities.txt",
            "uploader": "config/config.yaml",
            "simulator": "config/sensor-config.yaml",
            "ours": "sensors.yaml",
        }
        for name, text in files.items():
            (tmp_path / places[name]).write_text(text, encoding="utf-8")

    return run


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Loaded]:
    def run(environment: dict[str, str] | None = None, **wanted: Any) -> Loaded:
        return load(tmp_path, Wanted(**wanted), environment or {})

    return run


def names(loaded: Loaded) -> list[str]:
    return [city.name for city in loaded.fleet.cities]


def problems(run: Callable[[], Loaded]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        run()
    assert SECRET not in str(caught.value) + caught.value.hint + repr(caught.value)
    return caught.value.why.splitlines()[1:]


def test_a_list_of_cities_is_enough(put: Callable[..., None], project: Callable[..., Loaded], tmp_path: Path) -> None:
    put(cities="\ufeffOslo\n# mine\r\nAmsterdam\r\n\r\n  New York  \r\n#Berlin\nSt. John's")
    loaded = project()
    assert names(loaded) == ["Oslo", "Amsterdam", "New York", "St. John's"]
    assert [city.folder for city in loaded.fleet.cities] == ["oslo", "amsterdam", "newyork", "stjohns"]
    assert [each.sensor_id for each in loaded.fleet.cities[1].sensors] == [f"AMS_SENSOR00{n}" for n in range(1, 6)]
    assert loaded.source == tmp_path / "config" / "cities.txt"
    assert loaded.notices == ()


def test_what_is_wrong_with_a_list_is_told_with_its_lines(
    put: Callable[..., None], project: Callable[..., Loaded]
) -> None:
    put(cities="Berlin\n\nberlin\na/b\n")
    assert problems(project) == [
        "config/cities.txt:3: cities[1].name: 'berlin' has the folder or services of 'Berlin': both are called berlin",
        "config/cities.txt:4: cities[2].name: 'a/b' becomes the name of a folder: without /",
    ]


def test_an_empty_list_is_told(put: Callable[..., None], project: Callable[..., Loaded]) -> None:
    put(cities="# none yet\n")
    assert problems(project) == ["config/cities.txt:1: cities: is empty"]


def test_the_uploader_s_settings_are_the_weakest_and_the_rest_is_named(
    put: Callable[..., None], project: Callable[..., Loaded], tmp_path: Path
) -> None:
    put(cities="Berlin\n", uploader=UPLOADER)
    loaded = project({"COSMOS_ENDPOINT": "https://e/"})
    assert loaded.cosmos == {
        "COSMOS_ENDPOINT": "https://e/",
        "COSMOS_KEY": SECRET,
        "COSMOS_DATABASE": "Old",
        "COSMOS_CONTAINER": "SensorReadings",
    }
    assert loaded.notices == (
        "config/config.yaml: not used here: cosmos.partition_key, cosmos.connection, performance, logging",
    )
    (tmp_path / ".env").write_text("COSMOS_KEY=new\nCOSMOS_DATABASE=Env\n", encoding="utf-8")
    (tmp_path / ".env").chmod(0o600)
    cosmos = project({"COSMOS_CONTAINER": "c"}).cosmos
    assert list(cosmos.values()) == ["", "new", "Env", "c"]


def test_a_reference_to_nothing_is_nothing(put: Callable[..., None], project: Callable[..., Loaded]) -> None:
    put(cities="Berlin\n", uploader="cosmos: {key: '${COSMOS_KEY}', container_name: '${NO_SUCH_NAME}'}\n")
    loaded = project()
    assert (loaded.cosmos["COSMOS_KEY"], loaded.cosmos["COSMOS_CONTAINER"]) == ("", "readings")


def test_what_is_wrong_with_the_uploader_s_file_is_told_without_its_values(
    put: Callable[..., None], project: Callable[..., Loaded]
) -> None:
    put(cities="Berlin\n", uploader=f"cosmos:\n  key: [{SECRET}]\n  key: {SECRET}\n")
    assert problems(project) == [
        "config/config.yaml:3: cosmos.key: stands twice, first in line 2",
        "config/config.yaml:2: cosmos.key: should be text: put it in quotes",
    ]
    put(uploader="cosmos: {\n")
    (problem,) = problems(project)
    assert problem.startswith("config/config.yaml:2: is no YAML")


@pytest.mark.parametrize(
    ("text", "rate", "share", "unused"),
    [
        (SIMULATOR, 3.0, 0.01, "version, simulation.run_time_seconds, anomalies.types"),
        ("readings: {readings_per_second: 2, anomaly_probability: 0.5}\n", 2.0, 0.5, ""),
        ("readings: {readings_per_second: 2}\nsimulation: {readings_per_second: 4}\n", 2.0, 0.05, ""),
        ("anomalies: {enabled: false, probability: 0.5}\n", 1.0, 0.0, ""),
        ("logging: {level: INFO}\n", 1.0, 0.05, "logging"),
    ],
)
def test_the_simulator_s_rates_are_the_file_layer(
    put: Callable[..., None], project: Callable[..., Loaded], text: str, rate: float, share: float, unused: str
) -> None:
    put(cities="Berlin\n", simulator=text)
    loaded = project()
    sensor = loaded.fleet.sensors[0]
    assert (sensor.readings_per_second, sensor.anomaly_probability) == (rate, share)
    assert loaded.notices == ((f"config/sensor-config.yaml: not used here: {unused}",) if unused else ())
    assert project({"READINGS_PER_SECOND": "9"}).fleet.sensors[0].readings_per_second == 9


def test_what_is_wrong_with_the_simulator_s_file_is_told(
    put: Callable[..., None], project: Callable[..., Loaded]
) -> None:
    put(cities="a/b\n", simulator="simulation:\n  readings_per_second: 0\nanomalies:\n  probability: often\n")
    assert problems(project)[1:] == [
        "config/sensor-config.yaml:2: simulation.readings_per_second: 0 should be greater than 0",
        "config/sensor-config.yaml:4: anomalies.probability: 'often' should be a valid number",
    ]


def test_the_port_s_file_can_have_the_cities(put: Callable[..., None], project: Callable[..., Loaded]) -> None:
    put(uploader="cities:\n  - {name: Berlin, latitude: 1, longitude: 2, country: DE}\n  - Paris\nlogging: {}\n")
    for loaded in (project(), project(config=Path("config/config.yaml"))):
        assert names(loaded) == ["Berlin", "Paris"]
        assert (loaded.fleet.sensors[0].latitude, loaded.fleet.sensors[0].longitude) == (1.0, 2.0)
        assert loaded.notices == ("config/config.yaml: not used here: logging",)
    put(cities="Rome\n")
    assert names(project()) == ["Rome"]
    assert names(project(config=Path("config/config.yaml"))) == ["Berlin", "Paris"]


def test_the_port_s_file_without_cities_goes_with_the_list_beside_it_or_with_ours(
    put: Callable[..., None], project: Callable[..., Loaded], tmp_path: Path
) -> None:
    put(uploader=UPLOADER, ours="schema_version: 1\ncities: [{name: Ours}]\n")
    loaded = project(config=Path("config/config.yaml"))
    assert (names(loaded), loaded.cosmos["COSMOS_DATABASE"]) == (["Ours"], "Old")
    assert [notice.split(":")[0] for notice in loaded.notices] == ["config/config.yaml"]
    put(cities="Rome\n")
    loaded = project(config=Path("config/config.yaml"))
    assert (names(loaded), loaded.cosmos["COSMOS_KEY"]) == (["Rome"], SECRET)
    assert loaded.source == tmp_path / "config" / "cities.txt"


def test_files_can_be_named(put: Callable[..., None], project: Callable[..., Loaded], tmp_path: Path) -> None:
    put(cities="Rome\n", ours="schema_version: 1\ndefaults: {sensors: 2}\ncities: [{name: Ours}]\n")
    (tmp_path / "other.txt").write_text("Oslo\n", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("schema_version: 1\ncities: [{name: Mine}]\n", encoding="utf-8")
    (tmp_path / "config" / "prod.yaml").write_text("cosmos: {database_name: prod}\n", encoding="utf-8")
    (tmp_path / "rates.yaml").write_text("simulation: {readings_per_second: 8}\n", encoding="utf-8")
    assert names(project(config=Path("other.txt"))) == ["Oslo"]
    assert names(project(config=tmp_path / "mine.yaml")) == ["Mine"]
    loaded = project(compose_config=Path("prod.yaml"), sensor_config=Path("rates.yaml"))
    assert names(loaded) == ["Ours"]
    assert loaded.cosmos["COSMOS_DATABASE"] == "prod"
    assert (loaded.fleet.sensors[0].readings_per_second, len(loaded.fleet.sensors)) == (8.0, 2)
    assert loaded.notices == ("sensors.yaml is used, not the old config/cities.txt beside it",)
    put(ours="schema_version: 1\ncosmos: {database: ours}\ncities: [{name: Ours}]\n")
    assert project(compose_config=Path("prod.yaml")).cosmos["COSMOS_DATABASE"] == "ours"
    put(ours="schema_version: 1\ncities: [{name: Ours}]\n")
    assert project(compose_config=Path("config/prod.yaml")).cosmos["COSMOS_DATABASE"] == "prod"


@pytest.mark.parametrize("flag", ["config", "sensor_config", "compose_config"])
def test_a_file_that_was_named_must_be_there(
    put: Callable[..., None], project: Callable[..., Loaded], flag: str
) -> None:
    put(cities="Rome\n")
    with pytest.raises(ConfigError, match=r"cannot read the configuration: none\.yaml: No such file"):
        project(**{flag: Path("none.yaml")})


def test_ours_is_used_and_the_old_ones_beside_it_are_told_of(
    put: Callable[..., None], project: Callable[..., Loaded]
) -> None:
    put(cities="Rome\n", uploader=UPLOADER, simulator=SIMULATOR, ours="schema_version: 1\ncities: [{name: Ours}]\n")
    loaded = project()
    assert (names(loaded), loaded.cosmos["COSMOS_KEY"]) == (["Ours"], "")
    assert loaded.notices == (
        "sensors.yaml is used, not the old config/cities.txt, config/config.yaml, config/sensor-config.yaml beside it",
    )


def test_ours_without_its_version_is_not_taken_for_an_old_one(
    put: Callable[..., None], project: Callable[..., Loaded], tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text("defaults: {sensors: 2}\ncities: [{name: A}]\n", encoding="utf-8")
    assert problems(lambda: project(config=Path("mine.yaml"))) == ["mine.yaml:1: schema_version: missing"]
    put(ours="cities: [{name: A}]\n")
    assert problems(project) == ["sensors.yaml:1: schema_version: missing"]


def test_five_cities_of_a_longer_list_are_run_as_ever(put: Callable[..., None], project: Callable[..., Loaded]) -> None:
    put(cities="\n".join(["Amsterdam", "Beijing", "Berlin", "Cairo", "Chicago", "Dallas", "Dubai"]))
    loaded = project()
    assert names(loaded) == ["Amsterdam", "Beijing", "Berlin", "Cairo", "Chicago"]
    assert loaded.notices == ("5 of 7 cities, by MAX_CITIES's default; the first are taken",)
