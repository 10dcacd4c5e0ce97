"""What a project remembers: commands that were interrupted or are at work, and what other names left."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sensors.manager import state
from sensors.manager.diagnostics.check import Check, Outcome
from sensors.manager.diagnostics.project import leftovers, remembered
from sensors.manager.engine.values import Container, Placed
from sensors.manager.project import Places

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def found(places: Places) -> dict[str, Check]:
    return {check.name: check for check in remembered(places, "weather")}


def interrupt(places: Places, command: str = "reset") -> None:
    def run() -> None:
        with state.changing(places, command, lambda: NOW) as step:
            step("build the images")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()


def placed(service: str, compose_project: str, project: str | None) -> Placed:
    container = Container("1" * 64, service, "running", None, 0, None, NOW, "image")
    return Placed(container, compose_project, project)


def test_a_new_project_remembers_nothing(places: Places) -> None:
    assert found(places) == {
        "memory": Check("memory", Outcome.OK, "project weather (not started), no image was built here")
    }
    assert not places.own.exists()


def test_what_is_known(places: Places) -> None:
    state.remember(places, project="weather", images={"sensors": "a:v1", "processors": "b:v1"})
    assert found(places)["memory"].found == "project weather, last built a:v1, b:v1"


def test_an_interrupted_command_says_what_the_next_one_does(places: Places) -> None:
    interrupt(places)
    check = found(places)["last command"]
    assert check.outcome is Outcome.WARNING
    assert "`reset` of 2026-11-23 12:00:00 UTC did not end: build the images" in check.found
    assert check.remedy.startswith("run `bacalhau-cosmos sensors reset` again: it ")


def test_a_command_at_work_is_no_interrupted_one_and_is_not_disturbed(places: Places) -> None:
    with state.changing(places, "start", lambda: NOW) as step:
        step("build the images")
        check = found(places)["last command"]
        assert check.outcome is Outcome.OK
        assert "`start` is at work" in check.found
        step("start")
    assert "last command" not in found(places)


def test_looking_at_an_interrupted_command_leaves_the_project_free(places: Places) -> None:
    interrupt(places)
    found(places)
    with state.changing(places, "reset", lambda: NOW):
        pass
    assert "last command" not in found(places)


def test_a_memory_that_cannot_be_read_fails(places: Places) -> None:
    places.own.mkdir()
    (places.own / "state.json").write_text("{")
    check = found(places)["memory"]
    assert check.outcome is Outcome.FAILED
    assert "cleanup --project-name" in check.remedy


def test_the_old_scripts_name_is_taken_over_then_stale(places: Places) -> None:
    places.old_project.write_text("old-one\n")
    assert found(places)[".current-project-name"].outcome is Outcome.OK
    state.remember(places, project="weather")
    check = found(places)[".current-project-name"]
    assert (check.outcome, "old-one" in check.found) == (Outcome.WARNING, True)


def test_an_old_name_that_is_no_text_is_a_warning(places: Places) -> None:
    state.remember(places, project="weather")
    places.old_project.write_bytes(b"\xff")
    assert found(places)[".current-project-name"].outcome is Outcome.WARNING


def test_containers_of_other_names_are_left_overs() -> None:
    check = leftovers(
        [
            placed("sensor-a-1", "weather", "weather"),
            placed("sensor-a-1", "before", "before"),
            placed("uploader-a", "script", None),
            placed("database", "somebody", None),
        ],
        "weather",
    )
    assert check.outcome is Outcome.WARNING
    assert check.found == "2 containers of before, script, started from this folder"
    assert "`bacalhau-cosmos sensors cleanup --project-name before`" in check.remedy
    assert "`docker compose --project-name script down`" in check.remedy
    assert "somebody" not in check.remedy


def test_a_project_alone_in_its_folder_is_well() -> None:
    assert leftovers([placed("sensor-a-1", "weather", "weather")], "weather").outcome is Outcome.OK
    assert leftovers([], "weather").outcome is Outcome.OK
