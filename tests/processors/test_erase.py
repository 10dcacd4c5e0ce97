from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.cosmos import CosmosClient, PartitionKey

from processors import containers, erase, stopping
from processors.containers import definition
from processors.cosmos import Account
from processors.erase import Erased
from processors.errors import SinkError, Stopped
from processors.model import Documents
from processors.query import Selection, reader
from processors.sink import open_sink
from tests.harness.strict import Answer, Exchange, Fault, Plan, StrictCosmos
from tests.harness.strict.faults import on_batches, refuse_operations, throttled

ALL = Selection()
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = ("readings", "aggregates", "anomalies", "runs")
TIMES = dict(zip(NAMES, ("observedAt", "windowStart", "observedAt", "startedAt"), strict=True))


def document(container: str, number: int, city: str = "denver", sensor: str = "S1") -> dict[str, Any]:
    """The `number`th hour's document of a sensor, or of the city's runs."""
    at = BEGIN + timedelta(hours=number)
    own = {} if container == "runs" else {"sensorId": sensor, "month": f"{at:%Y-%m}"}
    kind = {"kind": "label" if number % 2 else "spike"} if container == "anomalies" else {}
    name = f"{container}-{city}-{sensor}-{number}"
    return {"id": name, "city": city, **own, **kind, TIMES[container]: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


def put(account: Account, container: str, items: Iterable[dict[str, Any]]) -> None:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for item in items:
        key = tuple(item[name] for name in ("city", "sensorId", "month") if name in item)
        groups.setdefault(key, []).append(item)
    with open_sink(account) as sink:
        sink.write(
            container,
            [Documents(key, whole, [len(json.dumps(item)) for item in whole]) for key, whole in groups.items()],
        )


def stored(account: Account) -> dict[str, set[str]]:
    """Ids by container, read by a plain client that shares no code with the deletion."""
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        database = client.get_database_client(account.database)
        return {name: {item["id"] for item in database.get_container_client(name).read_all_items()} for name in NAMES}


def emptied(account: Account, selection: Selection = ALL) -> dict[str, Erased]:
    return erase.erase(account, selection, stop=threading.Event(), progress=lambda *_: None)


def deleted(erased: Mapping[str, Erased]) -> dict[str, int]:
    return {name: each.documents for name, each in erased.items()}


def test_everything_goes_and_is_counted(strict: StrictCosmos, account: Account) -> None:
    for name, many in zip(NAMES, (230, 5, 4, 3), strict=True):
        put(account, name, (document(name, number) for number in range(many)))
    counted = erase.count(strict.account, ALL)
    assert counted == {"readings": 230, "aggregates": 5, "anomalies": 4, "runs": 3}
    assert deleted(emptied(strict.account)) == counted
    assert stored(account) == {key: set() for key in NAMES}
    assert erase.count(strict.account, ALL) == dict.fromkeys(NAMES, 0)


def test_batches_are_full_and_of_one_key(strict: StrictCosmos, account: Account) -> None:
    put(account, "readings", (document("readings", number, sensor=name) for name in "ab" for number in range(230)))
    assert deleted(emptied(strict.account))["readings"] == 460
    sizes = sorted(len(batch.ids) for batch in strict.batches)
    assert sizes == [30, 30, 100, 100, 100, 100]
    for batch in strict.batches:
        assert {name.split("-")[2] for name in batch.ids} == {batch.key[1]}  # type: ignore[index]


def test_request_units_are_those_of_finding_and_deleting(strict: StrictCosmos, account: Account) -> None:
    put(account, "readings", (document("readings", number, sensor=name) for name in "ab" for number in range(130)))
    put(account, "runs", [document("runs", 1)])
    erased = emptied(strict.account)
    for name, each in erased.items():
        spent = [e.charge for e in strict.exchanges if e.container == name and e.kind in ("query", "batch")]
        assert each.request_units == pytest.approx(sum(spent), abs=0.02)
    assert erased["readings"].request_units > 260  # type: ignore[operator]


def test_the_emulator_states_no_request_units(account: Account) -> None:
    put(account, "readings", (document("readings", number) for number in range(3)))
    assert emptied(account)["readings"] == Erased(3, None)


def test_throttled_batches_are_sent_again(strict: StrictCosmos, account: Account) -> None:
    put(account, "readings", (document("readings", number) for number in range(120)))
    strict.plan = on_batches({0, 3}, throttled(20))
    assert deleted(emptied(strict.account))["readings"] == 120
    assert [batch.status for batch in strict.batches].count(429) == 2
    assert stored(account)["readings"] == set()


def test_a_small_budget_is_kept_to(account: Account) -> None:
    put(account, "readings", (document("readings", number) for number in range(120)))
    with StrictCosmos(account, throughput=600) as strict:
        assert deleted(emptied(strict.account))["readings"] == 120
        assert 429 in {exchange.status for exchange in strict.exchanges}
    assert stored(account)["readings"] == set()


def test_what_vanishes_in_between_counts_as_done(strict: StrictCosmos, account: Account) -> None:
    put(account, "readings", (document("readings", number) for number in range(150)))
    gone = {f"readings-denver-S1-{number}" for number in (0, 17, 99, 140)}

    def vanish(exchange: Exchange) -> Answer | None:
        if exchange.batch_number >= 0 and gone & stored(account)["readings"] and strict.batches[0] is exchange:
            remove(account, gone)
        return None

    strict.plan = vanish
    assert deleted(emptied(strict.account))["readings"] == 150
    assert stored(account)["readings"] == set()
    # One more request for each, and those that hold what is left.
    assert len(strict.batches) <= 2 + len(gone)


def remove(account: Account, names: Iterable[str]) -> None:
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        container = client.get_database_client(account.database).get_container_client("readings")
        for name in names:
            container.delete_item(name, ["denver", "S1", "2026-11"])


def test_a_lost_answer_does_no_harm(strict: StrictCosmos, account: Account) -> None:
    put(account, "readings", (document("readings", number) for number in range(12)))
    strict.plan = Plan((Fault("reset_in_response", 0),))
    assert deleted(emptied(strict.account))["readings"] == 12
    assert stored(account)["readings"] == set()


def test_a_document_that_is_refused_is_told_and_the_others_go(strict: StrictCosmos, account: Account) -> None:
    put(account, "readings", (document("readings", number) for number in range(5)))
    strict.plan = refuse_operations({"readings-denver-S1-3": 400})
    with pytest.raises(SinkError, match="readings-denver-S1-3: 400"):
        emptied(strict.account)
    assert stored(account)["readings"] == {"readings-denver-S1-3"}


def test_a_container_that_goes_is_no_success(strict: StrictCosmos, account: Account) -> None:
    put(account, "readings", (document("readings", number) for number in range(5)))
    strict.plan = on_batches({0}, Answer(404, {"code": "NotFound", "message": "No such container."}))
    with pytest.raises(SinkError, match=r"cannot delete documents: .*/readings: 404"):
        emptied(strict.account)


def test_stopped_it_has_told_what_was_deleted_and_goes_on_from_there(
    strict: StrictCosmos, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "READ_AHEAD", 150)
    put(account, "readings", (document("readings", number) for number in range(700)))
    stop, told = threading.Event(), {}

    def progress(container: str, so_far: Erased) -> None:
        told[container] = so_far
        stop.set()

    with pytest.raises(Stopped):
        erase.erase(strict.account, ALL, stop=stop, progress=progress)
    left = len(stored(account)["readings"])
    assert 0 < left < 700
    assert told["readings"].documents == 700 - left
    assert deleted(emptied(strict.account))["readings"] == left
    assert stored(account)["readings"] == set()


@pytest.mark.parametrize("kind", ["query", "batch"])
def test_it_stops_though_nothing_answers(
    strict: StrictCosmos, account: Account, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(stopping, "GRACE_S", 0.1)
    put(account, "readings", (document("readings", number) for number in range(5)))
    stop = threading.Event()

    def silent(exchange: Exchange) -> Answer | None:
        if exchange.kind != kind:
            return None
        stop.set()
        return Answer(delivery="silence")

    strict.plan = silent
    with pytest.raises(Stopped):
        erase.erase(strict.account, ALL, stop=stop, progress=lambda *_: None)
    assert len(stored(account)["readings"]) == 5


def test_before_is_exclusive_and_of_each_container_its_own_time(strict: StrictCosmos, account: Account) -> None:
    for name in NAMES:
        put(account, name, (document(name, number) for number in (1, 2, 3)))
    selection = Selection(before=BEGIN + timedelta(hours=2))
    assert erase.count(strict.account, selection) == dict.fromkeys(NAMES, 1)
    emptied(strict.account, selection)
    assert stored(account) == {name: {f"{name}-denver-S1-2", f"{name}-denver-S1-3"} for name in NAMES}


def test_a_bucket_stays_until_its_last_reading_is_old_enough(strict: StrictCosmos, account: Account) -> None:
    limit = BEGIN + timedelta(hours=2)
    ends = {1: limit, 2: limit - timedelta(microseconds=1), 3: limit + timedelta(hours=7)}
    buckets = [
        {**document("readings", number), "kind": "bucket", "lastObservedAt": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"}
        for number, at in ends.items()
    ]
    buckets[1]["observedAt"] = buckets[0]["observedAt"]
    put(account, "readings", [*buckets, document("readings", 0)])
    selection = Selection(before=limit)
    assert erase.count(strict.account, selection)["readings"] == 2
    emptied(strict.account, selection)
    assert stored(account)["readings"] == {"readings-denver-S1-1", "readings-denver-S1-3"}
    emptied(strict.account, ALL)
    assert not stored(account)["readings"]


def test_what_describes_sensors_is_of_no_time(account: Account) -> None:
    description = {name: value for name, value in document("readings", 1).items() if name != TIMES["readings"]}
    put(account, "readings", [{**description, "kind": "description"}])
    assert erase.count(account, Selection(before=BEGIN + timedelta(days=9)))["readings"] == 0
    assert erase.count(account, ALL)["readings"] == 1


def test_runs_have_no_sensor(strict: StrictCosmos, account: Account) -> None:
    for name in NAMES:
        put(account, name, [document(name, 1)])
    assert set(erase.count(strict.account, Selection(sensor="S1"))) == {"readings", "aggregates", "anomalies"}
    assert set(emptied(strict.account, Selection(sensor="S1"))) == {"readings", "aggregates", "anomalies"}
    assert stored(account) == {**{key: set() for key in NAMES}, "runs": {"runs-denver-S1-1"}}


@pytest.mark.parametrize("seed", range(8))
def test_nothing_else_goes(strict: StrictCosmos, account: Account, seed: int) -> None:
    dice = random.Random(seed)
    cities, sensors = ("denver", "boston", "São Paulo"), ("S1", "S2", "s'1 --")
    held = {
        name: [document(name, dice.randrange(1_500), dice.choice(cities), dice.choice(sensors)) for _ in range(60)]
        for name in NAMES
    }
    for name, items in held.items():
        put(account, name, items)
    city = dice.choice((None, "nowhere", *cities))
    sensor = dice.choice((None, None, *sensors))
    before = dice.choice((None, BEGIN + timedelta(hours=dice.randrange(1_500))))
    selection = Selection(city, sensor, before=before)

    def stays(name: str, item: dict[str, Any]) -> bool:
        at = datetime.fromisoformat(item[TIMES[name]])
        return (
            (city is not None and item["city"] != city)
            or (sensor is not None and item.get("sensorId") != sensor)
            or (before is not None and at >= before)
        )

    emptied(strict.account, selection)
    assert stored(account) == {
        name: {item["id"] for item in items if stays(name, item)} for name, items in held.items()
    }
    assert sum(erase.count(strict.account, selection).values()) == 0


def test_it_stops_between_two_pages(strict: StrictCosmos, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "PAGE_ROWS", 2)
    put(account, "readings", (document("readings", number) for number in range(4)))
    stop, pages = threading.Event(), []

    def endless(exchange: Exchange) -> Answer | None:
        if exchange.kind != "query":
            return None
        pages.append(exchange)
        if len(pages) == 3:
            stop.set()
        found = [document("readings", number) for number in (0, 1)]
        return Answer(200, {"Documents": found}, {"x-ms-continuation": str(len(pages))})

    strict.plan = endless
    with pytest.raises(Stopped):
        erase.erase(strict.account, ALL, stop=stop, progress=lambda *_: None)
    assert len(pages) == 3
    assert len(stored(account)["readings"]) == 4


def test_no_more_is_read_than_is_deleted_next(strict: StrictCosmos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase, "READ_AHEAD", 2)
    monkeypatch.setattr(reader, "PAGE_ROWS", 2)
    put(strict.account, "readings", (document("readings", number) for number in range(5)))
    names = [document("readings", number) for number in range(5)]
    pages = {None: (names[:2], "a"), "a": (names[2:4], "b"), "b": (names[4:], None)}

    def in_pages(exchange: Exchange) -> Answer | None:
        if exchange.kind != "query" or b"SELECT c.id" not in exchange.body:
            return None
        found, following = pages[exchange.headers.get("x-ms-continuation") or None]
        return Answer(200, {"Documents": found}, {"x-ms-continuation": following} if following else {})

    strict.plan = in_pages
    strict.exchanges.clear()
    assert deleted(emptied(strict.account))["readings"] == 5
    order = [e.kind for e in strict.exchanges if e.container == "readings" and e.kind in ("query", "batch")]
    assert order[-6:] == ["query", "batch"] * 3


def test_documents_without_a_full_key_stay_and_are_counted(account: Account) -> None:
    put(account, "readings", [document("readings", 1)])
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        container = client.get_database_client(account.database).get_container_client("readings")
        container.upsert_item({"id": "strange", "city": "denver"})
    assert deleted(emptied(account))["readings"] == 1
    assert stored(account)["readings"] == {"strange"}
    assert erase.count(account, ALL)["readings"] == 1


def test_a_container_of_another_key_is_refused_untouched(account: Account) -> None:
    old = replace(account, container="SensorReadings")
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        database = client.get_database_client(account.database)
        container = database.create_container("SensorReadings", PartitionKey("/city"))
        container.upsert_item({"id": "1", "city": "denver"})
        for ask in (lambda: erase.count(old, ALL), lambda: emptied(old)):
            with pytest.raises(SinkError, match="partition key is /city, expected /city, /sensorId, /month") as refused:
                ask()
            assert refused.value.hint == definition.MIGRATE
        assert [item["id"] for item in container.read_all_items()] == ["1"]


def test_cities_and_sensors_are_known_by_any_document(account: Account) -> None:
    put(account, "runs", [document("runs", 1, "oslo")])
    put(account, "anomalies", [document("anomalies", 1, "rome", "S7")])
    assert erase.known(account) == ({"oslo", "rome"}, {"S7"})


def test_labels_are_documents_too(account: Account) -> None:
    put(account, "anomalies", [document("anomalies", 1), document("anomalies", 2)])
    assert document("anomalies", 1)["kind"] == containers.LABEL
    assert erase.count(account, Selection(sensor="S1"))["anomalies"] == 2
    emptied(account, Selection(sensor="S1"))
    assert stored(account)["anomalies"] == set()
