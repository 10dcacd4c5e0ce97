"""What a project remembers, what was interrupted, and what earlier ones left in its folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from filelock import FileLock, Timeout

from sensors.errors import SensorsError
from sensors.manager import state
from sensors.manager.diagnostics.check import Check, failed, guarded, ok, warning
from sensors.manager.diagnostics.words import counted
from sensors.manager.engine.values import Placed
from sensors.manager.project import Places
from sensors.manager.state import Known

_REPAIR = {
    "start": "it replaces what runs and keeps local data",
    "reset": "it stops what runs, and builds and starts all anew; local data stays",
    "stop": "it stops what still runs",
    "clean": "it goes on with what is left to delete",
    "cleanup": "it removes what is left",
    "build": "it builds both images anew",
    "compose": "it writes the file anew",
}
_NAMES = ("sensor-", "uploader-")


def remembered(places: Places, project: str) -> Iterator[Check]:
    """What runs by what is known, and whether a command was interrupted."""
    try:
        known = state.read(places)
    except SensorsError as error:
        yield failed("memory", str(error), error.hint)
        return
    built = f"last built {', '.join(known.images.values())}" if known.images else "no image was built here"
    yield ok("memory", f"project {project}{'' if known.project else ' (not started)'}, {built}")
    if known.doing is not None:
        yield guarded("last command", lambda: _last_command(places, known))
    if places.old_project.exists():
        yield _old_name(places)


def leftovers(found: Sequence[Placed], project: str) -> Check:
    """Containers that were started from this folder under another project's name.

    Args:
        found: All that were started from it.
        project: The name that this folder's project has.
    """
    name = "leftovers"
    others = [each for each in found if _is_ours(each) and (each.project or each.compose_project) != project]
    if not others:
        return ok(name, "no containers of another project name in this folder")
    names = sorted({each.project or each.compose_project for each in others})
    labelled = {each.project for each in others}
    remedies = [
        f"`bacalhau-cosmos sensors cleanup --project-name {one}`"
        if one in labelled
        else f"`docker compose --project-name {one} down` (of the old script)"
        for one in names
    ]
    return warning(
        name,
        f"{counted(len(others), 'container')} of {', '.join(names)}, started from this folder",
        f"remove what another project name left: {'; '.join(remedies)}",
    )


def _is_ours(placed: Placed) -> bool:
    return placed.project is not None or placed.container.service.startswith(_NAMES)


def _last_command(places: Places, known: Known) -> Check:
    doing = known.doing
    assert doing is not None
    if _at_work(places):
        return ok("last command", f"`{doing.command}` is at work (process {doing.pid}): {doing.step}")
    again = _REPAIR.get(doing.command, "it says what was left undone")
    return warning("last command", str(doing), f"run `bacalhau-cosmos sensors {doing.command}` again: {again}")


def _at_work(places: Places) -> bool:
    """Whether a command holds the project. Asked only where one began and did not say that it ended.

    A lock that nobody holds is ours for that instant: a command that begins within it is told that the project is
    busy, and does nothing.
    """
    lock = FileLock(places.own / "lock", timeout=0, mode=0o640)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError as error:
        raise SensorsError(
            "see whether a command is at work",
            places.own / "lock",
            why=error.strerror or str(error),
            hint=f"let this user write to {places.own}",
        ) from error
    lock.release()
    return False


def _old_name(places: Places) -> Check:
    path = places.old_project
    try:
        name = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        return warning(path.name, f"it cannot be read: {error}", f"rm {path}")
    if (places.own / "state.json").exists():
        return warning(
            path.name,
            f"the old script's, it names {name or 'nothing'}; it is no longer read",
            f"rm {path}, once `docker ps` shows nothing of {name or 'it'}",
        )
    return ok(path.name, f"the old script's; its project {name or '(none)'} is taken over by the first command")
