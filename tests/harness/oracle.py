"""What is really there: SQLite by sqlite3, Cosmos by plain HTTP, the archive by two readers of Parquet.

Shares no code with `processors`. A reading is compared by what it says (sensor, row id, time, measures), so that
lost, doubled and altered readings all show.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote
from urllib.request import Request, urlopen

import duckdb
import polars as pl

MEASURES = {
    "temperature": "temperatureC",
    "humidity": "humidityPct",
    "pressure": "pressurePa",
    "vibration": "vibrationMmS",
    "voltage": "voltageV",
}

_ANSWERS_S = 30.0


class Account(Protocol):
    """Where documents are."""

    @property
    def endpoint(self) -> str: ...

    @property
    def database(self) -> str: ...


Fact = tuple[Any, ...]
"""Sensor id, row id, microseconds since 1970, then the measures."""


def table(path: Path, name: str = "sensor_readings") -> Counter[Fact]:
    """Facts of a table whose rows are all good."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"SELECT sensor_id, id, timestamp, {', '.join(MEASURES)} FROM {name}").fetchall()
    return Counter((sensor, row_id, _micros(stamp), *values) for sensor, row_id, stamp, *values in rows)


def row_ids(path: Path) -> set[int]:
    with closing(sqlite3.connect(path)) as connection:
        return {row_id for (row_id,) in connection.execute("SELECT id FROM sensor_readings")}


def documents(account: Account, container: str) -> dict[str, dict[str, Any]]:
    """Documents by id, without what the service adds."""
    items = _items(account, container)
    by_id = {item["id"]: {name: item[name] for name in item if not name.startswith("_")} for item in items}
    assert len(by_id) == len(items), f"{len(items) - len(by_id)} documents share their id with another"
    return by_id


def delete(account: Account, container: str, ids: Iterable[str]) -> None:
    """Documents go, as by another hand."""
    keys = {item["id"]: [item["city"], item["sensorId"], item["month"]] for item in _items(account, container)}
    for document in ids:
        url = f"{_documents_url(account, container)}/{quote(document)}"
        headers = {"x-ms-documentdb-partitionkey": json.dumps(keys[document])}
        with urlopen(Request(url, headers=headers, method="DELETE"), timeout=_ANSWERS_S):
            pass


def _items(account: Account, container: str) -> list[dict[str, Any]]:
    """All items, in one answer: neither the emulator nor the strict service has pages, and neither asks for a key."""
    with urlopen(_documents_url(account, container), timeout=_ANSWERS_S) as answer:
        items: list[dict[str, Any]] = json.load(answer)["Documents"]
    return items


def _documents_url(account: Account, container: str) -> str:
    return f"{account.endpoint}/dbs/{quote(account.database)}/colls/{quote(container)}/docs"


def unpacked(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The readings of a document, as they would be in documents of their own; none of one that only describes."""
    if item.get("kind") == "description":
        return []
    if item.get("kind") != "bucket":
        return [dict(item)]
    begin_us = _micros(item["observedAt"])
    said = {name: item[name] for name in item.keys() - {"kind", "count", "lastObservedAt", "columns"}}
    found = []
    for place, row_id in enumerate(item["columns"]["rowId"]):
        reading = _merged(said, {name: _at(column, place) for name, column in item["columns"].items()})
        at = datetime(1970, 1, 1) + timedelta(microseconds=begin_us + reading.pop("offsetUs"))  # noqa: DTZ001
        reading["id"] = item["id"].split("-b")[0] + f"-{row_id}"
        reading["observedAt"] = f"{at.isoformat(timespec='microseconds')}Z"
        found.append(reading)
    assert len(found) == item["count"]
    return found


def _at(column: Any, place: int) -> Any:
    return {name: _at(part, place) for name, part in column.items()} if isinstance(column, dict) else column[place]


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """What both say, the second over the first; what it says to be null is not there."""
    whole = {name: value for name, value in below.items() if name not in above or isinstance(above[name], dict)}
    for name, value in above.items():
        if isinstance(value, dict):
            whole[name] = _merged(whole.get(name, {}), value)
        elif value is not None:
            whole[name] = value
    return whole


def joined(items: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Readings by their own ids, out of buckets, with what is said once for all of them; none is there twice."""
    known = list(items)
    said = {
        item["id"]: {name: item[name] for name in item.keys() - {"id", "kind", "ttl"}}
        for item in known
        if item.get("kind") == "description"
    }
    found: dict[str, dict[str, Any]] = {}
    for reading in (reading for item in known for reading in unpacked(item)):
        assert reading["id"] not in found, f"{reading['id']} is in two documents"
        if named := reading.pop("described", None):
            reading = said[f"{reading['id'].split('-')[0]}-d{named}"] | reading  # noqa: PLW2901
        found[reading["id"]] = reading
    return found


def stated(documents: Iterable[Mapping[str, Any]]) -> Counter[Fact]:
    """Facts of documents of readings."""
    return Counter(
        (
            item["sensorId"],
            item["rowId"],
            _micros(item["observedAt"]),
            *(item.get(name) for name in MEASURES.values()),
        )
        for document in documents
        for item in unpacked(document)
    )


def archived(archive: Path) -> Counter[Fact]:
    """Facts of the archive by a plain glob, the same for Polars and DuckDB."""
    pattern = f"{archive}/**/*.parquet"
    columns = ["sensorId", "rowId", "observedAt", *MEASURES.values()]
    if not list(archive.glob("**/*.parquet")):
        return Counter()
    frame = pl.read_parquet(pattern, hive_partitioning=True).select(columns)
    by_polars = Counter(frame.with_columns(pl.col("observedAt").cast(pl.Int64)).rows())
    wanted = ", ".join(f'"{name}"' for name in columns).replace('"observedAt"', 'epoch_us("observedAt")')
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {wanted} FROM read_parquet(?, hive_partitioning = true)", [pattern])
        by_duckdb = Counter(found.fetchall())
    assert by_polars == by_duckdb
    return by_polars


def rejects(archive: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(archive.glob("_rejects/**/*.jsonl"))
        for line in path.read_text(encoding="utf-8").split("\n")
        if line
    ]


def once(facts: Counter[Fact]) -> set[Fact]:
    """The facts, none of them stated twice."""
    doubled = {fact: count for fact, count in facts.items() if count > 1}
    assert not doubled, f"{len(doubled)} readings more than once, such as {next(iter(doubled.items()))}"
    return set(facts)


def windows(facts: Iterable[Fact], window_s: int = 60) -> dict[tuple[str, int], list[float | None]]:
    """Temperatures of each sensor's windows, by start in seconds; latest last."""
    found: dict[tuple[str, int], list[float | None]] = {}
    for fact in sorted(facts, key=lambda fact: (fact[0], fact[2], fact[1])):
        start = fact[2] // 1_000_000 // window_s * window_s
        found.setdefault((fact[0], start), []).append(fact[3])
    return found


def _micros(stamp: str) -> int:
    at = datetime.fromisoformat(stamp)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
