"""Waiting for containers: what is told, and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from sensors.errors import SensorsError
from sensors.manager import waiting
from sensors.manager.engine.values import Container

SERVICES = ["sensor-amsterdam-1", "uploader-amsterdam"]


def container(service: str, *, state: str = "running", health: str | None = "healthy", restarts: int = 0) -> Container:
    ended = state in ("exited", "dead")
    return Container(service, service, state, health, restarts, 7 if ended else None, None, "image:v1")


@dataclass
class Story:
    """An engine, as it looks at one time after another; the clock moves with each sleep."""

    looks: list[list[Container]]
    now: float = 0.0
    asked: list[str] = field(default_factory=list)

    def containers(self, project: str) -> list[Container]:
        self.asked.append(project)
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def last_lines(self, container: Container, lines: int) -> Sequence[str]:
        return [f"{container.service} says why"][:lines]

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def waited(story: Story, progress: Callable[[int, int], object] = max) -> None:
    waiting.wait_until_well(story, "weather", SERVICES, clock=story.clock, sleep=story.sleep, progress=progress)


def test_it_ends_when_all_are_well_and_tells_how_many_are() -> None:
    starting = [container(name, health="starting") for name in SERVICES]
    well = [container(name) for name in SERVICES]
    told: list[tuple[int, int]] = []
    waited(Story([[], starting[:1], [well[0], starting[1]], well]), lambda well, of: told.append((well, of)))
    assert told == [(0, 2), (0, 2), (1, 2), (2, 2)]


def test_containers_without_a_health_check_are_well_when_they_run() -> None:
    waited(Story([[container(name, health=None) for name in SERVICES]]))


@pytest.mark.parametrize(
    "sick",
    [
        {"health": "unhealthy"},
        {"state": "exited", "health": None},
        {"state": "dead", "health": None},
        {"state": "restarting", "health": None, "restarts": waiting.MOST_RESTARTS + 1},
    ],
)
def test_a_sick_container_ends_the_wait_with_its_last_lines(sick: dict[str, object]) -> None:
    story = Story([[container(SERVICES[0]), replace(container(SERVICES[1]), **sick)]])  # type: ignore[arg-type]
    with pytest.raises(SensorsError, match="uploader-amsterdam says why") as refused:
        waited(story)
    assert story.now == 0.0, "it does not wait for what cannot become well"
    assert "diagnostics" in refused.value.hint


def test_a_container_that_came_back_once_is_waited_for() -> None:
    back = container(SERVICES[1], health="starting", restarts=1)
    waited(Story([[container(SERVICES[0]), back], [container(name) for name in SERVICES]]))


def test_a_wait_has_an_end() -> None:
    story = Story([[container(SERVICES[0], health="starting")]])
    with pytest.raises(SensorsError, match=r"sensor-amsterdam-1: starting(.|\n)*uploader-amsterdam: no container"):
        waited(story)
    assert story.now >= waiting.READY_S
