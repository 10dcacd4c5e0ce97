"""All checks together: the texts for a healthy and for a very sick project, and what is left without Docker."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sensors.errors import ConfigError, EngineError, SensorsError
from sensors.manager import state
from sensors.manager.compose import Images, Owner
from sensors.manager.diagnostics.check import Outcome, next_steps, well
from sensors.manager.diagnostics.cosmos import Tried
from sensors.manager.diagnostics.disk import Disk
from sensors.manager.diagnostics.endpoint import Answer
from sensors.manager.diagnostics.env_file import EnvFile
from sensors.manager.diagnostics.everything import Machine, Subject, diagnose
from sensors.manager.diagnostics.mask import masking
from sensors.manager.diagnostics.text import document, text
from sensors.manager.engine.values import About, Container, Image, Placed
from sensors.manager.fleet import Fleet
from sensors.manager.project import Places
from tests.harness import databases as made
from tests.harness.databases import START, readings

NOW = START + timedelta(seconds=7 * 49 + 2)
IMAGES = Images("bacalhau-cosmos/sensors:v1", "bacalhau-cosmos/processors:v1")
GB = 1_000_000_000
KEY = "a-key-that-nobody-tells"

Golden = Callable[[str, str], None]


@pytest.fixture
def fleet(fleet: Fleet) -> Fleet:
    """With names that every system takes for folders."""
    first, second = fleet.cities
    sensors = tuple(replace(each, city="São Paulo", folder="sãopaulo") for each in second.sensors)
    return replace(fleet, cities=(first, replace(second, name="São Paulo", folder="sãopaulo", sensors=sensors)))


class Told:
    """An engine that tells what it is given: what Docker's own says is in tests/integration."""

    def __init__(self, found: Sequence[Container], images: dict[str, Image], left: Sequence[Placed] = ()) -> None:
        self._found, self._images, self._left = found, images, left
        self.at = NOW

    def about(self) -> About:
        return About("27.3.1", "1.47", "linux/amd64", "overlay2", "2 (systemd)", "/none", "its socket", True, self.at)

    def containers(self, project: str) -> Sequence[Container]:
        assert project == "weather"
        return self._found

    def started_from(self, folder: Path) -> Sequence[Placed]:
        assert folder.is_absolute()
        return self._left

    def image(self, name: str) -> Image | None:
        return self._images.get(name)

    def last_lines(self, container: Container, lines: int) -> Sequence[str]:
        return [f"2026-11-22T04:05:0{n}Z {container.service} says {n} with {KEY}" for n in range(lines)][-3:]


def container(service: str, state: str = "running", health: str | None = "healthy", **more: object) -> Container:
    whole = Container("0123456789abcdef", service, state, health, 0, None, NOW, "image")
    return replace(whole, **more)  # type: ignore[arg-type]


def healthy(places: Places, fleet: Fleet) -> tuple[Subject, Machine]:
    for sensor in fleet.sensors:
        folder = places.data / sensor.folder / str(sensor.number)
        made.create(folder / "sensor_data.db", readings(50))
    state.remember(places, project="weather", images={"sensors": IMAGES.sensors, "processors": IMAGES.processors})
    there = places.data.stat()
    services = [*(each.service for each in fleet.sensors), *(each.uploader for each in fleet.cities)]
    image = Image(NOW - timedelta(minutes=20), "linux/amd64")
    subject = Subject(
        places=places,
        project="weather",
        configuration=(fleet, "sensors.yaml", ["5 of 10 cities, by MAX_CITIES's default; the first are taken"]),
        cosmos={"COSMOS_ENDPOINT": "http://127.0.0.1:8081", "COSMOS_KEY": KEY, "COSMOS_DATABASE": "SensorData"},
        images=IMAGES,
        owner=Owner(there.st_uid, there.st_gid),
        environment={},
        env_file=EnvFile({"COSMOS_ENDPOINT": "http://127.0.0.1:8081", "COSMOS_KEY": KEY}),
        known={"COSMOS_ENDPOINT", "COSMOS_KEY", "COSMOS_DATABASE", "COSMOS_CONTAINER"},
        secrets={KEY},
    )
    (places.environment).touch()
    machine = Machine(
        engine=Told([container(each) for each in services], {IMAGES.sensors: image, IMAGES.processors: image}),  # type: ignore[arg-type]
        compose=lambda: "2.40.3 (docker compose)",
        ask=lambda _: Answer(200, {"date": "Sun, 22 Nov 2026 04:05:45 GMT"}, b'{"_dbs": "//dbs/"}', NOW),
        cosmos=lambda: [Tried("endpoint", 3.2), Tried("key", 4.0), Tried("partition keys", 5.0)],
        now=lambda: NOW,
        look=lambda _: Disk(1, 50 * GB, 100 * GB),
        listening=lambda _: "cosmium (process 42)",
    )
    return subject, machine


def sick(places: Places, fleet: Fleet) -> tuple[Subject, Machine]:
    subject, machine = healthy(places, fleet)
    first, second, third = (places.data / each.folder / str(each.number) / "sensor_data.db" for each in fleet.sensors)
    first.write_bytes(b"nonsense")
    made.execute(second, "PRAGMA journal_mode = DELETE")
    third.unlink()
    interrupted(places)
    places.old_project.write_text("script\n")
    services = [each.service for each in fleet.sensors]
    found = [
        container(services[0], "restarting", None, restarts=7),
        container(services[1], "running", "unhealthy"),
        container(fleet.cities[0].uploader, "exited", None, exit_code=137),
    ]
    engine = Told(
        found,
        {IMAGES.sensors: Image(NOW - timedelta(days=9), "linux/arm64")},
        [Placed(container("sensor-old-1"), "script", None), Placed(container("sensor-b-1"), "before", "before")],
    )
    engine.at = NOW - timedelta(minutes=2)

    def no_compose() -> str:
        raise EngineError("find Compose", "docker compose", why="version 1.29 is too old", hint="install version 2.20")

    def nobody(_: str) -> Answer:
        raise SensorsError("reach the endpoint", "http://127.0.0.1:8081", why="refused", hint="start the emulator")

    filed = {"COSMOS_ENDPOINT": "http://127.0.0.1:8081", "COSMOS_KEY": KEY, "COSMOS_ENDPONT": "x"}
    return (
        replace(
            subject,
            env_file=EnvFile(filed, unread=(7,), open_to_others=True),
            environment={"COSMOS_CONTAINER": "readings"},
        ),
        replace(
            machine,
            engine=engine,
            compose=no_compose,
            ask=nobody,
            cosmos=lambda: [
                Tried("endpoint", 3.2),
                Tried("key", 1.0, f"cannot use the key: {KEY}: it is not base64", "check COSMOS_KEY"),
                Tried("database", None),
            ],
            look=lambda folder: Disk(1, 0, 100 * GB) if folder == places.root else Disk(2, GB // 2, 100 * GB),
        ),
    )


def interrupted(places: Places) -> None:
    def run() -> None:
        with state.changing(places, "reset", lambda: datetime(2026, 11, 22, 3, 0, tzinfo=UTC)) as step:
            step("build the images")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()


def plain(subject: Subject) -> Callable[[str], str]:
    mask = masking(subject.secrets)
    root = str(subject.places.root)
    return lambda said: mask(said.replace(root, "/project").replace("\\", "/"))


def test_golden_healthy(places: Places, fleet: Fleet, golden: Golden) -> None:
    subject, machine = healthy(places, fleet)
    found = diagnose(subject, machine, plain(subject))
    assert well(found)
    assert len(next_steps(found)) == 3
    golden("diagnostics-healthy.txt", text(found))


def test_golden_sick(places: Places, fleet: Fleet, golden: Golden) -> None:
    subject, machine = sick(places, fleet)
    found = diagnose(subject, machine, plain(subject))
    assert not well(found)
    assert KEY not in text(found) + json.dumps(document(found))
    golden("diagnostics-sick.txt", text(found))


def test_as_json_it_is_the_same(places: Places, fleet: Fleet) -> None:
    subject, machine = sick(places, fleet)
    found = diagnose(subject, machine, plain(subject))
    told = document(found)
    assert (told["schemaVersion"], told["ok"]) == (1, False)
    assert told["nextSteps"] == next_steps(found)
    assert len(told["checks"]) == sum(len(section.checks) for section in found)
    assert {row["outcome"] for row in told["checks"]} == {"ok", "warning", "failed", "skipped"}
    assert all(bool(row["remedy"]) == (row["outcome"] in ("warning", "failed")) for row in told["checks"])


def test_without_docker_everything_else_is_checked(places: Places, fleet: Fleet) -> None:
    subject, machine = healthy(places, fleet)
    error = EngineError("reach", "the Docker engine", why="this user may not use its socket", hint="usermod")
    found = diagnose(subject, replace(machine, engine=error), plain(subject))
    outcomes = {section.title: {check.outcome for check in section.checks} for section in found}
    assert outcomes.pop("Docker") == {Outcome.FAILED, Outcome.OK}
    assert outcomes.pop("Images") == outcomes.pop("Containers") == {Outcome.SKIPPED}
    assert all(Outcome.OK in each and Outcome.FAILED not in each for each in outcomes.values())
    assert next_steps(found) == ["usermod"]


def test_an_engine_that_stops_answering_fails_and_breaks_nothing(places: Places, fleet: Fleet) -> None:
    subject, machine = healthy(places, fleet)

    class Silent(Told):
        def about(self) -> About:
            raise EngineError("ask", "the Docker engine", why="no answer within 20 s", hint="restart it")

        def containers(self, project: str) -> Sequence[Container]:
            raise EngineError("list containers", project, why="no answer within 20 s", hint="restart it")

        def started_from(self, folder: Path) -> Sequence[Placed]:
            raise EngineError("list containers", folder, why="no answer within 20 s", hint="restart it")

    found = diagnose(subject, replace(machine, engine=Silent([], {})), plain(subject))  # type: ignore[arg-type]
    by_title = {section.title: [check.outcome for check in section.checks] for section in found}
    assert by_title["Containers"] == [Outcome.FAILED]
    assert set(by_title["Databases"]) == {Outcome.OK}
    assert next_steps(found) == ["restart it"]


def test_a_configuration_that_does_not_hold_leaves_the_rest(places: Places, fleet: Fleet) -> None:
    subject, machine = healthy(places, fleet)
    error = ConfigError("use", "sensors.yaml", why="2 problems\nline 1: x\nline 2: y", hint="mend them")
    found = diagnose(replace(subject, configuration=error), machine, plain(subject))
    assert next_steps(found) == ["mend them"]
    assert "\n" + " " * 8 in text(found)
    by_title = {section.title: [check.outcome for check in section.checks] for section in found}
    assert set(by_title["Containers"]) == {Outcome.OK}
    assert set(by_title["Cosmos DB"]) == {Outcome.OK}


def test_without_an_endpoint_cosmos_is_skipped(places: Places, fleet: Fleet) -> None:
    subject, machine = healthy(places, fleet)

    def never(*_: object) -> Answer:
        raise AssertionError

    found = diagnose(
        replace(subject, cosmos={}, env_file=EnvFile()),
        replace(machine, ask=never, cosmos=never),  # type: ignore[arg-type]
        plain(subject),
    )
    by_title = {section.title: [check.outcome for check in section.checks] for section in found}
    assert by_title["Cosmos DB"] == [Outcome.SKIPPED]
    assert next_steps(found) == ["set COSMOS_ENDPOINT in .env"]
