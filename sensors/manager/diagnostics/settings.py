"""What a project is configured by, and what of it nobody reads."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from sensors.errors import SensorsError
from sensors.manager.compose import PASSED_ON
from sensors.manager.diagnostics.check import Check, failed, ok, warning
from sensors.manager.diagnostics.endpoint import shown
from sensors.manager.diagnostics.env_file import EnvFile
from sensors.manager.diagnostics.mask import PLAIN
from sensors.manager.diagnostics.words import counted
from sensors.manager.fleet import Fleet

_SHOWN = {*PLAIN, "COSMOS_DATABASE", "COSMOS_CONTAINER", "DOCKER_REGISTRY", "DOCKER_ORG"}
_ALWAYS = ("COSMOS_ENDPOINT", "COSMOS_KEY", "COSMOS_DATABASE", "COSMOS_CONTAINER")
_SET = (*PASSED_ON, *PLAIN, "DOCKER_REGISTRY", "DOCKER_ORG")
_PREFIX = "COSMOS_"


def configuration(found: tuple[Fleet, str, Sequence[str]] | SensorsError) -> Iterator[Check]:
    """Whether it holds, and what is worth telling of it.

    Args:
        found: What it asks for, the name of its file, and its notices; or why it does not hold.
    """
    if isinstance(found, SensorsError):
        yield failed("configuration", str(found), found.hint)
        return
    fleet, source, notices = found
    cities, sensors = counted(len(fleet.cities), "city"), counted(len(fleet.sensors), "sensor")
    yield ok("configuration", f"{source}: {cities}, {sensors}, an upload every {fleet.upload_interval_s:g} s")
    for notice in notices:
        yield ok("note", notice)


def variables(environment: Mapping[str, str], env_file: EnvFile, defaults: Mapping[str, str]) -> Iterator[Check]:
    """What each variable is, and by what; secrets and addresses are not repeated whole.

    Args:
        environment: Of this process; it wins.
        env_file: The project's.
        defaults: What holds where neither has a name; empty or missing where nothing does.
    """
    for name in _SET:
        given = [
            (origin, values[name])
            for origin, values in (("environment", environment), (".env", env_file.values))
            if values.get(name)
        ]
        if not given and name not in _ALWAYS:
            continue
        origin, value = given[0] if given else ("configuration or default", defaults.get(name, ""))
        also = "; .env says otherwise" if len({value for _, value in given}) > 1 else ""
        yield _variable(name, value, f"({origin}{also})")


def file_checks(path: Path, env_file: EnvFile, secrets: Collection[str]) -> Iterator[Check]:
    """Whether `.env` can be read, by nobody else, and whole."""
    if env_file.why:
        yield failed(".env", env_file.why, f"let this user read {path}, or remove it")
        return
    if env_file.unread:
        lines = ", ".join(map(str, env_file.unread))
        yield failed(".env", f"no NAME=value: line {lines}", f"mend {path} at line {lines}")
    holds = sorted(name for name, value in env_file.values.items() if value in secrets)
    if env_file.open_to_others and holds:
        yield warning(".env", f"other users may read it, and it holds {', '.join(holds)}", f"chmod 600 {path}")
    elif not env_file.unread:
        yield ok(".env", counted(len(env_file.values), "variable") if path.exists() else "there is none")


def strays(environment: Mapping[str, str], env_file: EnvFile, known: Collection[str]) -> Iterator[Check]:
    """Variables that begin as ours and that nobody reads: `ingest` and `query` refuse them.

    Args:
        environment: Of this process.
        env_file: The project's.
        known: Names that there are.
    """
    for origin, values in (("environment", environment), (".env", env_file.values)):
        for name in sorted(name for name in values if name.upper().startswith(_PREFIX) and name.upper() not in known):
            alike = difflib.get_close_matches(name.upper(), sorted(known), n=1)
            meant = f"; did you mean {alike[0]}?" if alike else ""
            where = "unset it" if origin == "environment" else "take it out of .env"
            yield warning(name, f"({origin}) no such setting: uploaders would refuse it{meant}", f"{name}: {where}")


def _variable(name: str, value: str, origin: str) -> Check:
    if name == "COSMOS_ENDPOINT":
        if not value:
            return failed(name, "is not set: uploaders have nowhere to write to", f"set {name} in .env")
        return ok(name, f"{shown(value)} {origin}")
    if not value:
        key = name == "COSMOS_KEY"
        return ok(name, f"is not set{': uploaders use an identity of Azure, and none with an emulator' if key else ''}")
    return ok(name, f"{value if name in _SHOWN else 'is set'} {origin}")
