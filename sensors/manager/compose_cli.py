"""Docker Compose v2: finding it, and running its commands with errors that say what to try."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import IO

from sensors import docker_hints
from sensors.errors import EngineError

NEEDED = (2, 20)
LAST_LINES = 20
ANSWER_S = 20.0
ENDS_S = 10.0
"""How long a command that was interrupted may take to end."""

_GET_IT = (
    "`apt-get install docker-compose-plugin` where Docker's own packages are (docker-compose-v2 on Ubuntu, "
    "docker-compose on Debian 13); or `make compose` in a checkout, which builds it (Go 1.24.9 or later); "
    "or https://docs.docker.com/compose/install"
)


@dataclass(frozen=True)
class Begun:
    """A command of Compose that runs. Made by `Compose.begun`."""

    process: subprocess.Popen[bytes]
    said: IO[bytes]
    failed: Callable[[str], EngineError]

    def ended(self, within_s: float) -> bool:
        """Whether it ends within so many seconds."""
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def check(self) -> None:
        """Do nothing when it has ended well.

        Raises:
            EngineError: It failed; with the last lines of what it said.
        """
        if code := self.process.wait():
            self.said.seek(0)
            raise self.failed(_why(code, self.said.read()))


@dataclass(frozen=True)
class Compose:
    """Docker Compose as it is called here.

    Attributes:
        command: The words before its own.
        version: Such as `2.40.3`.
    """

    command: tuple[str, ...]
    version: str

    def run(
        self, words: Sequence[str], *, project: str, file: Path | None, cwd: Path, environment: Mapping[str, str]
    ) -> str:
        """What the command printed on stdout.

        Args:
            words: Of Compose, such as `["up", "--detach"]`.
            project: Name of the Compose project.
            file: The Compose file; None for commands that go by the project's containers alone.
            cwd: Where it runs.
            environment: Of the command, whole.

        Raises:
            EngineError: It failed; with the last lines of its stderr, and a hint for failures that are known.
        """
        whole = self._whole(words, project, file, cwd)
        try:
            done = subprocess.run(
                whole, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
        except OSError as error:
            raise self._failed(words, project, str(error)) from error
        if done.returncode:
            raise self._failed(words, project, _why(done.returncode, done.stderr or done.stdout))
        return done.stdout.decode(errors="replace")

    @contextmanager
    def begun(
        self, words: Sequence[str], *, project: str, file: Path, cwd: Path, environment: Mapping[str, str]
    ) -> Iterator[Begun]:
        """The command while it runs; it ends with the block, at once where that raises.

        Args:
            words: Of Compose.
            project: Name of the Compose project.
            file: The Compose file.
            cwd: Where it runs.
            environment: Of the command, whole.

        Raises:
            EngineError: It cannot be started.
        """
        with tempfile.TemporaryFile() as said:
            try:
                process = subprocess.Popen(
                    self._whole(words, project, file, cwd),
                    cwd=cwd,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                )
            except OSError as error:
                raise self._failed(words, project, str(error)) from error
            try:
                yield Begun(process, said, lambda why: self._failed(words, project, why))
            finally:
                _end(process)

    def follow(self, words: Sequence[str], *, project: str, cwd: Path, environment: Mapping[str, str]) -> None:
        """The command with stdout and stderr of this process, to its end or to Ctrl-C, which is no failure.

        Raises:
            EngineError: It failed, and has said why on stderr.
        """
        whole = self._whole(words, project, None, cwd)
        try:
            process = subprocess.Popen(whole, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL)
        except OSError as error:
            raise self._failed(words, project, str(error)) from error
        try:
            code = process.wait()
        except KeyboardInterrupt:
            _end(process)
            return
        if code:
            raise self._failed(words, project, f"it ended with exit code {code}, and said why above")

    def _whole(self, words: Sequence[str], project: str, file: Path | None, cwd: Path) -> list[str]:
        # Folders in the file are relative to the project's, wherever the file is.
        where = [] if file is None else ["--file", str(file), "--project-directory", str(cwd)]
        return [*self.command, "--ansi", "never", "--project-name", project, *where, *words]

    def _failed(self, words: Sequence[str], project: str, why: str) -> EngineError:
        return EngineError(
            f"run `{_shown([*self.command, *words[:1]])}`",
            project,
            why=why,
            hint=docker_hints.fitting(why) or "`bacalhau-cosmos sensors diagnostics` shows what is wrong",
        )


def _why(code: int, said: bytes) -> str:
    lines = [line.rstrip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return "\n".join([f"it ended with exit code {code}", *lines[-LAST_LINES:]])


def _end(process: subprocess.Popen[bytes]) -> None:
    """A terminal interrupts both; a signal to this process alone has to be passed on."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(ENDS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def find(checkout: Path | None, environment: Mapping[str, str]) -> Compose:
    """The first that is new enough: Docker's plugin, the one built in the checkout, `docker-compose` on PATH.

    Args:
        checkout: None where there is none.
        environment: Of the commands, whole.

    Raises:
        EngineError: There is none, or all are too old.
    """
    tried = []
    for command in _candidates(checkout, environment):
        version = _version(command, environment)
        if version is None:
            continue
        major, minor = version.split(".")[:2]
        if (int(major), int(minor)) >= NEEDED:
            return Compose(command, version)
        tried.append(f"`{_shown(command)}` is version {version}")
    needed = ".".join(map(str, NEEDED))
    if tried:
        raise EngineError(
            "use Docker Compose", "too old", why=f"{', '.join(tried)}; {needed} or later is needed", hint=_GET_IT
        )
    raise EngineError(
        "use Docker Compose",
        "missing",
        why=f"neither `docker compose` nor `docker-compose` answers; version {needed} or later is needed",
        hint=_GET_IT,
    )


def _candidates(checkout: Path | None, environment: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    path = environment.get("PATH")
    if docker := which("docker", path=path):
        yield (docker, "compose")
    if checkout is not None:
        built = checkout / ".tools" / "bin" / "docker-compose"
        if built.is_file():
            yield (str(built),)
    if alone := which("docker-compose", path=path):
        yield (alone,)


def _version(command: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Such as `2.40.3`; None from what is no Compose, as `docker` without the plugin."""
    try:
        done = subprocess.run(
            [*command, "version", "--short"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"v?(\d+\.\d+(?:\.\d+)?)", done.stdout.decode(errors="replace").strip())
    return found[1] if found and done.returncode == 0 else None


def _shown(command: Sequence[str]) -> str:
    return " ".join([Path(command[0]).name, *command[1:]])
