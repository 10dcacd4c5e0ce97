"""What SQLite itself shows of a database, damaged or not, and whether documents say the same."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.fuzz.contract import INTEGERS, NAMES, REALS, TEXTS, Cell, Meaning, meaning

COMPANIONS = ("", "-wal", "-shm", "-journal")
SAID = {
    "sensorId",
    "observedAt",
    "timeAmbiguous",
    *(to for to, _, _ in REALS.values()),
    *INTEGERS.values(),
    *TEXTS.values(),
}

Document = Mapping[str, Any]


@dataclass
class Seen:
    """Rows by id, as they must become documents or rejects; `whole` when SQLite could read the table to its end."""

    rows: dict[int, list[Meaning]] = field(default_factory=lambda: defaultdict(list))
    whole: bool = False


def copied(path: Path, folder: Path) -> Path:
    """The database with what lies beside it, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in COMPANIONS:
        if path.with_name(path.name + suffix).exists():
            shutil.copyfile(f"{path}{suffix}", f"{folder / path.name}{suffix}")
    return folder / path.name


def seen(path: Path, ids: Iterable[int] = (), *, order: str = "", options: str = "mode=rw") -> Seen:
    """Rows of the table: all by one scan, as far as that goes, and those of the ids, each looked up.

    A damaged table may show a row by one way and not by the other, or by its index; all are SQLite's word.
    """
    found = Seen()
    uri = f"file:{path.as_posix()}?{options}"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.text_factory = bytes
        try:
            encoding = {b"UTF-16le": "utf-16-le", b"UTF-16be": "utf-16-be"}.get(
                connection.execute("PRAGMA encoding").fetchone()[0], "utf-8"
            )
            there = {
                row[1].lower(): row[1].decode() for row in connection.execute("PRAGMA table_info(sensor_readings)")
            }
            names = [name for name in NAMES if name.encode() in there]
            parts = ", ".join(
                f'typeof("{name}"), CASE typeof("{name}") WHEN \'text\' THEN CAST("{name}" AS BLOB) ELSE "{name}" END'
                for name in names
            )
            for row_id, row in _read(connection, f"SELECT id, {parts} FROM sensor_readings {order}", (), names):
                found.rows[row_id].append(meaning(row, encoding))
            found.whole = True
        except (sqlite3.Error, UnicodeDecodeError, OverflowError):
            pass  # as far as it goes
        for row_id in ids:
            try:
                one = f"SELECT id, {parts} FROM sensor_readings WHERE id = ?"
                for there_id, row in _read(connection, one, (row_id,), names):
                    found.rows[there_id].append(meaning(row, encoding))
            except (sqlite3.Error, UnicodeDecodeError, NameError):
                continue
    return found


def _read(
    connection: sqlite3.Connection, statement: str, parameters: tuple[int, ...], names: list[str]
) -> Iterator[tuple[Any, dict[str, Cell]]]:
    for row_id, *parts in connection.execute(statement, parameters):
        kinds = [kind.decode() for kind in parts[::2]]
        yield row_id, dict(zip(names, zip(kinds, parts[1::2], strict=True), strict=True))


def rejects(archive: Path) -> list[Document]:
    """Rejects in the order of their rows, of JSON that knows neither NaN nor Infinity."""
    found = []
    for path in archive.glob("_rejects/**/*.jsonl"):
        for line in path.read_text(encoding="utf-8").rstrip("\n").split("\n"):
            found.append(json.loads(line, parse_constant=float.fromhex))
            json.loads(found[-1]["row"], parse_constant=float.fromhex)
    return sorted(found, key=lambda reject: reject["rowId"])


def said(document: Document) -> dict[str, Any]:
    """What a reading says of its row."""
    told = {name: value for name, value in document.items() if name in SAID}
    return {**told, "observedAt": micros(document["observedAt"])}


def micros(stamp: str) -> int:
    since = datetime.fromisoformat(stamp) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def check_readings(documents: Iterable[Document], shown: Seen) -> None:
    """Each document is a row that SQLite shows, and says what it says."""
    for document in documents:
        means = shown.rows.get(document["rowId"], [])
        wanted = [each.says for each in means if not each.broken]
        assert said(document) in wanted, f"{said(document)} is none of {wanted} ({[m.broken for m in means]})"


def check_rejects(rejects: Iterable[Document], shown: Seen) -> None:
    """Each reject is a row that SQLite shows, and has the reasons that it must have."""
    for reject in rejects:
        broken = [each.broken for each in shown.rows.get(reject["rowId"], [])]
        assert set(reject["rules"]) in broken, f"row {reject['rowId']}: {reject['rules']} is none of {broken}"


def check_nothing_lost(documents: Iterable[Document], rejects: Iterable[Document], shown: Seen) -> None:
    """Each row that SQLite shows is a document or a reject, and none of them is both or twice."""
    taken = Counter([item["rowId"] for item in documents] + [reject["rowId"] for reject in rejects])
    there = Counter({row_id: len(means) for row_id, means in shown.rows.items()})
    assert taken == there, f"lost {there - taken}, doubled {taken - there}"


def check_aggregates(contents: Mapping[str, Mapping[str, Document]], window_s: int = 60) -> None:
    """Windows count the documents that are there, and anomalies name them."""
    windows = Counter(
        (item["sensorId"], micros(item["observedAt"]) // 1_000_000 // window_s * window_s)
        for item in contents["readings"].values()
    )
    for item in contents["aggregates"].values():
        start = micros(item["windowStart"]) // 1_000_000
        assert item["count"] == windows[item["sensorId"], start], (
            f"{item} of {windows[item['sensorId'], start]} readings"
        )
    for item in contents["anomalies"].values():
        assert item["readingId"] in contents["readings"], item
