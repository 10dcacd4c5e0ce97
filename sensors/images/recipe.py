"""How an image is built: its files and arguments, a tag for both, and the options of the build."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sensors.images import base as base_image
from sensors.images import context
from sensors.images import docker_cli as docker

PASSED_ON = (
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "PIP_TRUSTED_HOST",
    *(name for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY") for name in (proxy, proxy.lower())),
)
"""What reaches a package index from here; by name, so that no value is on a command line."""

TRUSTED = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Recipe:
    """All that an image is made of.

    Attributes:
        image: One of `context.IMAGES`.
        files: Name -> content.
        arguments: Of the build; the base image is one.
        version: Of the project.
        tag: By version and content: the same checkout on the same base for the same project has the same.
    """

    image: str
    files: Mapping[str, bytes]
    arguments: Mapping[str, str]
    version: str
    tag: str


def recipe_of(checkout: Path, image: str, base: str, *, project: str = "") -> Recipe:
    """How this checkout's image is built.

    Args:
        checkout: With the Dockerfiles.
        image: One of `context.IMAGES`.
        base: An image that the engine has.
        project: Of the manager, for the label by which the image is found and removed; empty for none.
    """
    version = str(tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    arguments = {"BASE_IMAGE": base, "SOURCE": source(checkout), "VERSION": version, "PROJECT": project}
    files = context.read(checkout, image)
    digest = context.digest_of(files, {**arguments, "base": docker.image_id(base) or ""})
    return Recipe(image, files, arguments, version, f"{version}-{digest}")


def build(
    recipe: Recipe, name: str, environment: Mapping[str, str], *, on_step: Callable[[str], None] | None = None
) -> None:
    """The image under this name.

    Raises:
        SensorsError: It cannot be built.
    """
    ca_bundle = _ca_bundle(environment)
    archive = context.archive(recipe.files, ca_bundle)
    options = list(_options(recipe.arguments, environment, bundled=ca_bundle is not None))
    docker.build(name, f"{recipe.image}/Dockerfile", archive, options, environment, on_step=on_step)


def source(checkout: Path) -> str:
    """Where a checkout was cloned from, without a login that the address may hold; empty when from a path."""
    command = ["git", "-C", str(checkout), "config", "--get", "remote.origin.url"]
    try:
        url = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ssh") and parts.netloc:
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return url if re.fullmatch(r"git@[^/:]+:.+", url) else ""


def _options(arguments: Mapping[str, str], environment: Mapping[str, str], *, bundled: bool) -> Iterator[str]:
    for name, value in arguments.items():
        yield f"--build-arg={name}={value}"
    for name in PASSED_ON:
        if environment.get(name):
            yield f"--build-arg={name}"
    if bundled:
        yield f"--build-arg=PIP_CERT=/src/{context.CA_BUNDLE}"
    elif arguments["BASE_IMAGE"] == base_image.LOCAL:
        yield f"--build-arg=PIP_CERT=/{base_image.CERTIFICATES}"


def _ca_bundle(environment: Mapping[str, str]) -> bytes | None:
    """Certificates that this machine was told to trust, when a variable says so."""
    for name in TRUSTED:
        path = environment.get(name)
        if path and Path(path).is_file():
            return Path(path).read_bytes()
    return None
