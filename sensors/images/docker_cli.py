"""The `docker` command, with errors that say what to try."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sensors import docker_hints
from sensors.errors import EngineError, SensorsError

LAST_LINES = 20
ANSWER_S = 10.0

SHOWN = 100
"""Characters of a step."""

_CLASSIC = re.compile(r"Step (\d+/\d+ : RUN .+)")
_BUILDKIT = re.compile(r"#\d+ \[([^\]]*\d+/\d+\] RUN .+)")
"""How the builders begin a step; instructions but RUN take no time."""


def check_engine() -> None:
    """Raises EngineError unless a Docker engine answers."""
    try:
        answer = run("version", "--format", "{{.Server.Version}}", timeout_s=ANSWER_S)
    except subprocess.TimeoutExpired:
        answer = subprocess.CompletedProcess((), 1, f"no answer within {ANSWER_S:.0f} s".encode())
    if answer.returncode:
        why = last_line(answer.stdout) or "it does not answer"
        raise EngineError(
            "build images",
            "the Docker engine",
            why=why,
            hint=docker_hints.fitting(why) or docker_hints.start_engine(),
        )


def image_id(name: str) -> str | None:
    """`sha256:...` of an image that the engine has."""
    answer = run("image", "inspect", "--format", "{{.Id}}", name)
    return None if answer.returncode else answer.stdout.decode().strip()


def image_ids(label: str) -> set[str]:
    """`sha256:...` of all images with a label, `name=value`."""
    answer = run("images", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}")
    return set() if answer.returncode else set(answer.stdout.decode().split())


def pull(name: str) -> str | None:
    """Why the pull failed, or None."""
    answer = run("pull", "--quiet", name)
    return (last_line(answer.stdout) or f"exit code {answer.returncode}") if answer.returncode else None


def build(
    name: str,
    dockerfile: str,
    context: bytes,
    options: Sequence[str],
    environment: Mapping[str, str],
    *,
    on_step: Callable[[str], None] | None = None,
) -> None:
    """An image of this name, with either of Docker's builders.

    Args:
        name: With its tag.
        dockerfile: Below the context.
        context: A tar archive.
        options: Of `docker build`; a build argument without a value gets it from the environment.
        environment: Of `docker`, whole.
        on_step: Told of each step that takes time, as it begins, such as `3/20 RUN make`.

    Raises:
        SensorsError: With the last lines of what the build said.
    """
    # The classic builder keeps the container of a failed step unless it is told not to.
    command = ["docker", "build", "--network=host", "--force-rm", *options, "--file", dockerfile, "--tag", name, "-"]
    said: deque[str] = deque(maxlen=LAST_LINES)
    with tempfile.TemporaryFile() as archive:
        archive.write(context)
        archive.seek(0)
        with subprocess.Popen(
            command, stdin=archive, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(environment)
        ) as process:
            assert process.stdout is not None
            lines = (raw.decode(errors="replace").rstrip() for raw in process.stdout)
            for step in _steps(lines, said):
                if on_step is not None:
                    on_step(step)
    if process.returncode:
        told = "\n".join(said)
        raise SensorsError(
            "build the image",
            dockerfile,
            why=f"docker build ended with exit code {process.returncode}:\n{told}",
            hint=docker_hints.fitting(told)
            or "where a package index was not reached: PIP_INDEX_URL, PIP_CERT and HTTPS_PROXY are passed on",
        )


def last_line(said: bytes) -> str:
    """Of a program's words, the line that tends to say why."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def run(*arguments: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[bytes]:
    """What `docker` said to these words, stdout and stderr together.

    Raises:
        EngineError: There is no such program.
        subprocess.TimeoutExpired: It did not end in time.
    """
    try:
        return subprocess.run(
            ["docker", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise EngineError(
            "build images",
            "docker",
            why="there is no such program on PATH",
            hint="`make engine` installs it (root on Debian); elsewhere https://docs.docker.com/engine/install",
        ) from error


def _steps(lines: Iterable[str], said: deque[str]) -> Iterator[str]:
    """Each step that is run, in one short line, while all that is said goes through; a cached one is not run."""
    begun = None
    for line in lines:
        if line.strip():
            said.append(line)
        if found := _BUILDKIT.match(line):
            yield _short(found[1].replace("]", " :", 1))
        elif found := _CLASSIC.match(line):
            begun = found[1]
        elif begun and line.startswith(" ---> "):
            if "Running in" in line:
                yield _short(begun)
            begun = None


def _short(step: str) -> str:
    told = " ".join(step.split())
    return told if len(told) <= SHOWN else f"{told[: SHOWN - 3]}..."
