"""`make bench-queries`: what the strict service charges for common queries; writes the tables of docs/queries.md."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from azure.cosmos import CosmosClient

from bench.data import CITY, Databases, Shape
from processors import city
from processors.containers import AGGREGATES, ANOMALIES, making
from processors.cosmos import Account
from processors.query import Reader, Selection, count, groups, newest_first, open_reader, readings
from processors.schema import WINDOW_START
from processors.settings import Settings
from tests.harness import emulator
from tests.harness.strict import StrictCosmos

PAGE = Path(__file__).parents[1] / "docs" / "queries.md"

SENSORS = 6
PERIOD_S = 30.0
SHAPE = Shape(SENSORS * 2880, SENSORS, PERIOD_S)
OTHER = "other"
"""A second city, with the same readings."""

BUCKET_ROWS = 60
SEED = 8
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=1)
HOUR = END - timedelta(hours=1)
MONTHS = [datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC), BEGIN, datetime(2026, 2, 1, tzinfo=UTC)]
ALL = 1_000_000


@dataclass(frozen=True)
class Asked:
    """A common question.

    Attributes:
        what: In words.
        command: That asks it, empty where none does.
        reads: Which partitions the service must look into.
        ask: Asks it; how many rows came.
    """

    what: str
    command: str
    reads: str
    ask: Callable[[Stored], int]


@dataclass(frozen=True)
class Cost:
    """Of a question.

    Attributes:
        rows: That came.
        requests: To the service, which each have a charge of their own.
        request_units: Their charges.
    """

    rows: int
    requests: int
    request_units: float


@dataclass(frozen=True)
class Stored:
    """Two cities in a strict service.

    Attributes:
        strict: The service.
        readers: By container.
        sensor: One of them.
    """

    strict: StrictCosmos
    readers: Mapping[str, Reader]
    sensor: str

    def cost(self, ask: Callable[[Stored], int]) -> Cost:
        """Of a question."""
        self.strict.exchanges.clear()
        rows = ask(self)
        asked = [exchange for exchange in self.strict.exchanges if exchange.kind in ("query", "read")]
        return Cost(rows, len(asked), sum(exchange.charge for exchange in asked))

    def newest(self, selection: Selection, limit: int = ALL) -> int:
        """Readings of a selection."""
        return _length(readings.newest(self.readers["readings"], selection, limit))

    def count(self, selection: Selection) -> int:
        """One number."""
        readings.count(self.readers["readings"], selection)
        return 1

    def read(self) -> int:
        """One document by its id and key."""
        with CosmosClient(self.strict.endpoint, "eA==", enable_endpoint_discovery=False) as client:
            container = client.get_database_client(self.strict.account.database).get_container_client("readings")
            key = (CITY, self.sensor, f"{BEGIN:%Y-%m}")
            wanted = Selection(CITY, self.sensor, BEGIN, MONTHS[-1]).query("TOP 1 c.id")
            (found,) = self.readers["readings"].rows(wanted)
            self.strict.exchanges.clear()
            container.read_item(found["id"], list(key))
        return 1


def questions(sensor: str) -> list[Asked]:
    """The common ones, from the cheapest kind to the dearest."""
    one, whole = "query --city C --sensor S", "query --city C"
    of_sensor, of_city = Selection(CITY, sensor), Selection(CITY)
    hour = (HOUR, END)
    key, prefix, many = "one partition", "the sensor's, by prefix", "the city's, by prefix"
    return [
        Asked("one reading by id and key", "", key, Stored.read),
        Asked("a sensor's latest reading", f"{one} --limit 1", prefix, lambda it: it.newest(of_sensor, 1)),
        Asked(
            "the same, the month given",
            f"{one} --since 2026-01-01 --before 2026-02-01 --limit 1",
            key,
            lambda it: it.newest(Selection(CITY, sensor, BEGIN, MONTHS[-1]), 1),
        ),
        Asked(
            "a sensor's last hour",
            f"{one} --since 2026-01-01T23:00Z --before 2026-01-02",
            key,
            lambda it: it.newest(Selection(CITY, sensor, *hour)),
        ),
        Asked("a city's last hour", f"{whole} --since 1h", many, lambda it: it.newest(Selection(CITY, None, HOUR))),
        Asked("the last hour of all cities", "query --since 1h", "all", lambda it: it.newest(Selection(since=HOUR))),
        Asked(
            "a city's anomalies of a day",
            f"{whole} --anomalies --since 2026-01-01 --before 2026-01-02",
            many,
            lambda it: _length(
                it.readers[ANOMALIES].rows(newest_first(Selection(CITY, None, BEGIN, END, alarms=True), ALL))
            ),
        ),
        Asked(
            "a city's windows of a day",
            "query --container aggregates --sql ...",
            many,
            lambda it: _length(
                it.readers[AGGREGATES].rows(Selection(CITY, None, BEGIN, END, time=WINDOW_START).query("*"))
            ),
        ),
        Asked("how many readings a sensor has", f"{one} --count", prefix, lambda it: it.count(of_sensor)),
        Asked("how many a city has", f"{whole} --count", many, lambda it: it.count(of_city)),
        Asked(
            "how many each sensor of a city has, by the day",
            f"{whole} --analyze",
            "each of the city's, one by one",
            lambda it: _length(groups(it.readers["readings"], of_city)),
        ),
        Asked("all of a city", f"{whole} --limit 1000000", many, lambda it: it.newest(of_city)),
        Asked("all", "query --limit 1000000", "all", lambda it: it.newest(Selection())),
    ]


def forms(sensor: str) -> list[tuple[str, Callable[[Stored], int]]]:
    """Ways to ask how many readings a sensor has in an hour, or in three months of which two have none."""
    months = [Selection(CITY, sensor, *pair) for pair in pairwise(MONTHS)]

    def counted(*selections: Selection) -> Callable[[Stored], int]:
        return lambda it: sum(sum(it.readers["readings"].rows(count(each))) for each in selections)

    return [
        ("an hour, by its full key", counted(Selection(CITY, sensor, HOUR, END))),
        ("an hour, by city and sensor", counted(Selection(CITY, sensor, HOUR))),
        ("an hour, by the sensor alone", counted(Selection(None, sensor, HOUR))),
        ("three months, by three full keys", counted(*months)),
        ("three months, by city and sensor", counted(Selection(CITY, sensor, MONTHS[0], MONTHS[-1]))),
    ]


def main() -> int:
    """Measures, and writes the page."""
    with tempfile.TemporaryDirectory() as scratch, emulator.serving() as endpoint:
        data = _cities(Path(scratch))
        alone = _measured(Path(scratch), data, endpoint, 1)
        bucketed = _measured(Path(scratch), data, endpoint, BUCKET_ROWS)
    _write("questions", _questions_table(*(each[0] for each in (alone, bucketed))))
    _write("forms", _table(("question", "requests", "request units"), [_form(*each) for each in alone[1]]))
    return 0


Measured = tuple[list[tuple[Asked, Cost]], list[tuple[str, Cost]]]


def _measured(scratch: Path, data: Path, endpoint: str, bucket_rows: int) -> Measured:
    with _stored(scratch / str(bucket_rows), data, endpoint, bucket_rows) as stored:
        return (
            [(each, stored.cost(each.ask)) for each in questions(stored.sensor)],
            [(name, stored.cost(ask)) for name, ask in forms(stored.sensor)],
        )


def _cities(scratch: Path) -> Path:
    data = Databases(scratch).data(SHAPE)
    shutil.copytree(data / CITY, data / OTHER)
    return data


@contextmanager
def _stored(folder: Path, data: Path, endpoint: str, bucket_rows: int) -> Iterator[Stored]:
    account = Account(endpoint, "", f"queries-{bucket_rows}")
    making.create(account)
    with StrictCosmos(account, seed=SEED) as strict, ExitStack() as stack:
        for name in (CITY, OTHER):
            settings = Settings(
                endpoint=strict.endpoint,
                database=account.database,
                data=data,
                state=folder / "state",
                archive=folder / "archive",
                city=name,
                bucket_rows=bucket_rows,
            )
            for report in city.passes(settings, city.World(), city.Silent()):
                assert report.exit_code == 0, report.document()
        readers = {
            name: stack.enter_context(open_reader(strict.account, name)) for name in ("readings", AGGREGATES, ANOMALIES)
        }
        latest = next(readings.newest(readers["readings"], Selection(CITY), 1))
        yield Stored(strict, readers, latest["sensorId"])


def _questions_table(alone: list[tuple[Asked, Cost]], bucketed: list[tuple[Asked, Cost]]) -> str:
    lines = [
        (
            asked.what,
            f"`{asked.command}`" if asked.command else "the SDK's `read_item`",
            asked.reads,
            f"{cost.rows:,}",
            _units(cost),
            _units(other),
        )
        for (asked, cost), (_, other) in zip(alone, bucketed, strict=True)
    ]
    head = ("question", "asked by", "partitions", "rows", "request units", f"in buckets of {BUCKET_ROWS}")
    return _table(head, lines)


def _units(cost: Cost) -> str:
    return f"{cost.request_units:,.1f} ({cost.requests})"


def _form(name: str, cost: Cost) -> tuple[str, ...]:
    return name, str(cost.requests), f"{cost.request_units:.2f}"


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    rows = [head, ("---",) * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _write(part: str, text: str) -> None:
    begin, end = f"<!-- {part}: written by make bench-queries -->", f"<!-- end of {part} -->"
    head, rest = PAGE.read_text(encoding="utf-8").split(begin)
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")
    print(text)


def _length(rows: Iterable[Any]) -> int:
    return sum(1 for _ in rows)


if __name__ == "__main__":
    sys.exit(main())
