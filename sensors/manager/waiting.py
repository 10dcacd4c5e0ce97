"""Waiting until every container of a project is well, and saying why one is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from sensors.errors import SensorsError
from sensors.manager.engine.values import Container

READY_S = 300.0
"""Longest wait."""

LOOK_S = 1.0
"""Between two looks."""

MOST_RESTARTS = 3
"""Of one container while it is waited for: one that ends again and again does not become well."""

LAST_LINES = 15
_NAMED = 5


class Seen(Protocol):
    """The part of `engine.Engine` that is needed here."""

    def containers(self, project: str) -> list[Container]:
        """See `Engine`."""

    def last_lines(self, container: Container, lines: int) -> Sequence[str]:
        """See `Engine`."""


def wait_until_well(
    engine: Seen,
    project: str,
    services: Sequence[str],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
    progress: Callable[[int, int], object],
) -> None:
    """Return when a container of each service is well.

    Args:
        engine: Where they run.
        project: Its name.
        services: That there must be.
        clock: Seconds that never fall.
        sleep: Waits so many seconds.
        progress: Told how many are well, of how many.

    Raises:
        SensorsError: One is unhealthy, ends again and again, or is not well in time; with its last lines.
    """
    until = clock() + READY_S
    while True:
        there = {each.service: each for each in engine.containers(project)}
        well = sum(1 for name in services if name in there and there[name].well)
        progress(well, len(services))
        if well == len(services):
            return
        if sick := [there[name] for name in services if name in there and _is_sick(there[name])]:
            raise _sick(engine, sick)
        if clock() > until:
            raise _late(engine, [name for name in services if name not in there or not there[name].well], there)
        sleep(LOOK_S)


def _is_sick(container: Container) -> bool:
    ended = container.state in ("exited", "dead")
    return ended or container.health == "unhealthy" or container.restarts > MOST_RESTARTS


def _sick(engine: Seen, sick: Sequence[Container]) -> SensorsError:
    told = "\n".join(_told(engine, each) for each in sick[:_NAMED])
    more = f"\n... and {len(sick) - _NAMED} more" if len(sick) > _NAMED else ""
    return SensorsError(
        "start the containers",
        ", ".join(each.service for each in sick[:_NAMED]),
        why=f"not well:\n{told}{more}",
        hint="mend what its last lines say, then `bacalhau-cosmos sensors start` again; "
        "`bacalhau-cosmos sensors diagnostics` checks everything around it",
    )


def _late(engine: Seen, names: Sequence[str], there: dict[str, Container]) -> SensorsError:
    told = [_told(engine, there[name]) if name in there else f"{name}: no container" for name in names[:_NAMED]]
    return SensorsError(
        "start the containers",
        ", ".join(names[:_NAMED]),
        why=f"{len(names)} not well within {READY_S:.0f} s:\n" + "\n".join(told),
        hint="`bacalhau-cosmos sensors monitor` shows whether they still come up; fewer need less of the machine",
    )


def _told(engine: Seen, container: Container) -> str:
    how = container.health or container.state
    code = "" if container.exit_code is None else f", exit code {container.exit_code}"
    lines = [f"  | {line}" for line in engine.last_lines(container, LAST_LINES)] or ["  | (it said nothing)"]
    return "\n".join([f"{container.service}: {how}{code}, {container.restarts} restarts; its last lines:", *lines])
