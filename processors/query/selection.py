"""Queries as values: their text in Cosmos SQL, apart from what is looked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from processors.containers import LABEL
from processors.errors import SettingsError
from processors.schema import OBSERVED_AT

SYSTEM = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts"})
"""Properties that the service adds to each document."""

Condition = tuple[str, str, Any]
"""Text, the name of its parameter, and the value; None for the value leaves it out."""

Key = tuple[str, str, str]
"""City, sensor and month: a full partition key."""

_ENDED = "(NOT IS_DEFINED(c.lastObservedAt) OR c.lastObservedAt < @before)"
_TICK = timedelta(microseconds=1)

_SELECT = re.compile(r"\s*SELECT\b", re.IGNORECASE)


@dataclass(frozen=True)
class Query:
    """A query, with values apart from text.

    Attributes:
        sql: Text in Cosmos SQL.
        parameters: `@name` -> value.
        partition: Full partition key, where the query needs no other partition.
    """

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    partition: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Selection:
    """Which documents; None means any.

    Attributes:
        city: As written in the folder's name.
        sensor: Sensor id.
        since: Observed then or later.
        before: Observed earlier than that.
        time: Property that says when, of containers whose documents have another than readings.
        alarms: Of the container of anomalies: alarms, and not what people said of them.
        whole: Of buckets only those of which no reading is as late as `before`.
    """

    city: str | None = None
    sensor: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    time: str = OBSERVED_AT
    alarms: bool = False
    whole: bool = False

    def conditions(self, *more: Condition) -> tuple[str, dict[str, Any]]:
        """` WHERE ...` or nothing, and its parameters.

        Args:
            more: Conditions beside its own.
        """
        wanted = [
            ("c.city = @city", "@city", self.city),
            ("c.sensorId = @sensor", "@sensor", self.sensor),
            (f"c.{self.time} >= @since", "@since", None if self.since is None else instant(self.since)),
            (f"c.{self.time} < @before", "@before", None if self.before is None else instant(self.before)),
            ("c.kind != @label", "@label", LABEL if self.alarms else None),
            (_ENDED, "@before", instant(self.before) if self.whole and self.before is not None else None),
            *more,
        ]
        given = [(text, name, value) for text, name, value in wanted if value is not None]
        where = " AND ".join(text for text, _, _ in given)
        return f" WHERE {where}" if where else "", {name: value for _, name, value in given}

    @property
    def month(self) -> str | None:
        """The only month that its documents can be of, as partition keys have it; None where there may be several."""
        if self.since is None or self.before is None or self.since >= self.before:
            return None
        first, last = (instant(at)[: len("2026-11")] for at in (self.since, self.before - _TICK))
        return first if first == last else None

    @property
    def partition(self) -> Key | None:
        """The full partition key, where all its documents have one and the same."""
        month = self.month
        if self.city is None or self.sensor is None or month is None:
            return None
        return self.city, self.sensor, month

    def query(self, what: str, after: str = "", *more: Condition, partition: Key | None = None) -> Query:
        """A query of its documents, sent to no more than their partition where there is but one.

        Args:
            what: Between SELECT and FROM.
            after: Follows the conditions.
            more: Conditions beside its own.
            partition: Where they are, when another selection knows that; `partition` when None.
        """
        where, parameters = self.conditions(*more)
        return Query(f"SELECT {what} FROM c{where}{after}", parameters, partition or self.partition)  # noqa: S608


def newest_first(selection: Selection, limit: int) -> Query:
    """The latest documents of a selection, at most `limit`."""
    # A number in the text: the emulator knows no parameter there.
    return selection.query("*", f" ORDER BY c.observedAt DESC OFFSET 0 LIMIT {limit:d}")


def oldest_first(selection: Selection, limit: int) -> Query:
    """The earliest documents of a selection, at most `limit`."""
    return selection.query("*", f" ORDER BY c.observedAt ASC OFFSET 0 LIMIT {limit:d}")


def count(selection: Selection) -> Query:
    """How many documents a selection has; the answers of partitions are to be added up."""
    return selection.query("VALUE COUNT(1)")


def partitions(selection: Selection) -> Query:
    """The full partition keys of a selection."""
    return selection.query("DISTINCT c.city, c.sensorId, c.month")


def values(name: str) -> Query:
    """The different values of a property."""
    return Query(f"SELECT DISTINCT VALUE c.{name} FROM c")  # noqa: S608


def identities(selection: Selection, levels: Sequence[str]) -> Query:
    """Of each document of a selection its id, and its partition key by the names of the levels."""
    return selection.query(", ".join(f"c.{name}" for name in ("id", *levels)))


def partition(key: Key) -> Query:
    """All documents of one full partition key."""
    text = "SELECT * FROM c WHERE c.city = @city AND c.sensorId = @sensor AND c.month = @month"
    return Query(text, dict(zip(("@city", "@sensor", "@month"), key, strict=True)), key)


def is_select(sql: str) -> bool:
    """Whether it begins as one; the service takes nothing else from a query, and Polars one statement."""
    return _SELECT.match(sql) is not None


def as_given(sql: str) -> Query:
    """The query, unchanged.

    Raises:
        SettingsError: It is not a SELECT.
    """
    if not is_select(sql):
        raise SettingsError(
            "run the query",
            sql,
            why="it is not a SELECT, and queries only read",
            hint='for example --sql "SELECT TOP 5 * FROM c"',
        )
    return Query(sql)


def without_system(document: dict[str, Any]) -> dict[str, Any]:
    """The document as it was written."""
    return {name: value for name, value in document.items() if name not in SYSTEM}


def instant(at: datetime) -> str:
    """A time as documents write it; so written they compare as times."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
