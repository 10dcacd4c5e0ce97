"""Every variable by each layer, and what a project is told about its configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sensors.errors import ConfigError
from sensors.manager.settings import Loaded, Wanted, load, variables

SECRET = "c2VjcmV0-do-not-show=="
ROOT = Path(__file__).parents[3]

FILE = """\
schema_version: 1
project: mine
defaults: {sensors: 2, readings_per_second: 2, anomaly_probability: 0.2}
max_cities: 3
upload_interval: 2s
archive_format: Parquet
images: {registry: file.io, organisation: file, tag: file}
cosmos: {database: file, container: file}
cities:
  - {name: Berlin}
  - {name: Own, sensors: 3, readings_per_second: 3, anomaly_probability: 0.3}
  - {name: C}
  - {name: D}
"""


def sensor(loaded: Loaded, city: int = 0) -> Any:
    return loaded.fleet.cities[city].sensors[0]


SEEN: Mapping[str, tuple[Callable[[Loaded], object], tuple[str, object], tuple[str, object], object, object]] = {
    "COSMOS_ENDPOINT": (lambda loaded: loaded.cosmos["COSMOS_ENDPOINT"], ("e", "e"), ("d", "d"), "", ""),
    "COSMOS_KEY": (lambda loaded: loaded.cosmos["COSMOS_KEY"], (SECRET, SECRET), ("d", "d"), "", ""),
    "COSMOS_DATABASE": (lambda loaded: loaded.cosmos["COSMOS_DATABASE"], ("e", "e"), ("d", "d"), "file", "SensorData"),
    "COSMOS_CONTAINER": (lambda loaded: loaded.cosmos["COSMOS_CONTAINER"], ("e", "e"), ("d", "d"), "file", "readings"),
    "SENSORS_PER_CITY": (lambda loaded: len(loaded.fleet.cities[0].sensors), ("7", 7), ("6", 6), 2, 5),
    "MAX_CITIES": (lambda loaded: len(loaded.fleet.cities), ("2", 2), ("1", 1), 3, 1),
    "READINGS_PER_SECOND": (lambda loaded: sensor(loaded).readings_per_second, ("0.5", 0.5), ("4", 4.0), 2.0, 1.0),
    "ANOMALY_PROBABILITY": (lambda loaded: sensor(loaded).anomaly_probability, ("0", 0.0), (".4", 0.4), 0.2, 0.05),
    "UPLOAD_INTERVAL": (lambda loaded: loaded.fleet.upload_interval_s, ("5m", 300.0), ("4", 4.0), 2.0, 30.0),
    "ARCHIVE_FORMAT": (lambda loaded: bool(loaded.fleet), ("PARQUET", True), ("Parquet", True), True, True),
    "DOCKER_REGISTRY": (lambda loaded: loaded.fleet.registry, ("e:5000", "e:5000"), ("d", "d"), "file.io", ""),
    "DOCKER_ORG": (lambda loaded: loaded.fleet.organisation, ("e", "e"), ("d", "d"), "file", ""),
}
"""Variable -> how to see it, its text and value in the environment, in `.env`, then in FILE, then by default."""


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Loaded]:
    def run(*, file: str = "", dotenv: str = "", environment: Mapping[str, str] | None = None, **wanted: Any) -> Loaded:
        (tmp_path / "sensors.yaml").write_text(
            file or "schema_version: 1\ncities: [{name: Berlin}]\n", encoding="utf-8"
        )
        if dotenv:
            (tmp_path / ".env").write_text(dotenv, encoding="utf-8")
            (tmp_path / ".env").chmod(0o600)
        return load(tmp_path, Wanted(**wanted), environment or {})

    return run


def problems(run: Callable[[], Loaded]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        run()
    assert SECRET not in str(caught.value) + caught.value.hint + repr(caught.value)
    return caught.value.why.splitlines()[1:]


def test_every_variable_of_the_issue_is_there() -> None:
    assert [each.name for each in variables.VARIABLES] == list(SEEN)
    flags = {each.flag.replace("-", "_") for each in variables.VARIABLES if each.flag}
    assert {field.name for field in fields(Wanted)} - flags == {"config", "sensor_config", "compose_config", "tag"}


@pytest.mark.parametrize("name", SEEN)
def test_the_environment_wins_over_dotenv_over_the_file_over_the_default(
    project: Callable[..., Loaded], name: str
) -> None:
    seen, (env_text, by_environment), (dotenv_text, by_dotenv), by_file, by_default = SEEN[name]
    dotenv = f"{name}={dotenv_text}\n"
    assert seen(project()) == by_default
    assert seen(project(file=FILE)) == by_file
    assert seen(project(file=FILE, dotenv=dotenv)) == by_dotenv
    assert seen(project(file=FILE, dotenv=dotenv, environment={name: env_text})) == by_environment


@pytest.mark.parametrize("name", SEEN)
def test_an_empty_variable_is_not_set(project: Callable[..., Loaded], name: str) -> None:
    seen, _, (dotenv_text, by_dotenv), by_file, _ = SEEN[name]
    assert seen(project(file=FILE, dotenv=f"{name}=\n", environment={name: ""})) == by_file
    assert seen(project(file=FILE, dotenv=f"{name}={dotenv_text}\n", environment={name: ""})) == by_dotenv


@pytest.mark.parametrize(
    ("name", "flag", "value", "seen_as"),
    [
        ("SENSORS_PER_CITY", "sensors_per_city", 9, 9),
        ("MAX_CITIES", "max_cities", 4, 4),
        ("READINGS_PER_SECOND", "readings_per_second", 9.0, 9.0),
        ("ANOMALY_PROBABILITY", "anomaly_probability", 0.0, 0.0),
        ("UPLOAD_INTERVAL", "upload_interval", "1h", 3600.0),
        ("ARCHIVE_FORMAT", "archive_format", "parquet", True),
    ],
)
def test_a_flag_wins_over_the_environment(
    project: Callable[..., Loaded], name: str, flag: str, value: object, seen_as: object
) -> None:
    seen, (text, _), *_ = SEEN[name]
    assert seen(project(file=FILE, environment={name: text}, **{flag: value})) == seen_as


def test_the_tag_is_the_flag_s_then_the_file_s(project: Callable[..., Loaded]) -> None:
    assert [project().fleet.tag, project(file=FILE).fleet.tag, project(file=FILE, tag="v1").fleet.tag] == [
        None,
        "file",
        "v1",
    ]


def test_a_city_s_own_wins_over_the_defaults_and_a_variable_over_both(project: Callable[..., Loaded]) -> None:
    def shown(loaded: Loaded) -> tuple[int, float, float]:
        own = loaded.fleet.cities[1]
        return len(own.sensors), own.sensors[0].readings_per_second, own.sensors[0].anomaly_probability

    assert shown(project(file=FILE)) == (3, 3.0, 0.3)
    environment = {"SENSORS_PER_CITY": "1", "READINGS_PER_SECOND": "9", "ANOMALY_PROBABILITY": "0.9"}
    assert shown(project(file=FILE, environment=environment)) == (1, 9.0, 0.9)


def test_all_that_is_wrong_is_told_together_with_where_it_came_from(project: Callable[..., Loaded]) -> None:
    told = problems(
        lambda: project(
            file="schema_version: 1\nmax_city: 1\ncities: [{name: Berlin}]\n",
            dotenv=f"SENSORS_PER_CITY=0\n\nCOSMOS_KEY {SECRET}\nDOCKER_ORG=My Org\nDOCKER_REGISTRY=x\n",
            environment={"READINGS_PER_SECOND": "fast", "DOCKER_REGISTRY": "https://ghcr.io", "UPLOAD_INTERVAL": "nan"},
            anomaly_probability=1.0,
            archive_format="CSV",
            tag="latest",
        )
    )
    assert told == [
        "sensors.yaml:2: max_city: no such key, did you mean max_cities",
        ".env:3: is no NAME=value",
        "SENSORS_PER_CITY in .env: '0' should be greater than or equal to 1",
        "READINGS_PER_SECOND: 'fast' should be a valid number, unable to parse string as a number",
        "--anomaly-probability: 1.0 should be less than 1",
        "UPLOAD_INTERVAL: 'nan' is not a duration such as 30s, 5m or 1h",
        "--archive-format: 'CSV' is not written any more: the archive is Parquet",
        "DOCKER_REGISTRY: 'https://ghcr.io' should be a host, and a port after a colon where it has one",
        "DOCKER_ORG in .env: 'My Org' should be of small letters and digits, with . _ - between them",
        "--tag: 'latest' says nothing of what runs, and changes under it: name a build's own tag",
    ]


@pytest.mark.parametrize("name", ["READINGS_PER_SECOND", "ANOMALY_PROBABILITY"])
@pytest.mark.parametrize("text", ["nan", "inf", "-1"])
def test_numbers_are_numbers(project: Callable[..., Loaded], name: str, text: str) -> None:
    (problem,) = problems(lambda: project(environment={name: text}))
    assert problem.startswith(f"{name}: '{text}' should be")


def test_a_value_of_cosmos_is_never_repeated(project: Callable[..., Loaded]) -> None:
    long = SECRET * 20
    told = problems(lambda: project(environment={"COSMOS_DATABASE": long, "COSMOS_CONTAINER": long}))
    assert told == [
        "COSMOS_DATABASE: should have at most 255 characters",
        "COSMOS_CONTAINER: should have at most 255 characters",
    ]


def test_the_key_is_in_no_repr(project: Callable[..., Loaded]) -> None:
    loaded = project(environment={"COSMOS_KEY": SECRET})
    assert loaded.cosmos["COSMOS_KEY"] == SECRET
    assert SECRET not in repr(loaded)


def test_dotenv_is_read_as_shells_and_compose_read_it(project: Callable[..., Loaded]) -> None:
    dotenv = (
        "# a comment\nexport ACCOUNT='abc'\nCOSMOS_KEY=\"k=\" # mine\nCOSMOS_ENDPOINT=https://${ACCOUNT}.${ZONE:-eu}/\n"
    )
    loaded = project(dotenv=dotenv + "COSMOS_DATABASE=${USER_DB}\n", environment={"USER_DB": "u"})
    assert loaded.cosmos["COSMOS_ENDPOINT"] == "https://abc.eu/"
    assert (loaded.cosmos["COSMOS_KEY"], loaded.cosmos["COSMOS_DATABASE"]) == ("k=", "u")


def test_no_configuration_at_all_is_told_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, Wanted(), {})
    assert caught.value.hint == "bacalhau-cosmos sensors init"
    assert str(caught.value) == (
        f"cannot configure the sensors: {tmp_path}: there is neither sensors.yaml nor config/cities.txt"
    )


@pytest.mark.parametrize(
    ("how", "notice"),
    [
        ({}, "5 of 6 cities, by MAX_CITIES's default; the first are taken"),
        ({"file": "max_cities: 2\n"}, "2 of 6 cities, by max_cities in sensors.yaml; the first are taken"),
        ({"environment": {"MAX_CITIES": "1"}}, "1 of 6 cities, by MAX_CITIES; the first are taken"),
        ({"dotenv": "MAX_CITIES=4\n"}, "4 of 6 cities, by MAX_CITIES in .env; the first are taken"),
        ({"max_cities": 3}, "3 of 6 cities, by --max-cities; the first are taken"),
    ],
)
def test_cities_that_are_left_out_are_told_of(project: Callable[..., Loaded], how: dict[str, Any], notice: str) -> None:
    cities = "schema_version: 1\ncities: [{name: A}, {name: B}, {name: C}, {name: D}, {name: E}, {name: F}]\n"
    loaded = project(**how | {"file": cities + how.get("file", "")})
    assert loaded.notices == (notice,)
    assert "".join(city.name for city in loaded.fleet.cities) == "ABCDEF"[: int(notice[0])]


def test_no_city_left_out_is_no_notice(project: Callable[..., Loaded]) -> None:
    assert project(max_cities=1).notices == ()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such bits")
def test_a_key_that_others_can_read_is_told_of(project: Callable[..., Loaded], tmp_path: Path) -> None:
    project(dotenv="COSMOS_KEY=k\nSENSORS_PER_CITY=1\n")
    notices = {}
    for mode in (0o600, 0o640, 0o604, 0o400):
        (tmp_path / ".env").chmod(mode)
        notices[mode] = project().notices
    told = (".env holds COSMOS_KEY, and other users of this machine can read it: chmod 600 .env",)
    assert notices == {0o600: (), 0o640: told, 0o604: told, 0o400: ()}
    (tmp_path / ".env").write_text("SENSORS_PER_CITY=1\n", encoding="utf-8")
    (tmp_path / ".env").chmod(0o644)
    assert project().notices == ()


def test_places_are_the_file_s_below_the_project(project: Callable[..., Loaded], tmp_path: Path) -> None:
    loaded = project(file="schema_version: 1\ndata: var/data\nstate: var/state\ncities: [{name: A}]\n")
    places = loaded.places
    assert (places.root, places.data, places.state, places.archive) == (
        tmp_path,
        tmp_path / "var" / "data",
        tmp_path / "var" / "state",
        tmp_path / "archive",
    )
    assert (loaded.project, project(file=FILE).project) == (None, "mine")
    assert loaded.source == tmp_path / "sensors.yaml"


def test_the_template_says_each_variable_and_changes_nothing(project: Callable[..., Loaded]) -> None:
    template = (ROOT / ".env.template").read_text(encoding="utf-8")
    assert template == variables.template()
    assert project(file=FILE, dotenv=template) == project(file=FILE)
    for each in variables.VARIABLES:
        assert f"{each.name}={each.default}\n" in template
    in_force = "\n".join(line.removeprefix("#") for line in template.splitlines() if not line.startswith("# "))
    loaded = project(dotenv=in_force)
    assert [seen(loaded) for seen, *_ in SEEN.values()] == [by_default for *_, by_default in SEEN.values()]
