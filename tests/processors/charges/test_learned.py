"""What is learned is what was charged, and nothing is known that was not."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from azure.cosmos import CosmosClient

from processors.charges import (
    DELETE,
    FAILED,
    INSERT,
    QUERY,
    REPLACE,
    SCHEMA,
    Charge,
    Kind,
    Learned,
    Meter,
    Spent,
    empty,
    is_sound,
    learn,
    observed,
    of_account,
    policy_of,
)
from processors.charges.spent import of_batch, step_of
from processors.cosmos import Account
from processors.model import Documents
from processors.sink import open_sink
from tests.harness.strict import StrictCosmos

AT = datetime(2026, 11, 22, 4, 55, tzinfo=UTC)
PLACE: dict[str, Any] = {"endpoint": "https://a", "database": "d", "policies": {"readings": "p1"}}
KEY = ("denver", "s1", "2026-11")


def points(*charged: tuple[int, float], operation: str = INSERT, **place: Any) -> pl.DataFrame:
    """One document of each size for so much."""
    spent = Spent({Kind("readings", operation, step_of(size)): Charge(1, size, units) for size, units in charged})
    return observed(spent, **{**PLACE, "at": AT, **place})


def charges(frame: pl.DataFrame, *sizes: int | None, operation: str = INSERT) -> list[float | None]:
    return Learned(frame).charge("readings", operation, pl.Series(sizes, dtype=pl.Int64)).to_list()


def test_between_two_sizes_it_is_on_the_line_between_their_charges() -> None:
    known = points((1_000, 5.0), (1_200, 7.0), (1_400, 7.5))

    assert charges(known, 1_000, 1_100, 1_200, 1_300, 1_400) == pytest.approx([5.0, 6.0, 7.0, 7.25, 7.5])


def test_beyond_what_was_charged_it_is_unknown_but_near_it() -> None:
    known = points((1_000, 5.0), (1_200, 7.0))

    assert charges(known, 900, 949, 951, 1_259, 1_261, 5_000, None) == [None, None, 5.0, 7.0, None, None, None]


def test_in_a_wide_gap_it_is_unknown_but_near_its_ends() -> None:
    known = points((1_000, 5.0), (4_000, 6.6))

    assert charges(known, 1_040, 1_100, 2_000, 3_700, 3_900) == [5.0, None, None, None, 6.6]


def test_of_one_size_that_alone_is_known() -> None:
    assert charges(points((1_000, 5.0)), 940, 1_000, 1_060) == [None, 5.0, None]


def test_operations_and_containers_are_apart() -> None:
    known = learn(points((1_000, 5.0)), points((1_000, 10.0), operation=REPLACE))

    assert charges(known, 1_000) == [5.0]
    assert charges(known, 1_000, operation=REPLACE) == [10.0]
    assert charges(known, 1_000, operation=DELETE) == [None]
    assert Learned(known).charge("aggregates", INSERT, pl.Series([1_000])).to_list() == [None]
    assert Learned(empty()).charge("readings", INSERT, pl.Series([1_000, 2])).to_list() == [None, None]


def test_what_is_learned_is_added_up() -> None:
    first, second = points((1_000, 5.0), (1_500, 6.0)), points((1_000, 6.0), at=AT + timedelta(hours=1))

    known = learn(learn(empty(), first), second)

    assert known.filter(pl.col("bytes") == 2_000).select("documents", "requestUnits", "at").row(0) == (
        2,
        11.0,
        AT + timedelta(hours=1),
    )
    assert charges(known, 1_000) == [5.5]
    assert known.schema == SCHEMA
    assert learn(second, first).equals(learn(first, second))
    assert is_sound(known)
    assert is_sound(empty())


def test_another_account_and_another_policy_are_apart() -> None:
    known = empty()
    for place in (
        {"endpoint": "https://b"},
        {"database": "e"},
        {"policies": {"readings": "p2"}, "at": AT - timedelta(days=1)},
        {},
    ):
        known = learn(known, points((1_000, 5.0 + len(known)), **place))

    assert charges(of_account(known, "https://a", "d"), 1_000) == [8.0]
    assert charges(of_account(known, "https://a", "d", {"readings": "p2"}), 1_000) == [7.0]
    assert charges(of_account(known, "https://a", "d", {"readings": "p3"}), 1_000) == [None]
    assert charges(of_account(known, "https://b", "d"), 1_000) == [5.0]
    assert charges(of_account(known, "https://c", "d"), 1_000) == [None]


def test_what_came_to_nothing_and_what_was_not_charged_teaches_nothing() -> None:
    spent = Spent(
        {
            Kind("readings", FAILED, 0): Charge(10, 1_000, 5.0),
            Kind("readings", QUERY, 0): Charge(10, 0, 5.0),
            Kind("readings", INSERT, 9): Charge(10, 1_000, 0.0),
            Kind("elsewhere", INSERT, 9): Charge(10, 1_000, 5.0),
        }
    )

    assert observed(spent, **PLACE, at=AT).is_empty()


@pytest.mark.parametrize(
    "damage",
    [
        pl.col("documents").cast(pl.Int32),
        pl.lit(0, pl.Int64).alias("documents"),
        pl.lit(None, pl.Float64).alias("requestUnits"),
        pl.lit(float("nan")).alias("requestUnits"),
        pl.lit(-1.0).alias("requestUnits"),
        pl.lit(1).alias("more"),
    ],
)
def test_a_damaged_frame_is_not_sound(damage: pl.Expr) -> None:
    assert not is_sound(points((1_000, 5.0)).with_columns(damage))


def test_a_policy_has_one_name_however_it_is_written() -> None:
    one = {"indexingPolicy": {"indexingMode": "consistent", "automatic": True}, "id": "a"}
    other = {"id": "b", "indexingPolicy": {"automatic": True, "indexingMode": "consistent"}}

    assert policy_of(one) == policy_of(other) != policy_of({"indexingPolicy": {"automatic": False}}) != policy_of({})


def test_a_step_is_three_percent() -> None:
    sizes = range(100, 100_000, 7)
    widest: dict[int, list[int]] = {}
    for size in sizes:
        widest.setdefault(step_of(size), []).append(size)

    assert all(max(held) <= min(held) * 1.03 for held in widest.values())
    assert len(widest) < 250
    assert step_of(0) == 0


@pytest.mark.parametrize("charged", [0.0, 30.0])
def test_shares_are_brought_to_what_the_batch_was_charged(charged: float) -> None:
    spent = of_batch(
        "readings", [(1_000, ""), (1_000, ""), (9_000, "")], [(201, 5.0), (200, 10.0), (201, 9.0)], charged
    )

    assert spent.request_units == pytest.approx(charged or 24.0)
    whole = charged or 24.0
    assert [(kind.operation, charge.request_units) for kind, charge in spent.by_kind.items()] == [
        (INSERT, pytest.approx(whole * 5 / 24)),
        (REPLACE, pytest.approx(whole * 10 / 24)),
        (INSERT, pytest.approx(whole * 9 / 24)),
    ]


def test_a_batch_without_shares_is_shared_equally() -> None:
    spent = of_batch("readings", [(1_000, ""), (9_000, "")], [(201, 0.0), (201, 0.0)], 30.0)

    assert {charge.request_units for charge in spent.by_kind.values()} == {15.0}
    assert of_batch("readings", [(1_000, "")], [(201, 0.0)], 0.0).request_units is None


def group(sizes: list[int], start: int) -> Documents:
    items = [
        {
            "id": f"s1-{start + number}",
            "city": KEY[0],
            "sensorId": KEY[1],
            "month": KEY[2],
            "observedAt": "x",
            "note": "",
        }
        for number in range(len(sizes))
    ]
    for item, size in zip(items, sizes, strict=True):
        item["note"] = "x" * (size - len(encoded(item)))
    return Documents(KEY, items, [len(encoded(item)) for item in items])


def encoded(item: dict[str, Any]) -> bytes:
    return json.dumps(item, separators=(",", ":")).encode()


@pytest.mark.parametrize("_draw", range(3))
def test_what_a_writer_learns_holds_for_other_documents(account: Account, _draw: int) -> None:
    """Of sizes in between, inserted and replaced; the seed says what the account charges."""
    seed = random.SystemRandom().randrange(1_000_000)
    dice = random.Random(seed)
    learned_from = sorted(int(200 * 1.18**step) for step in range(28))
    asked = [int(dice.uniform(200, learned_from[-1])) for _ in range(100)]
    meter = Meter()
    with StrictCosmos(account, seed=seed) as strict, open_sink(strict.account, meter=meter) as sink:
        for _ in range(2):
            sink.write("readings", [group(learned_from, 0)])
        known = observed(meter.spent, endpoint="e", database="d", policies={"readings": "p"}, at=AT)
        with CosmosClient(strict.endpoint, "eA==", enable_endpoint_discovery=False) as client:
            container = client.get_database_client(account.database).get_container_client("readings")
            documents = group(asked, 1_000)
            for operation in (INSERT, REPLACE):
                true = []
                for item in documents.items:
                    container.upsert_item(item)
                    true.append([each for each in strict.exchanges if each.kind != "metadata"][-1].charge)
                found = Learned(known).charge("readings", operation, pl.Series(documents.sizes))
                assert found.null_count() == 0, f"seed {seed}"
                errors = (found - pl.Series(true)).abs() / pl.Series(true)
                assert errors.max() < 0.05, f"seed {seed}"  # type: ignore[operator]
