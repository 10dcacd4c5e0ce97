"""What is wrong with what a node has left in Cosmos and in its archive; shares no code with the pipeline.

Judged against the record of every row that was ever in a table (`world.World.rows`):

- each good row of the tables as they are now is one document and one archived reading, each bad one one reject, but
  for rows that were once deleted (`world.World.deleted`);
- no row, of whatever life of its database, is more than one document, archived reading or reject, and each says what
  the row said;
- what is archived is in Cosmos; nothing that Cosmos had is gone or different;
- windows are those of the archived readings, exactly those that are closed; each anomaly has its reading.

Where a run was killed between Cosmos and the archive, and the table then replaced, Cosmos has rows that nobody else
has. That is right, and windows of such a life of a database are judged only as far as they can be known.
"""

from __future__ import annotations

import json
import sqlite3
import stat
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from tests.chaos.world import MARK, World
from tests.harness.databases import Row
from tests.harness.oracle import MEASURES

Document = dict[str, Any]
Contents = Mapping[str, Mapping[str, Document]]
"""Container -> id -> document."""

WINDOW_S = 60
WITNESSES = 3
"""A window is closed when this many readings are at its end or later (docs/decisions/0005)."""

HOTTEST_C = 85.0
"""A temperature above it is an anomaly of kind `limit`."""

_SAME = {"status_code": "statusCode", "firmware_version": "firmwareVersion", "location": "location", MARK: "instanceId"}


@dataclass(frozen=True)
class Left:
    """What a node has left.

    Attributes:
        contents: Of Cosmos.
        archived: `instanceId`, `generation`, `rowId`, `sensorId`, `observedAt` (microseconds) and the measures of
            each archived reading.
        rejects: Lines of the files of rejects.
    """

    contents: Contents
    archived: list[Document]
    rejects: list[Document]


def left(contents: Contents, archive: Path) -> Left:
    """As a plain reader of the archive sees it."""
    readings: list[Document] = []
    if any(archive.glob("city=*/**/*.parquet")):
        columns = ["instanceId", "generation", "rowId", "sensorId", "observedAt", *MEASURES.values()]
        frame = pl.read_parquet(f"{archive}/city=*/**/*.parquet", hive_partitioning=True).select(columns)
        readings = frame.with_columns(pl.col("observedAt").cast(pl.Int64)).to_dicts()
    rejects = [
        json.loads(line)
        for path in sorted(archive.glob("_rejects/**/*.jsonl"))
        for line in path.read_text(encoding="utf-8").split("\n")
        if line
    ]
    return Left(contents, readings, rejects)


def verdict(world: World, before: Contents, now: Left, *, bucketed: bool) -> list[str]:
    """What is wrong, empty when all is right.

    Args:
        world: Its tables as they are now, and the record of their rows.
        before: What Cosmos had before the last run.
        now: What is there after it.
        bucketed: Whether readings share documents: then one that was sent and never archived, because the run was
            killed and its row then deleted or replaced, is taken back, and a window may count it that nothing else
            tells of (docs/decisions/0030).
    """
    documents = list(now.contents["readings"].values())
    return [
        *_stated("Cosmos", ((item.get("instanceId"), item) for item in documents), world, _differences),
        *_stated("the archive", ((item["instanceId"], item) for item in now.archived), world, _archive_differences),
        *_rejected(world, now.rejects),
        *_missing(world, now),
        *_unsent(now),
        *_changed(before, now, bucketed),
        *_windows(now, _excused(world, before) if bucketed else {}),
        *_anomalies(now),
        *_modes(world),
    ]


def marks(path: Path) -> set[str]:
    """Marks of the rows of a table."""
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        return {mark for (mark,) in connection.execute(f"SELECT {MARK} FROM sensor_readings")}


def is_bad(row: Row) -> bool:
    """A row that must not become a document."""
    return row["timestamp"] == "not a time" or row["humidity"] == 1e6


def micros(stamp: str) -> int:
    since = datetime.fromisoformat(stamp) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _stated(where: str, stated: Iterable[tuple[str | None, Document]], world: World, differences: Any) -> Iterator[str]:
    times: Counter[str | None] = Counter()
    for mark, item in stated:
        times[mark] += 1
        row = world.rows.get(mark or "")
        if row is None:
            yield f"invented: {where} has {mark}, which nobody wrote"
        elif wrong := differences(row, item):
            yield f"wrong: {where} has {mark} with {', '.join(wrong)}"
    for mark, count in times.items():
        if count > 1:
            yield f"doubled: {where} has {mark} {count} times"


def _rejected(world: World, rejects: list[Document]) -> Iterator[str]:
    """As `_stated`, life by life where a table has had many: a bad row at a fork is told of in both."""
    by_life: dict[str, list[tuple[str | None, Document]]] = defaultdict(list)
    for item in rejects:
        row = json.loads(item["row"])
        sensor = row["sensor_id"].removesuffix("-s")
        by_life[item["generation"] if sensor in world.rewritten else sensor].append((row[MARK], item))
    for stated in by_life.values():
        yield from _stated("the rejects", stated, world, _not_bad)


def _differences(row: Row, item: Document) -> list[str]:
    expected = {
        "city": World.city,
        "sensorId": row["sensor_id"],
        "month": row["timestamp"][:7],
        "model": row["model"].strip(),
        "latitude": round(row["latitude"], 2),
        "longitude": round(row["longitude"], 2),
        "stage": "sanitized",
        **{name: row[source] for source, name in (*MEASURES.items(), *_SAME.items())},
    }
    wrong = [f"{name} {item.get(name)!r}, not {value!r}" for name, value in expected.items() if item.get(name) != value]
    if is_bad(row) or micros(item["observedAt"]) != micros(row["timestamp"]):
        wrong.append(f"observedAt {item['observedAt']}, not {row['timestamp']}")
    return wrong


def _archive_differences(row: Row, item: Document) -> list[str]:
    expected = {"sensorId": row["sensor_id"], **{name: row[source] for source, name in MEASURES.items()}}
    wrong = [f"{name} {item[name]!r}, not {value!r}" for name, value in expected.items() if item[name] != value]
    return wrong if not is_bad(row) and item["observedAt"] == micros(row["timestamp"]) else [*wrong, "another time"]


def _not_bad(row: Row, item: Document) -> list[str]:
    return [] if is_bad(row) else [f"rules {item['rules']} that it keeps"]


def _missing(world: World, now: Left) -> Iterator[str]:
    documents = {item.get("instanceId") for item in now.contents["readings"].values()}
    archived = {item["instanceId"] for item in now.archived}
    rejected = {json.loads(item["row"])[MARK] for item in now.rejects}
    for sensor in world.sensors:
        for mark in sorted(marks(world.database(sensor)) - world.deleted):
            if is_bad(world.rows[mark]):
                if mark not in rejected:
                    yield f"lost: bad row {mark} of {sensor} is not among the rejects"
                continue
            if mark not in documents:
                yield f"lost: {mark} of {sensor} is not in Cosmos"
            if mark not in archived:
                yield f"lost: {mark} of {sensor} is not in the archive"


def _unsent(now: Left) -> Iterator[str]:
    documents = {item.get("instanceId") for item in now.contents["readings"].values()}
    for item in now.archived:
        if item["instanceId"] not in documents:
            yield f"lost: {item['instanceId']} is archived and not in Cosmos"


def _changed(before: Contents, now: Left, bucketed: bool) -> Iterator[str]:
    archived = {item["instanceId"] for item in now.archived}
    for container in ("readings", "anomalies"):
        for name, item in before[container].items():
            if name not in now.contents[container]:
                if container == "anomalies" or not bucketed or item["instanceId"] in archived:
                    yield f"lost: {container} {name} was in Cosmos and is gone"
            elif now.contents[container][name] != item:
                yield f"wrong: {container} {name} has changed"


def _excused(world: World, before: Contents) -> Mapping[str, Document]:
    """Windows that were there before the last run, of sensors whose rows were deleted or replaced."""
    windows = before["aggregates"].items()
    return {name: item for name, item in windows if item["sensorId"].removesuffix("-s") in world.rewritten}


def _windows(now: Left, excused: Mapping[str, Document]) -> Iterator[str]:
    archived = {item["instanceId"] for item in now.archived}
    unknowable = {
        item["generation"] for item in now.contents["readings"].values() if item["instanceId"] not in archived
    }
    readings: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for item in now.archived:
        readings[item["generation"], item["sensorId"]].append(item)
    due = {
        (*life, start): rows
        for life, items in readings.items()
        if life[0] not in unknowable
        for start, rows in _closed(items).items()
    }
    found: dict[tuple[str, str, int], Document] = {}
    for item in now.contents["aggregates"].values():
        key = (item["generation"], item["sensorId"], micros(item["windowStart"]))
        if key in found:
            yield f"doubled: window {key}"
        found[key] = item
    for key, rows in due.items():
        if key not in found:
            yield f"lost: window {key} of {len(rows)} readings"
        elif found[key]["count"] > len(rows) and excused.get(found[key]["id"]) == found[key]:
            continue
        elif wrong := _window_differences(found[key], rows):
            yield f"wrong: window {key} has {', '.join(wrong)}"
    for key, item in found.items():
        if key not in due and key[0] not in unknowable and not item.get("provisional"):
            yield f"wrong: window {key} is there and not closed"


def _closed(items: list[Document]) -> dict[int, list[Document]]:
    """Start in microseconds -> readings, of the windows of one life of one sensor that are closed."""
    times = sorted(item["observedAt"] for item in items)
    if len(times) < WITNESSES:
        return {}
    size = WINDOW_S * 1_000_000
    windows: dict[int, list[Document]] = defaultdict(list)
    for item in items:
        windows[item["observedAt"] // size * size].append(item)
    return {start: rows for start, rows in windows.items() if start + size <= times[-WITNESSES]}


def _window_differences(item: Document, rows: list[Document]) -> list[str]:
    wrong = [] if item["count"] == len(rows) else [f"count {item['count']}, not {len(rows)}"]
    for name in MEASURES.values():
        values = [row[name] for row in rows if row[name] is not None]
        summary = item.get(name)
        if not values:
            wrong += [f"{name} of no values"] if summary else []
            continue
        expected = {"count": len(values), "min": min(values), "max": max(values), "mean": sum(values) / len(values)}
        wrong += [
            f"{name}.{part} {(summary or {}).get(part)}, not {value}"
            for part, value in expected.items()
            if summary is None or abs(summary[part] - value) > 1e-6 * max(1.0, abs(value))
        ]
    return wrong


def _anomalies(now: Left) -> Iterator[str]:
    readings = now.contents["readings"]
    archived = {item["instanceId"] for item in now.archived}
    kept = {name: item for name, item in readings.items() if item.get("instanceId") in archived}
    flagged = {name for name, item in kept.items() if item.get("isAnomaly")}
    named = {item["readingId"] for item in now.contents["anomalies"].values() if "readingId" in item}
    for name in sorted(named - flagged):
        if not readings.get(name, {}).get("isAnomaly"):
            yield f"wrong: an anomaly names {name}, which {'is not marked' if name in readings else 'is not there'}"
    told = {item["sensorId"] for item in now.contents["anomalies"].values()}
    for name in sorted(flagged):
        if kept[name]["sensorId"] not in told:
            yield f"lost: {name} is marked and no anomaly tells of its sensor"
    hot = {name for name, item in kept.items() if item.get("temperatureC", 0) > HOTTEST_C}
    for name in sorted(hot - flagged):
        yield f"lost: {name} is too hot and not marked"


def _modes(world: World) -> Iterator[str]:
    """State and archive are the owner's and the group's alone."""
    for root in (world.state, world.archive):
        for path in root.rglob("*"):
            mode = stat.S_IMODE(path.lstat().st_mode)
            if mode & 0o027:
                yield f"open: {path.relative_to(world.root)} has mode {mode:o}"
