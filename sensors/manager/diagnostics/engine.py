"""Docker's engine, its images, and Compose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from sensors.errors import EngineError
from sensors.manager.compose import Images
from sensors.manager.diagnostics.check import Check, failed, guarded, ok, skipped, warning
from sensors.manager.diagnostics.words import span
from sensors.manager.engine.values import About, Image

NO_ENGINE = "no Docker engine answers"

_BUILD = "`bacalhau-cosmos sensors build` makes both images"


def engine(about: About | EngineError) -> Check:
    """Whether an engine answers and lets us in, and what it is."""
    if isinstance(about, EngineError):
        return failed("engine", str(about), about.hint)
    return ok(
        "engine",
        f"{about.version} (API {about.api_version}), {about.platform}, {about.driver}, "
        f"cgroup {about.cgroup}, at {about.where}",
    )


def compose(version: Callable[[], str]) -> Check:
    """Whether Compose is there and new enough.

    Args:
        version: Of the one that is used, and where it is; raises EngineError where there is none that fits.
    """
    return guarded("compose", lambda: ok("compose", version()))


def root_of(about: About | EngineError) -> Path | None:
    """The folder of an engine on this machine; None where its disk cannot be seen from here."""
    if isinstance(about, EngineError) or not about.here:
        return None
    root = Path(about.root)
    try:
        return root if root.is_dir() else None  # Docker Desktop's engine has a disk of its own
    except OSError:
        return None


def images(
    wanted: Images | None, found: Callable[[str], Image | None], about: About | EngineError, now: datetime
) -> Iterator[Check]:
    """Whether both images are there, how old they are, and whether the engine's machine can run them.

    Args:
        wanted: Their names; None before the first build.
        found: The image of a name; None where there is none.
        about: The engine.
        now: The present.
    """
    if isinstance(about, EngineError):
        yield skipped("images", NO_ENGINE)
        return
    if wanted is None:
        yield failed("images", "none was built yet, and no tag was given", _BUILD)
        return
    for name, reference in (("sensors image", wanted.sensors), ("processors image", wanted.processors)):
        yield guarded(name, lambda name=name, reference=reference: _image(name, reference, found, about, now))  # type: ignore[misc]


def _image(name: str, reference: str, found: Callable[[str], Image | None], about: About, now: datetime) -> Check:
    image = found(reference)
    if image is None:
        return failed(name, f"{reference} is not there", _BUILD)
    age = "of unknown age" if image.made_at is None else f"{span((now - image.made_at).total_seconds())} old"
    told = f"{reference}, {age}, {image.platform}"
    if image.platform != about.platform:
        return warning(
            name, f"{told}; the engine runs on {about.platform}", f"build it for {about.platform}: {_BUILD} here"
        )
    return ok(name, told)
