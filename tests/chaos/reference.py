"""What an undisturbed run over the same rows sends, for tables whose history only grew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.judge import Contents
from tests.chaos.world import World
from tests.harness import databases
from tests.harness.node import Node

PAGE_ROWS = 1_000


def differences(world: World, contents: Contents) -> Iterator[str]:
    """Documents of sensors without a broken history that are not the same as those of an undisturbed run."""
    whole = [sensor for sensor in world.sensors if sensor not in world.rewritten]
    if not whole:
        return
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder), world.city)
        for sensor in whole:
            databases.copy(world.database(sensor), node.database(sensor))
        node.run(page_rows=PAGE_ROWS)
        ids = {f"{sensor}-s" for sensor in whole}
        for container, expected in node.memory.contents.items():
            found = {
                name: item
                for name, item in contents[container].items()
                if item["sensorId"] in ids and not item.get("provisional")
            }
            for name in sorted(expected.keys() - found.keys()):
                yield f"lost: {container} {name}, which an undisturbed run sends"
            for name in sorted(found.keys() - expected.keys()):
                yield f"invented: {container} {name}, which an undisturbed run does not send"
            for name in sorted(found.keys() & expected.keys()):
                if found[name] != expected[name]:
                    yield f"wrong: {container} {name} is {found[name]}, undisturbed {expected[name]}"
