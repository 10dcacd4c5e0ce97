"""How fast a city's rows come, by the stamps of its own rows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from processors import discover
from processors.errors import SourceError
from processors.forecast import rows_a_second
from processors.settings import Settings
from processors.standing import open_table
from processors.survey import stamps


@dataclass(frozen=True)
class Rates:
    """Rows a second.

    Attributes:
        now: Database -> rows a second; 0 of one whose writer has stopped.
        lately: The same, also of one whose writer has stopped: as it was when it last wrote.
        newest: Latest stamp of all, UTC; None when none is readable.
    """

    now: Mapping[str, float] = field(default_factory=dict)
    lately: Mapping[str, float] = field(default_factory=dict)
    newest: datetime | None = None

    @property
    def stopped(self) -> bool:
        """Whether none of the writers that there were goes on."""
        return not any(self.now.values()) and any(self.lately.values())

    @property
    def present(self) -> float:
        """Of the whole city: as it is, or as it was when all have stopped."""
        return sum((self.lately if self.stopped else self.now).values())


def rates(settings: Settings, now: datetime) -> Rates:
    """The rates of all databases that can be read.

    Args:
        settings: `city`, and where its data is.
        now: UTC.

    Raises:
        CityError: There is no such city.
    """
    present: dict[str, float] = {}
    lately: dict[str, float] = {}
    newest: list[datetime] = []
    for database in discover.databases(settings.data, settings.city):
        with suppress(SourceError), open_table(database, settings.table, settings.columns) as source:
            early, late = stamps(source, settings.source_time_zone)
            if not late:
                continue
            last = max(at for _, at in late)
            newest.append(last)
            present[database.sensor] = rows_a_second(early, late, now)
            lately[database.sensor] = rows_a_second(early, late, min(now, last))
    return Rates(present, lately, max(newest, default=None))
