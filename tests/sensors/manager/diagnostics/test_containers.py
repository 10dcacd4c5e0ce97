"""Containers in every state, and their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sensors.errors import EngineError
from sensors.manager.compose import Images
from sensors.manager.diagnostics.check import Check, Outcome
from sensors.manager.diagnostics.containers import containers
from sensors.manager.diagnostics.engine import compose, engine, images, root_of
from sensors.manager.engine.values import About, Container, Image
from sensors.manager.fleet import Fleet

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NONE = EngineError("reach", "the Docker engine", why="none runs", hint="start it")
ABOUT = About("27.3.1", "1.47", "linux/amd64", "overlay2", "2 (systemd)", "/nowhere", "its socket", True, NOW)
WANTED = Images("bacalhau-cosmos/sensors:v1", "bacalhau-cosmos/processors:v1")


def container(
    service: str, state: str = "running", health: str | None = "healthy", code: int | None = None
) -> Container:
    return Container(f"{service}-id", service, state, health, 0, code, NOW, "image")


def lines(each: Container, count: int) -> Sequence[str]:
    return [f"{each.service} line {number}" for number in range(20)][-count:]


@pytest.fixture
def all_well(fleet: Fleet) -> list[Container]:
    services = [*(each.service for each in fleet.sensors), *(each.uploader for each in fleet.cities)]
    return [container(service) for service in services]


def told(found: Sequence[Container], fleet: Fleet | None) -> dict[str, Check]:
    return {check.name: check for check in containers(found, fleet, lines)}


def test_all_well_are_counted_and_uploaders_have_their_last_ten_lines(fleet: Fleet, all_well: list[Container]) -> None:
    found = told(all_well, fleet)
    assert {check.outcome for check in found.values()} == {Outcome.OK}
    assert found["sensors"].found == "3 of 3 sensors well"
    assert found["uploaders"].found == "2 of 2 uploaders well"
    assert list(found) == ["sensors", "uploaders", *(city.uploader for city in fleet.cities)]
    assert found["uploader-amsterdam"].lines == tuple(f"uploader-amsterdam line {n}" for n in range(10, 20))


@pytest.mark.parametrize(
    ("state", "health", "code", "outcome", "said"),
    [
        ("running", "unhealthy", None, Outcome.FAILED, "running, unhealthy"),
        ("running", "starting", None, Outcome.WARNING, "running, starting"),
        ("restarting", None, None, Outcome.FAILED, "restarting"),
        ("exited", None, 137, Outcome.FAILED, "exited, exit code 137"),
        ("created", None, 0, Outcome.FAILED, "created, exit code 0"),
        ("paused", "healthy", None, Outcome.WARNING, "paused, healthy"),
        ("dead", None, 1, Outcome.FAILED, "dead, exit code 1"),
        ("removing", None, 1, Outcome.WARNING, "removing, exit code 1"),
    ],
)
def test_one_that_is_not_well(
    fleet: Fleet,
    all_well: list[Container],
    state: str,
    health: str | None,
    code: int | None,
    outcome: Outcome,
    said: str,
) -> None:
    bad = replace(container("sensor-amsterdam-1", state, health, code), restarts=2)
    found = told([bad, *all_well[1:]], fleet)
    assert found["sensors"].found == "2 of 3 sensors well"
    check = found["sensor-amsterdam-1"]
    assert (check.outcome, check.found) == (outcome, f"{said}, 2 restarts")
    assert len(check.lines) == 10
    assert check.remedy


def test_those_that_are_not_there_and_those_that_no_longer_belong(fleet: Fleet, all_well: list[Container]) -> None:
    missing = told(all_well[1:], fleet)["sensors"]
    assert (missing.outcome, missing.found) == (Outcome.WARNING, "2 of 3 sensors well; not there: sensor-amsterdam-1")
    more = told([*all_well, container("sensor-paris-1")], fleet)["sensors"]
    assert (more.outcome, "no longer in the configuration: sensor-paris-1" in more.found) == (Outcome.WARNING, True)


def test_without_a_configuration_what_runs_is_counted(all_well: list[Container]) -> None:
    assert told(all_well, None)["sensors"].found == "3 of 3 sensors well"


def test_nothing_that_runs_is_not_looked_at(fleet: Fleet) -> None:
    (check,) = containers([], fleet, lines)
    assert check.outcome is Outcome.SKIPPED


def test_a_log_that_cannot_be_read_fails_that_container_alone(fleet: Fleet, all_well: list[Container]) -> None:
    def some(each: Container, count: int) -> Sequence[str]:
        if each.service == "uploader-amsterdam":
            raise EngineError("read the log", each.service, why="its driver keeps none", hint="use json-file")
        return lines(each, count)

    found = {check.name: check for check in containers(all_well, fleet, some)}
    assert [check.name for check in found.values() if check.outcome is Outcome.FAILED] == ["uploader-amsterdam"]
    assert found["uploader-amsterdam"].remedy == "use json-file"


def test_the_engine_and_compose() -> None:
    assert engine(ABOUT).found == "27.3.1 (API 1.47), linux/amd64, overlay2, cgroup 2 (systemd), at its socket"
    assert (engine(NONE).outcome, engine(NONE).remedy) == (Outcome.FAILED, "start it")
    assert compose(lambda: "2.40.3").outcome is Outcome.OK

    def none() -> str:
        raise NONE

    assert compose(none).outcome is Outcome.FAILED


def test_the_root_of_an_engine_is_looked_at_only_where_it_is_here(tmp_path: object) -> None:
    assert root_of(NONE) is None
    assert root_of(ABOUT) is None
    here = replace(ABOUT, root=str(tmp_path))
    assert root_of(here) == tmp_path
    assert root_of(replace(here, here=False)) is None


def test_images_that_are_there() -> None:
    there = {name: Image(NOW - timedelta(hours=5), "linux/amd64") for name in (WANTED.sensors, WANTED.processors)}
    found = list(images(WANTED, there.get, ABOUT, NOW))
    assert [check.outcome for check in found] == [Outcome.OK, Outcome.OK]
    assert found[0].found == "bacalhau-cosmos/sensors:v1, 5 h old, linux/amd64"


def test_images_that_are_not_or_are_for_another_platform() -> None:
    there = {WANTED.sensors: Image(None, "linux/arm64")}
    other, missing = images(WANTED, there.get, ABOUT, NOW)
    assert (other.outcome, missing.outcome) == (Outcome.WARNING, Outcome.FAILED)
    assert "of unknown age" in other.found
    assert "sensors build" in missing.remedy
    assert next(images(None, there.get, ABOUT, NOW)).outcome is Outcome.FAILED
    assert next(images(WANTED, there.get, NONE, NOW)).outcome is Outcome.SKIPPED
