"""Each hazard, just reached and just not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fleet.plan.limits import GB
from fleet.plan.lint import ITEM_BYTES, Shape, hazards
from fleet.plan.traffic import DAY_S, MONTH_S, Load, Sensor, Traffic

FINE = Shape({"readings": 500})


def load(rate: float = 1.0, gb: float = 1.0, ttl_s: int = -1, shares: Sequence[float] = (1.0,)) -> Load:
    sensors = [Sensor(f"s{number}", {"readings": 1.0}, share) for number, share in enumerate(shares)]
    return Load((), [Traffic("readings", gb * GB, rate * MONTH_S, ttl_s)], 60.0, sensors)


def names(found: Load, shape: Shape = FINE, ru_s: float | None = None) -> list[str]:
    return [f"{each.name}: {each.subject}" for each in hazards(found, shape, ru_s)]


def test_a_city_without_hazards() -> None:
    assert names(load()) == []


@pytest.mark.parametrize(("size", "count"), [(ITEM_BYTES // 2, 0), (ITEM_BYTES * 9 // 10, 1), (ITEM_BYTES + 1, 1)])
def test_an_item_near_2_mb(size: int, count: int) -> None:
    assert names(load(), Shape({"readings": size})) == ["large item: readings"] * count


def test_an_item_that_is_too_large_is_refused() -> None:
    (hazard,) = hazards(load(), Shape({"readings": ITEM_BYTES + 1}), None)
    assert "the service refuses it" in hazard.why
    assert "a little more" not in hazard.why


def test_ids_and_keys_that_the_service_refuses() -> None:
    shape = Shape({}, odd_ids={"anomalies": 3}, long_keys={"readings": 2})
    assert names(load(), shape) == ["forbidden id: anomalies", "long partition key: readings"]


def test_one_sensor_of_many_that_brings_most() -> None:
    assert names(load(shares=(0.6, 0.2, 0.1, 0.1))) == ["hot partition: s0"]
    assert names(load(shares=(0.5, 0.3, 0.1, 0.1))) == []
    assert names(load(shares=(0.8, 0.1, 0.1))) == []


def test_a_city_near_the_throughput_of_a_physical_partition() -> None:
    assert "hot partition: the city" in names(load(8_000.0))
    assert "hot partition: the city" not in names(load(7_900.0))


def test_a_container_near_the_throughput_of_serverless() -> None:
    assert names(load(4_000.0)) == ["too much for serverless: readings"]
    assert names(load(3_900.0)) == []


def test_throughput_that_one_city_cannot_use() -> None:
    assert names(load(), ru_s=20_000) == ["throughput that cannot be used: the city"]
    assert names(load(), ru_s=10_000) == []


def test_growth_without_expiry() -> None:
    assert names(load(gb=9.0)) == ["nothing expires: readings"]
    assert names(load(gb=8.0)) == []
    assert names(load(gb=9.0, ttl_s=90 * DAY_S)) == []


def test_small_pages_make_small_requests() -> None:
    assert names(load(), Shape({}, page_rows=20, documents_a_request=4.0)) == ["page size: page_rows = 20"]
    assert names(load(), Shape({}, page_rows=20, documents_a_request=20.0)) == []


def test_large_pages_at_little_throughput() -> None:
    shape = Shape({}, page_rows=20_000, request_units_a_row=8.0)
    (hazard,) = hazards(load(), shape, 400)
    assert hazard.name == "page size"
    assert "400 s" in hazard.why
    assert hazard.hint == "set page_rows to 3000"
    assert names(load(), shape, 2_000) == []
    assert names(load(), shape) == []


def test_an_index_that_nothing_queries() -> None:
    shape = Shape({}, indexed={"readings": ["/city", "/isAnomaly"]}, queried={"readings": frozenset({"city"})})
    (hazard,) = hazards(load(), shape, None)
    assert (hazard.name, hazard.subject) == ("index that nothing queries", "readings")
    assert "/isAnomaly:" in hazard.why
