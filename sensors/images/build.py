"""Both images on this machine's engine, for the manager: nothing is pushed, and no registry is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sensors.errors import RequestError
from sensors.images import base as base_image
from sensors.images import context, names
from sensors.images import docker_cli as docker
from sensors.images import recipe as recipes

Say = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """An image that the engine has.

    Attributes:
        image: One of `context.IMAGES`.
        name: With its tag.
        id: `sha256:...`.
        news: What was done: `built`, `unchanged` where the build gave an image that was there before, or `there`
            where the name says that it was.
    """

    image: str
    name: str
    id: str
    news: str


@dataclass(frozen=True)
class Built:
    """Both images under one tag each; the tag is None where each has its own, by content."""

    tag: str | None
    images: tuple[Image, ...]


def find_checkout(near: Path = Path(__file__)) -> Path:
    """The folder of the Dockerfiles that this package lies in.

    Raises:
        RequestError: It is installed without them.
    """
    folder = near.resolve().parents[2]
    needed = [Path(".dockerignore"), Path("pyproject.toml"), *(Path(image, "Dockerfile") for image in context.IMAGES)]
    missing = [str(path) for path in needed if not (folder / path).is_file()]
    if missing:
        raise RequestError(
            "build the images",
            folder,
            why=f"images are built in a checkout, and this install has no {', '.join(missing)}",
            hint="clone the repository, `make setup` there, and run its .venv/bin/bacalhau-cosmos in this folder; "
            "or take images of a registry: DOCKER_REGISTRY, DOCKER_ORG and --tag",
        )
    return folder


def build(
    checkout: Path,
    *,
    project: str,
    tag: str | None,
    registry: str,
    organisation: str,
    environment: Mapping[str, str],
    say: Say,
) -> Built:
    """Both images, labelled as the project's.

    Args:
        checkout: With the Dockerfiles.
        project: Its name is the value of the label.
        tag: Of both; None for one of each by version and content, which is built only where it is not there.
        registry: Beginning of the names; may be empty.
        organisation: What follows it; may be empty.
        environment: What reaches a package index, and a base image of one's own in `BASE_IMAGE`.
        say: Told what is being done.

    Raises:
        RequestError: The tag, the registry or the organisation is none that Docker takes.
        EngineError: No engine answers, or there is no base image.
        SensorsError: A build failed; with its last lines.
    """
    if tag is not None:
        names.check_tag(tag)
    repositories = {
        image: names.repository_of(image, registry=registry, organisation=organisation) for image in context.IMAGES
    }
    docker.check_engine()
    default = base_image.default_base(checkout / "processors" / "Dockerfile")
    base = base_image.choose(environment.get("BASE_IMAGE"), default, say)
    images = []
    for image, repository in repositories.items():
        recipe = recipes.recipe_of(checkout, image, base, project=project)
        images.append(_built(recipe, f"{repository}:{tag or recipe.tag}", environment, say, by_content=tag is None))
    return Built(tag, tuple(images))


def _built(recipe: recipes.Recipe, name: str, environment: Mapping[str, str], say: Say, *, by_content: bool) -> Image:
    there = docker.image_id(name) if by_content else None
    if there:
        say(f"{name} is there, and its name says that nothing has changed")
        return Image(recipe.image, name, there, "there")
    say(f"building {recipe.image} (a minute or two the first time)")
    before = docker.image_ids(f"{names.PROJECT_LABEL}={recipe.arguments['PROJECT']}")
    recipes.build(recipe, name, environment, on_step=lambda step: say(f"{recipe.image} {step}"))
    made = docker.image_id(name) or ""
    if made in before:
        say(f"{name} is an image that was there: nothing has changed since it was built")
        return Image(recipe.image, name, made, "unchanged")
    say(f"{name} is built")
    return Image(recipe.image, name, made, "built")
