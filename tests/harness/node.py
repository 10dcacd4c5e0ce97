"""A node with a data folder, a state and an archive, whose pipeline runs here against a sink that remembers."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processors import city, discover
from processors.archive import Archive
from processors.checkpoint import open_checkpoint
from processors.cosmos import Account
from processors.model import Documents, Written
from processors.pipeline import Intake, Opened, Sender, Taken
from processors.pipeline.rest import show_rest
from processors.settings import Settings
from processors.source import open_source
from tests.harness import oracle
from tests.harness.folders import Folders

Contents = dict[str, dict[str, dict[str, Any]]]


class Memory:
    """A sink; `writes` counts documents as they come, also those that replace one."""

    def __init__(self) -> None:
        self.contents: Contents = {"readings": {}, "aggregates": {}, "anomalies": {}}
        self.writes: Counter[str] = Counter()

    def held(self, container: str, documents: Iterable[Documents]) -> frozenset[str]:
        """Which are there; what they say is not looked at."""
        ids = frozenset(item["id"] for group in documents for item in group.items)
        return ids & self.contents[container].keys()

    def write(self, container: str, documents: Iterable[Documents]) -> Written:
        count = 0
        for group in documents:
            assert len(group.items) == len(group.sizes)
            for item in group.items:
                assert group.key == (item["city"], item["sensorId"], item["month"])
                assert re.fullmatch(r"[^/\\?#]{1,1023}", item["id"])
                self.contents[container][item["id"]] = json.loads(json.dumps(item, allow_nan=False))
            count += len(group.items)
        self.writes[container] += count
        return Written(count)


@dataclass
class Node(Folders):
    """See the module."""

    memory: Memory = field(default_factory=Memory)

    def settings(self, account: Account, **more: Any) -> Settings:
        """Those of a run here that sends to the account."""
        return Settings(
            database=account.database,
            data=self.data,
            state=self.state,
            archive=self.archive,
            **{"endpoint": account.endpoint, "city": self.city, "page_rows": 20, **more},
        )

    def copy(self, root: Path) -> Node:
        """Another node that has come as far as this one."""
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        return Node(root, self.city, deepcopy(self.memory))

    def forget(self) -> None:
        """The checkpoint is gone."""
        for path in self.checkpoint.parent.glob("checkpoint.db*"):
            path.unlink()

    def run(self, *, after_batch: Callable[[], object] = lambda: None, shows: bool = True, **settings: Any) -> Taken:
        """One pass over the city's databases, and what waits then, if it `shows` that; errors are raised."""
        chosen = Settings(city=self.city, **{"page_rows": 20, **settings})
        total, recipe = Taken(), city.recipe(chosen)
        with open_checkpoint(self.state, self.city) as checkpoint:
            for database in discover.databases(self.data, self.city):
                archive = Archive(self.archive, database)
                with open_source(
                    database.path, table=chosen.table, columns=chosen.columns, scratch=self.state / "scratch"
                ) as source:
                    for taken in Intake(
                        Opened(database, source, checkpoint, archive, recipe), Sender(self.memory, recipe)
                    ):
                        total += taken
                        after_batch()
            for sensor in checkpoint.databases() if shows else ():
                total += show_rest(self.city, sensor, checkpoint, Sender(self.memory, recipe))
        return total

    def facts(self) -> set[oracle.Fact]:
        """Readings that have arrived: the same in the sink and the archive, each once."""
        sent = oracle.once(oracle.stated(self.memory.contents["readings"].values()))
        kept = oracle.once(oracle.archived(self.archive))
        assert sent == kept
        return sent

    def everything(self) -> tuple[Contents, Counter[oracle.Fact], list[dict[str, Any]]]:
        """Documents, archive and rejects, to compare with another node's."""
        return self.memory.contents, oracle.archived(self.archive), oracle.rejects(self.archive)
