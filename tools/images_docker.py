"""The `docker` command and a registry's tags, with errors that say what to try."""

from __future__ import annotations

import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence

from network.errors import MissingError, NetworkError

LAST_LINES = 20
ANSWER_S = 10.0
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
PUSHED = re.compile(r"\bdigest: (sha256:[0-9a-f]{64})")
LOOPBACK = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")


def check_engine() -> None:
    """Raises MissingError unless a Docker engine answers."""
    try:
        answer = _docker("version", "--format", "{{.Server.Version}}", timeout_s=ANSWER_S)
    except subprocess.TimeoutExpired:
        answer = subprocess.CompletedProcess((), 1, f"no answer within {ANSWER_S:.0f} s".encode())
    if answer.returncode:
        raise MissingError(
            "build images",
            "the Docker engine",
            why=last_line(answer.stdout) or "it does not answer",
            hint="start it, or let `make engine` install and start one (root on Debian)",
        )


def image_id(name: str) -> str | None:
    """`sha256:...` of an image that the engine has."""
    answer = _docker("image", "inspect", "--format", "{{.Id}}", name)
    return None if answer.returncode else answer.stdout.decode().strip()


def pull(name: str) -> str | None:
    """Why the pull failed, or None."""
    answer = _docker("pull", "--quiet", name)
    return (last_line(answer.stdout) or f"exit code {answer.returncode}") if answer.returncode else None


def build(name: str, dockerfile: str, context: bytes, options: Sequence[str]) -> None:
    """An image of this name, with either of Docker's builders.

    Raises:
        NetworkError: With the last lines of what the build said.
    """
    where = ("--file", dockerfile, "--tag", name, "-")
    # The classic builder keeps the container of a failed step unless it is told not to.
    answer = _docker("build", "--network=host", "--force-rm", *options, *where, stdin=context)
    if answer.returncode:
        lines = [line for line in answer.stdout.decode(errors="replace").splitlines() if line.strip()]
        raise NetworkError(
            "build the image",
            dockerfile,
            why=f"docker build ended with exit code {answer.returncode}:\n" + "\n".join(lines[-LAST_LINES:]),
            hint="where a package index was not reached: PIP_INDEX_URL, PIP_CERT and HTTPS_PROXY are passed on",
        )


def push(image: str, name: str) -> str:
    """`sha256:...` that the registry gave to the image under this name.

    Raises:
        NetworkError: The registry did not take it.
    """
    answer = _docker("tag", image, name)
    if not answer.returncode:
        answer = _docker("push", name)
    digest = PUSHED.search(answer.stdout.decode(errors="replace"))
    if answer.returncode or digest is None:
        raise NetworkError(
            "push the image",
            name,
            why=last_line(answer.stdout) or f"docker push ended with exit code {answer.returncode}",
            hint=f"`docker login {name.partition('/')[0]}`, or another registry: make images REGISTRY=host:port",
        )
    return digest[1]


def check_registry(registry: str) -> None:
    """Raises NetworkError unless something answers there like a registry; a wish for a login is an answer."""
    status, _ = _asked(registry, "", "GET")
    if status not in {200, 401}:
        raise _no_registry(registry, f"it answers /v2/ with {status}")


def digest_of(registry: str, repository: str, tag: str) -> str | None:
    """`sha256:...` of a tag in the registry; None when it is not there or not ours to see."""
    status, digest = _asked(registry, f"{repository}/manifests/{tag}", "HEAD")
    return digest if status == 200 else None


def last_line(said: bytes) -> str:
    """Of a program's words, the line that tends to say why."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _docker(*arguments: str, stdin: bytes = b"", timeout_s: float | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["docker", *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise MissingError(
            "build images",
            "docker",
            why="there is no such program on PATH",
            hint="`make engine` installs it (root on Debian); elsewhere https://docs.docker.com/engine/install",
        ) from error


def _asked(registry: str, path: str, method: str) -> tuple[int, str | None]:
    """Status and digest of a path below /v2/. A proxy is for what is far: to loopback, Docker uses none either."""
    host, _, team = registry.partition("/")
    near = LOOPBACK.fullmatch(host) is not None
    url = f"{'http' if near else 'https'}://{host}/v2/{f'{team}/' if team and path else ''}{path}"
    request = urllib.request.Request(url, method=method, headers={"Accept": ", ".join(MANIFESTS)})
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if near else []))
    try:
        with opener.open(request, timeout=ANSWER_S) as answer:
            return answer.status, answer.headers.get("Docker-Content-Digest")
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, None
    except (OSError, ValueError) as error:
        raise _no_registry(registry, str(getattr(error, "reason", error))) from error


def _no_registry(registry: str, why: str) -> NetworkError:
    return NetworkError(
        "reach the registry",
        registry,
        why=why,
        hint="start the local network (`bacalhau-cosmos network up`), or name another: make images REGISTRY=host:port",
    )
