"""Builds the images and pushes them: `make images`, `make images REGISTRY=registry.example.com/team`.

An image is named by version and content, so that the same checkout on the same base is built and pushed once.
The references by digest are printed; those of the local network's registry are kept in its folder for `submit`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import images_registry as registries

from network import record
from network.errors import FAILED, NetworkError
from network.layout import layout_of
from sensors.errors import SensorsError
from sensors.images import base as base_image
from sensors.images import docker_cli as docker
from sensors.images.names import repository_of
from sensors.images.recipe import build, recipe_of

ROOT = Path(__file__).resolve().parents[1]
REGISTRY = "localhost:5000"

VALUES = {"processors": "image", "sensors": "sensor_image"}
"""Image -> value of job specs that names it."""


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
        registries.check_registry(target)
        default = base_image.default_base(ROOT / "processors" / "Dockerfile")
        base = base_image.choose(options.base_image, default, say)
        references = {}
        for image, value in VALUES.items():
            published = publish(image, target, base)
            references[value] = published.reference
            print(f"{value:<12}  {published.reference}  {published.tag}  {published.news}", flush=True)
        if network is not None and target == network.image_registry:
            record.write_whole(layout.images, json.dumps(references, indent=2) + "\n")
    except (NetworkError, SensorsError) as error:
        print(f"Error: {error}\nTry: {error.hint}", file=sys.stderr)
        return error.exit_code if isinstance(error, NetworkError) else FAILED
    return 0


def publish(image: str, registry: str, base: str) -> Published:
    """The image in the registry under two tags, by content and by version; what is there already is left alone.

    Raises:
        SensorsError: It cannot be built.
        NetworkError: It cannot be pushed.
    """
    recipe = recipe_of(ROOT, image, base)
    repository = repository_of(image)
    name, tag = f"{registry}/{repository}", recipe.tag
    there = registries.digest_of(registry, repository, tag)
    if there and there == registries.digest_of(registry, repository, recipe.version):
        return Published(f"{name}@{there}", tag, "unchanged")
    news = "pushed"
    if not docker.image_id(f"{name}:{tag}"):
        say(f"building {image} (a minute the first time)")
        build(recipe, f"{name}:{tag}", os.environ)
        news = "built and pushed"
    pushed = registries.push(f"{name}:{tag}", f"{name}:{tag}")
    registries.push(f"{name}:{tag}", f"{name}:{recipe.version}")
    return Published(f"{name}@{pushed}", tag, news)


def say(text: str) -> None:
    print(f"images: {text}", file=sys.stderr, flush=True)


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
