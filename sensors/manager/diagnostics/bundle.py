"""One archive for a bug report: what diagnostics found and what it came from, without data and without secrets."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sensors.errors import RequestError, SensorsError
from sensors.manager.diagnostics.check import Section
from sensors.manager.diagnostics.env_file import EnvFile
from sensors.manager.diagnostics.mask import masked_within, plain_value
from sensors.manager.diagnostics.text import document, text
from sensors.manager.engine import Engine
from sensors.manager.engine.values import Container
from sensors.manager.project import Places

LOG_LINES = 200
MODE = 0o600

_FOLDER = "bacalhau-cosmos-diagnostics"
_LONGEST = 1_000_000
"""Characters of a file of the project that are taken."""

_MOST_FILES = 20_000
_SUFFIXES = (".tar.gz", ".tgz", ".zip")
_TAKEN = ("docker-compose.yml", "sensors.yaml", "config/cities.txt", ".sensors/state.json")


def check_name(path: Path) -> None:
    """Do nothing for a name that an archive can be written by.

    Raises:
        RequestError: It is no such archive's, or there is a file of that name.
    """
    if not path.name.endswith(_SUFFIXES):
        raise RequestError(
            "write the bundle",
            path,
            why="its name does not say which archive it is",
            hint="such as --bundle diagnostics.tar.gz, or .zip",
        )
    if os.path.lexists(path):
        raise _there(path)


def contents(
    found: Sequence[Section],
    *,
    places: Places,
    env_file: EnvFile,
    versions: Mapping[str, Any],
    logs: Callable[[], Mapping[str, str]],
    mask: Callable[[str], str],
) -> dict[str, str]:
    """What the archive has, by name, every text through `mask`.

    Args:
        found: Of diagnostics.
        places: Of the project.
        env_file: Its `.env`, of which only harmless values are taken.
        versions: Of what takes part.
        logs: The last lines of each container, by its service.
        mask: Takes secrets out.
    """
    told = {
        "diagnostics.txt": text(found),
        "env.txt": _variables(env_file),
        "files.txt": "".join(f"{line}\n" for line in files(places)),
    }
    for name in _TAKEN:
        path = places.root / name
        if path.is_file():
            told[name.removeprefix(".sensors/")] = _read(path)
    told |= {f"logs/{service}.txt": said for service, said in logs().items()}
    objects = {"diagnostics.json": document(found), "versions.json": versions}
    return {name: mask(said) for name, said in told.items()} | {
        name: json.dumps(masked_within(content, mask), ensure_ascii=False, indent=2) + "\n"
        for name, content in objects.items()
    }


def logs_of(engine: Engine, containers: Sequence[Container]) -> dict[str, str]:
    """The last lines of each container; of one whose log cannot be read, why."""
    told: dict[str, str] = {}
    for each in containers:
        try:
            told[each.service] = "".join(f"{line}\n" for line in engine.last_lines(each, LOG_LINES))
        except SensorsError as error:
            told[each.service] = f"{error}\n"
    return told


def files(places: Places) -> Iterator[str]:
    """Size and name of each file in data, state and archive; links are named and not followed."""
    listed = 0
    for folder in (places.data, places.state, places.archive):
        for parent, folders, names in os.walk(folder, followlinks=False):
            folders.sort()
            for name in sorted(names):
                if listed == _MOST_FILES:
                    yield "and more"
                    return
                listed += 1
                path = Path(parent, name)
                with suppress(FileNotFoundError):  # SQLite removed it: a -wal or a -shm
                    yield f"{path.lstat().st_size:>14}  {path.relative_to(places.root).as_posix()}"


def write(path: Path, told: Mapping[str, str], now: datetime) -> None:
    """The archive, for its owner alone.

    Raises:
        RequestError: As `check_name`.
        SensorsError: It cannot be written; nothing of it stays.
    """
    check_name(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), MODE)
    except FileExistsError as error:
        raise _there(path) from error
    except OSError as error:
        raise _unwritten(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as out:
            (_zip if path.name.endswith(".zip") else _tar)(out, told, now)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritten(path, error) from error


def _tar(out: IO[bytes], told: Mapping[str, str], now: datetime) -> None:
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, said in told.items():
            content = _encoded(said)
            entry = tarfile.TarInfo(f"{_FOLDER}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), MODE, int(now.timestamp())
            archive.addfile(entry, io.BytesIO(content))


def _zip(out: IO[bytes], told: Mapping[str, str], now: datetime) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, said in told.items():
            entry = zipfile.ZipInfo(f"{_FOLDER}/{name}", now.timetuple()[:6])
            entry.external_attr = MODE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _encoded(said))


def _encoded(said: str) -> bytes:
    return said.encode(errors="backslashreplace")


def _variables(env_file: EnvFile) -> str:
    if env_file.why:
        return f".env: {env_file.why}\n"
    lines = [f"{name}={plain_value(name, value)}" for name, value in env_file.values.items()]
    lines += [f"line {number} is no NAME=value" for number in env_file.unread]
    return "".join(f"{line}\n" for line in lines)


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[:_LONGEST].decode(errors="replace")
    except OSError as error:
        return f"cannot be read: {error.strerror or error}\n"


def _there(path: Path) -> RequestError:
    return RequestError("write the bundle", path, why="it is there", hint="choose another name, or remove it")


def _unwritten(path: Path, error: OSError) -> SensorsError:
    return SensorsError(
        "write the bundle",
        path,
        why=error.strerror or str(error),
        hint="name a file in a folder that this user may write, on a disk with room",
    )
