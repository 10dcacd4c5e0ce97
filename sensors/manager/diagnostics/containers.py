"""The containers of a project: how many are well, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sensors.errors import SensorsError
from sensors.manager.diagnostics.check import Check, Outcome, failed, ok, skipped, warning
from sensors.manager.diagnostics.words import counted
from sensors.manager.engine.values import Container
from sensors.manager.fleet import Fleet

LINES = 10

_UPLOADER = "uploader-"
_START = "`bacalhau-cosmos sensors start` starts what is not there"
_UNUSUAL = {
    "paused": (Outcome.WARNING, "`docker unpause {id}`"),
    "created": (Outcome.FAILED, "`bacalhau-cosmos sensors start`: it was made and never started"),
    "removing": (Outcome.WARNING, "wait until Docker has removed it"),
    "dead": (Outcome.FAILED, "`bacalhau-cosmos sensors cleanup`, then `start`: Docker could not remove it"),
    "restarting": (Outcome.FAILED, "see its last lines for why it ends each time that it starts"),
    "exited": (Outcome.FAILED, "see its last lines for why it ended; `bacalhau-cosmos sensors start` starts it again"),
}

LastLines = Callable[[Container, int], Sequence[str]]


def containers(
    found: Sequence[Container], fleet: Fleet | None, last_lines: LastLines, lines: int = LINES
) -> Iterator[Check]:
    """Counts of sensors and uploaders, then each uploader and each container that is not well.

    Args:
        found: All of the project, also those that do not run.
        fleet: What should run; None where the configuration does not hold.
        last_lines: So many of what a container said last.
        lines: How many are shown.
    """
    if not found:
        yield skipped("containers", "nothing of this project runs: `bacalhau-cosmos sensors start` starts it")
        return
    uploaders = [each for each in found if each.service.startswith(_UPLOADER)]
    sensors = [each for each in found if not each.service.startswith(_UPLOADER)]
    yield _count("sensors", "sensor", sensors, None if fleet is None else [each.service for each in fleet.sensors])
    yield _count("uploaders", "uploader", uploaders, None if fleet is None else [e.uploader for e in fleet.cities])
    for each in (*(one for one in sensors if not one.well), *uploaders):
        said, why = _said(each, last_lines, lines)
        yield _one(each, said) if why is None else failed(each.service, f"{_told(each)}; {why}", why.hint, said)


def _count(name: str, noun: str, found: Sequence[Container], wanted: Sequence[str] | None) -> Check:
    well = sum(each.well for each in found)
    if wanted is None:
        return ok(name, f"{well} of {counted(len(found), noun)} well")
    told = f"{well} of {counted(len(wanted), noun)} well"
    there = {each.service for each in found}
    if missing := [service for service in wanted if service not in there]:
        return warning(name, f"{told}; not there: {_some(missing)}", _START)
    if more := sorted(there - set(wanted)):
        return warning(
            name,
            f"{told}; no longer in the configuration: {_some(more)}",
            "`bacalhau-cosmos sensors reset` removes what is no longer in the configuration",
        )
    return ok(name, told)


def _some(names: Sequence[str], shown: int = 5) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _one(container: Container, lines: Sequence[str]) -> Check:
    name, told = container.service, _told(container)
    if container.well:
        return ok(name, told, lines)
    if container.state == "running":
        if container.health == "starting":
            return warning(name, told, f"wait: {name} has not been looked at yet", lines)
        remedy = f"see the last lines of {name}; `docker inspect {container.id[:12]}` has what its check said"
        return failed(name, told, remedy, lines)
    outcome, remedy = _UNUSUAL.get(container.state, (Outcome.FAILED, "see its last lines"))
    return Check(name, outcome, told, f"{name}: {remedy.format(id=container.id[:12])}", tuple(lines))


def _told(container: Container) -> str:
    parts = [container.state, container.health or ""]
    parts += [f"exit code {container.exit_code}"] if container.exit_code is not None else []
    parts += [counted(container.restarts, "restart")] if container.restarts else []
    return ", ".join(part for part in parts if part)


def _said(container: Container, last_lines: LastLines, lines: int) -> tuple[Sequence[str], SensorsError | None]:
    try:
        return last_lines(container, lines), None
    except SensorsError as error:
        return (), error
