"""What a project remembers from command to command, and that one command at a time changes it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sensors.errors import BusyError, SensorsError
from sensors.manager.project import Places

VERSION = 1
FOLDER_MODE = 0o750

_FILE = "state.json"

_ENDS = ("start", "reset", "stop", "cleanup")
_MAKES_GOOD = {"start": _ENDS, "reset": _ENDS, "stop": _ENDS, "cleanup": _ENDS, "build": ("start", "reset")}
"""Command -> others that begin where it was to end."""

Step = Callable[[str], None]
"""Says what a command begins to do; kept, so that the next command can tell where this one was interrupted."""


@dataclass(frozen=True)
class Doing:
    """A command that began and, unless it holds the lock, did not end well.

    Attributes:
        command: Such as `start`.
        step: What it was about, such as `build the images`.
        since: When that step began.
        pid: Of its process.
    """

    command: str
    step: str
    since: datetime
    pid: int

    def __str__(self) -> str:
        return f"`{self.command}` of {self.since:%Y-%m-%d %H:%M:%S} UTC did not end: {self.step}"

    def is_made_good_by(self, command: str) -> bool:
        """Whether that command does again all that this one left undone, or makes an end of it."""
        return command == self.command or command in _MAKES_GOOD.get(self.command, ())


@dataclass(frozen=True)
class Known:
    """What a project remembers.

    Attributes:
        project: Name of what runs or ran last; None when nothing is known, or it was forgotten.
        images: Names of the images that were built last, `sensors` and `processors`; empty when none were.
        doing: The command that changes the project, or that was interrupted while it did.
    """

    project: str | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    doing: Doing | None = None


def read(places: Places) -> Known:
    """What is remembered; a project of the old script is known by its `.current-project-name`.

    A copy of a project's folder is a project of its own: of the other one it knows the images.

    Raises:
        SensorsError: The file cannot be read.
    """
    path = places.own / _FILE
    try:
        return _decoded(json.loads(path.read_text(encoding="utf-8")), places)
    except FileNotFoundError:
        return Known(project=_of_the_old_script(places))
    except PermissionError as error:
        hint = "run as the user that it belongs to, or give it to this one: sudo chown -R $USER .sensors"
        raise _unread(path, error, hint) from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        hint = "remove the file: `bacalhau-cosmos sensors cleanup --project-name NAME` finds what runs by its label"
        raise _unread(path, error, hint) from error


def _unread(path: Path, error: Exception, hint: str) -> SensorsError:
    return SensorsError("read what the project remembers", path, why=str(error), hint=hint)


def remember(places: Places, *, project: str | None = None, images: Mapping[str, str] | None = None) -> None:
    """Changes what is given."""
    known = read(places)
    _write(places, replace(known, project=project or known.project, images=images or known.images))


def forget(places: Places) -> None:
    """Nothing is known of what ran; the images stay known."""
    _write(places, replace(read(places), project=None))
    with _told(places.old_project):
        places.old_project.unlink(missing_ok=True)


@contextmanager
def changing(places: Places, command: str, now: Callable[[], datetime]) -> Iterator[Step]:
    """One command alone changes the project; however its process ends, the lock ends with it.

    What is yielded says what the command begins to do. When the block ends well nothing of that stays, and an earlier
    command only where this one did not make it good; when it does not, the last step stays for the next one to tell.

    Raises:
        BusyError: Another command is at work; the error says which.
        SensorsError: The project's folder cannot be written.
    """
    lock = FileLock(places.own / "lock", timeout=0, mode=0o640)
    with _told(places.own):
        places.own.mkdir(mode=FOLDER_MODE, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as error:
            raise _busy(places) from error

    def begin(step: str) -> None:
        _write(places, replace(read(places), doing=Doing(command, step, now(), os.getpid())))

    try:
        left = read(places).doing
        yield begin
        _write(places, replace(read(places), doing=None if left is None or left.is_made_good_by(command) else left))
    finally:
        lock.release()


def _busy(places: Places) -> BusyError:
    doing = read(places).doing
    who = "another command" if doing is None else f"`{doing.command}` of process {doing.pid} ({doing.step})"
    return BusyError(
        "change the project",
        places.root,
        why=f"{who} is at work on it",
        hint="wait until it is done, or end it; the next command then says what was left undone",
    )


def _of_the_old_script(places: Places) -> str | None:
    try:
        return places.old_project.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _is_a_copy(root: Path, places: Places) -> bool:
    """Whether this was copied from a folder that is still there, with a project that is not this one's to stop."""
    return root != places.root and (root / places.own.name / _FILE).exists()


def _write(places: Places, known: Known) -> None:
    """Written aside and renamed: a kill at any instruction leaves the old file or the new one."""
    path = places.own / _FILE
    aside = path.with_name(f"{_FILE}.new")
    content = {"schemaVersion": VERSION, "root": str(places.root), **asdict(known)}
    if known.doing is not None:
        content["doing"]["since"] = known.doing.since.isoformat()
    with _told(places.own):
        places.own.mkdir(mode=FOLDER_MODE, exist_ok=True)
        aside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        aside.replace(path)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SensorsError(
            "change the project",
            path,
            why=error.strerror or str(error),
            hint="run in a folder that this user may write, with room on its disk",
        ) from error


def _decoded(content: dict[str, Any], places: Places) -> Known:
    if content["schemaVersion"] != VERSION:
        raise ValueError(f"version {content['schemaVersion']} is not of this program")
    if _is_a_copy(Path(content["root"]), places):
        return Known(images=dict(content["images"]))
    doing = content["doing"]
    if doing is not None:
        doing = Doing(**{**doing, "since": datetime.fromisoformat(doing["since"])})
    return Known(content["project"], dict(content["images"]), doing)
