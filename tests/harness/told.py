"""What the readings that left tell of those that did not, in plain Python; shares no code with `processors`.

Everything but the measures is as in the reading of the sensor that left last. A measure with a dead band is, too; one
with a swinging door is on the straight line to the reading that left next. A provisional reading counts while none of
its sensor is later.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.harness.oracle import MEASURES, Fact

Item = Mapping[str, Any]

OWN = {"id", "rowId", "observedAt", "dewPointC", "provisional", *MEASURES.values()}
"""What each reading has of its own, or what is derived from that."""

_BUCKET = {"kind", "count", "lastObservedAt", "columns"}


def single(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Readings, also those that share a document, also with measures as they were read."""
    readings = []
    for item in items:
        if item.get("kind") != "bucket":
            readings.append(dict(item))
            continue
        columns, begin = item["columns"], datetime.fromisoformat(item["observedAt"])
        for place, offset_us in enumerate(columns["offsetUs"]):
            own = {name: values[place] for name, values in columns.items() if name != "offsetUs"}
            whole = {name: value for name, value in item.items() if name not in _BUCKET} | own
            whole["observedAt"] = (begin + timedelta(microseconds=offset_us)).isoformat()
            whole["id"] = f"{item['id'].partition('-')[0]}-{whole['rowId']}"
            readings.append({name: value for name, value in whole.items() if value is not None})
    for reading in readings:
        read = reading.get("source", {})
        reading.update({name: read[source] for source, name in MEASURES.items() if source in read})
    return readings


def by_sensor(items: Iterable[Item]) -> dict[str, list[dict[str, Any]]]:
    """Readings of each sensor in the order of their row ids, without provisional ones that others follow."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for item in single(items):
        own = found.setdefault(item["sensorId"], {})
        if item.get("provisional") and item["rowId"] in own:
            continue
        own[item["rowId"]] = item
    return {
        sensor: [own[row] for row in sorted(own) if row == max(own) or not own[row].get("provisional")]
        for sensor, own in found.items()
    }


def errors(facts: Iterable[Fact], items: Iterable[Item], lines: Collection[str]) -> dict[str, float]:
    """Measure -> largest distance of a row from what is told of it.

    Args:
        facts: All rows, see `oracle.table`.
        items: Documents of readings.
        lines: Measures with a swinging door.
    """
    known = {sensor: (own, [item["rowId"] for item in own]) for sensor, own in by_sensor(items).items()}
    worst = dict.fromkeys(MEASURES.values(), 0.0)
    for sensor, row_id, at_us, *values in facts:
        own, ids = known[sensor]
        place = bisect_right(ids, row_id) - 1
        assert place >= 0, f"nothing is told of row {row_id} of {sensor}"
        one, is_own = own[place], ids[place] == row_id
        for name, value in zip(MEASURES.values(), values, strict=True):
            told = one.get(name)
            assert (told is None) == (value is None), f"{name} of row {row_id} of {sensor}: {value}, told {told}"
            if told is None:
                continue
            if name in lines and not is_own:
                other = own[place + 1]
                begin, end = _micros(one), _micros(other)
                assert begin < at_us < end, f"row {row_id} of {sensor} is on no line"
                told += (other[name] - told) * (at_us - begin) / (end - begin)
            worst[name] = max(worst[name], abs(told - value))
    return worst


def others(every: Iterable[Item], items: Iterable[Item]) -> set[str]:
    """Names of what some reading says otherwise than is told of it, apart from what is its own.

    Args:
        every: Documents of all readings.
        items: Documents of those that left.
    """
    known = {sensor: (own, [item["rowId"] for item in own]) for sensor, own in by_sensor(items).items()}
    wrong: set[str] = set()
    for item in single(every):
        own, ids = known[item["sensorId"]]
        one = own[bisect_right(ids, item["rowId"]) - 1]
        wrong |= {name for name in (item.keys() | one.keys()) - OWN if item.get(name) != one.get(name)}
    return wrong


def _micros(item: Item) -> int:
    return (datetime.fromisoformat(item["observedAt"]) - datetime.fromisoformat("1970-01-01T00:00:00Z")) // timedelta(
        microseconds=1
    )
