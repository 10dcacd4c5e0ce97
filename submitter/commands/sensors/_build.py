"""What `build`, `start` and `reset` have in common: both images of the project."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from submitter.commands.sensors._project import say

if TYPE_CHECKING:
    from sensors.images.build import Built
    from sensors.manager.settings import Loaded


def builder(loaded: "Loaded", project: str, *, tag: str | None, by_content: bool) -> "Callable[[], Built]":
    """Builds both images for the project, and remembers their names; what can be refused is refused before.

    Args:
        loaded: The configuration, which has the registry and the organisation.
        project: Its name.
        tag: Of both; None for the time.
        by_content: Each is tagged by version and content instead.
    """
    from sensors.images.build import build, find_checkout
    from sensors.images.names import check_tag, time_tag
    from sensors.manager import state

    checkout = find_checkout()
    chosen = None if by_content else check_tag(tag if tag is not None else time_tag(datetime.now(UTC)))

    def built() -> "Built":
        made = build(
            checkout,
            project=project,
            tag=chosen,
            registry=loaded.fleet.registry,
            organisation=loaded.fleet.organisation,
            environment=os.environ,
            say=say,
        )
        state.remember(loaded.places, images={each.image: each.name for each in made.images})
        return made

    return built
