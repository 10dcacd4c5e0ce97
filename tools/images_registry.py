"""A registry's tags, and pushing to it, with errors that say what to try."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

from network.errors import NetworkError
from sensors.images import docker_cli as docker

ANSWER_S = 10.0
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
PUSHED = re.compile(r"\bdigest: (sha256:[0-9a-f]{64})")
LOOPBACK = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")


def push(image: str, name: str) -> str:
    """`sha256:...` that the registry gave to the image under this name.

    Raises:
        NetworkError: The registry did not take it.
    """
    answer = docker.run("tag", image, name)
    if not answer.returncode:
        answer = docker.run("push", name)
    digest = PUSHED.search(answer.stdout.decode(errors="replace"))
    if answer.returncode or digest is None:
        raise NetworkError(
            "push the image",
            name,
            why=docker.last_line(answer.stdout) or f"docker push ended with exit code {answer.returncode}",
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
