"""Builds the images and pushes them: `make images`, `make images REGISTRY=registry.example.com/team`.

An image is named by version and content, so that the same checkout on the same base is built and pushed once.
The references by digest are printed; those of the local network's registry are kept in its folder for `submit`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import images_base
import images_context as content
import images_docker as docker

from network import record
from network.errors import NetworkError
from network.layout import layout_of

ROOT = Path(__file__).resolve().parents[1]
PROJECT = "bacalhau-cosmos"
REGISTRY = "localhost:5000"

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
class Published:
    """An image in a registry.

    Attributes:
        reference: By digest.
        tag: By version and content.
        news: What was done: `unchanged`, `pushed`, or `built and pushed`.
    """

    reference: str
    tag: str
    news: str


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        layout = layout_of(options.folder)
        network = record.running(layout.folder)
        target = options.registry or (network.image_registry if network else REGISTRY)
        docker.check_engine()
        docker.check_registry(target)
        default = images_base.default_base(ROOT / "processors" / "Dockerfile")
        base = images_base.choose(options.base_image, default)
        references = {}
        for image, value in content.IMAGES.items():
            published = publish(image, target, base)
            references[value] = published.reference
            print(f"{value:<12}  {published.reference}  {published.tag}  {published.news}", flush=True)
        if network is not None and target == network.image_registry:
            record.write_whole(layout.images, json.dumps(references, indent=2) + "\n")
    except NetworkError as error:
        print(f"Error: {error}\nTry: {error.hint}", file=sys.stderr)
        return error.exit_code
    return 0


def publish(image: str, registry: str, base: str) -> Published:
    """The image in the registry under two tags, by content and by version; what is there already is left alone.

    Raises:
        NetworkError: It cannot be built or pushed.
    """
    version = str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    arguments = {"BASE_IMAGE": base, "SOURCE": source(), "VERSION": version}
    files = content.read(ROOT, image)
    digest = content.digest_of(files, {**arguments, "base": docker.image_id(base) or ""})
    repository = f"{PROJECT}/{image}"
    name, tag = f"{registry}/{repository}", f"{version}-{digest}"
    there = docker.digest_of(registry, repository, tag)
    if there and there == docker.digest_of(registry, repository, version):
        return Published(f"{name}@{there}", tag, "unchanged")
    news = "pushed"
    if not docker.image_id(f"{name}:{tag}"):
        print(f"images: building {image} (a minute the first time)", file=sys.stderr, flush=True)
        ca_bundle = _ca_bundle()
        archive = content.archive(files, ca_bundle)
        build_options = list(_build_options(arguments, bundled=ca_bundle is not None))
        docker.build(f"{name}:{tag}", f"{image}/Dockerfile", archive, build_options)
        news = "built and pushed"
    pushed = docker.push(f"{name}:{tag}", f"{name}:{tag}")
    docker.push(f"{name}:{tag}", f"{name}:{version}")
    return Published(f"{name}@{pushed}", tag, news)


def source() -> str:
    """Where this checkout was cloned from, without a login that the address may hold; empty when from a path."""
    command = ["git", "-C", str(ROOT), "config", "--get", "remote.origin.url"]
    try:
        url = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ssh") and parts.netloc:
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return url if re.fullmatch(r"git@[^/:]+:.+", url) else ""


def _build_options(arguments: dict[str, str], *, bundled: bool) -> Iterator[str]:
    for name, value in arguments.items():
        yield f"--build-arg={name}={value}"
    for name in PASSED_ON:
        if os.environ.get(name):
            yield f"--build-arg={name}"
    if bundled:
        yield f"--build-arg=PIP_CERT=/src/{content.CA_BUNDLE}"
    elif arguments["BASE_IMAGE"] == images_base.LOCAL:
        yield f"--build-arg=PIP_CERT=/{images_base.CERTIFICATES}"


def _ca_bundle() -> bytes | None:
    """Certificates that this machine was told to trust, when a variable says so."""
    for name in TRUSTED:
        path = os.environ.get(name)
        if path and Path(path).is_file():
            return Path(path).read_bytes()
    return None


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make images", description="Build the images and push them.")
    parser.add_argument(
        "--registry",
        default=os.environ.get("REGISTRY"),
        help=f"also REGISTRY; default: the local network's that is up, else {REGISTRY}",
    )
    parser.add_argument(
        "--base-image",
        default=os.environ.get("BASE_IMAGE"),
        help="also BASE_IMAGE; default: the Dockerfile's, or where that cannot be pulled one made here",
    )
    parser.add_argument("--folder", type=Path, default=Path(".network"), help="of the local network")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
