"""What the service refuses whatever it holds, in its own statuses."""

from __future__ import annotations

from typing import Any

import pytest
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from tests.harness.strict import rules

KEY = ["denver", "s1", "2026-11"]

NO_IDS = [
    pytest.param({"id": ""}, id="empty"),
    pytest.param({"id": 7}, id="a number"),
    pytest.param({"id": None}, id="null"),
    pytest.param({"id": "a/b"}, id="slash"),
    pytest.param({"id": "a\\b"}, id="backslash"),
    pytest.param({"id": "a?"}, id="question mark"),
    pytest.param({"id": "#a"}, id="hash"),
    pytest.param({"id": "ü" * 512}, id="1,024 bytes"),
]

NOT_OF_THE_KEY = [
    pytest.param({"sensorId": "s2"}, id="another value"),
    pytest.param({"month": None}, id="null"),
    pytest.param({"month": 202611}, id="a number"),
]

NO_TTLS = [
    pytest.param({"ttl": ttl}, id=repr(ttl)) for ttl in (0, -2, None, 1.5, True, "60", 2_147_483_648)
]  # fmt: skip


@pytest.mark.parametrize("wrong", [*NO_IDS, *NOT_OF_THE_KEY, *NO_TTLS])
def test_an_item_that_breaks_a_rule_is_refused(ask, item, wrong):
    told = ask("POST", "", item("a") | wrong)
    assert told.status == 400
    assert told.body["code"] == "BadRequest"
    assert stored(ask) == []


@pytest.mark.parametrize("wrong", [*NO_IDS, *NOT_OF_THE_KEY, *NO_TTLS])
def test_and_takes_its_batch_along(batch, ask, item, wrong):
    told = batch(("Upsert", item("a")), ("Create", item("b") | wrong), ("Upsert", item("c")))
    assert told.status == 207
    assert [each["statusCode"] for each in told.body] == [424, 400, 424]
    assert stored(ask) == []


def test_an_item_without_a_level_of_its_key_is_refused(ask, item):
    whole = item("a")
    del whole["month"]
    assert ask("POST", "", whole).status == 400


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(None, id="none"),
        pytest.param(KEY[:2], id="a prefix"),
        pytest.param([*KEY, "more"], id="too long"),
        pytest.param("denver", id="no list"),
        pytest.param([["denver"], "s1", "2026-11"], id="a list in it"),
        pytest.param([*KEY[:2], "ü" * 1025], id="2,050 bytes"),
        pytest.param([*KEY[:2], "ü" * 500_000], id="1 MB"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("GET", "/a"), ("PUT", "/a"), ("DELETE", "/a"), ("PATCH", "/a")]
)
def test_a_request_names_one_full_key(ask, item, method, path, key):
    body = None if method in ("GET", "DELETE") else item("a")
    assert ask(method, path, body, key).status == 400


def test_a_batch_names_one_full_key(batch, item):
    for key in (None, KEY[:2], "denver"):
        assert batch(("Upsert", item("a")), key=key).status == 400


def test_the_longest_id_and_key_are_taken(ask, item):
    longest = [*KEY[:2], "ü" * 1024]
    assert ask("POST", "", item("ü" * 511, month=longest[2]), longest).status == 201


def test_a_batch_has_1_to_100_operations(batch, ask, item):
    hundred = [("Upsert", item(f"a-{number}")) for number in range(100)]
    assert batch(*hundred, ("Upsert", item("one too many"))).status == 400
    assert batch().status == 400
    assert stored(ask) == []
    assert batch(*hundred).status == 200
    assert len(stored(ask)) == 100


def test_a_batch_has_at_most_2_mb(batch, item):
    def sized(size: int) -> tuple[tuple[str, dict[str, Any]], ...]:
        return tuple(("Upsert", item(f"a-{number}", text="x" * (size // 4))) for number in range(4))

    envelope = 4 * 200
    assert batch(*sized(rules.MAX_REQUEST_BYTES)).status == 413
    assert batch(*sized(rules.MAX_REQUEST_BYTES - envelope)).status == 200


def test_an_item_has_at_most_2_mb(ask, item):
    told = ask("POST", "", item("a", text="x" * rules.MAX_ITEM_BYTES))
    assert (told.status, told.body["code"]) == (413, "RequestEntityTooLarge")
    assert ask("POST", "", item("a", text="x" * (rules.MAX_ITEM_BYTES - 200))).status == 201


@pytest.mark.parametrize("body", [b"{", b"[NaN]", b'["\\ud800"]', b"\xff", b"[1]"])
def test_what_is_no_json_is_refused(ask, body):
    assert ask("POST", "", body).status == 400
    told = ask("POST", "", body, x_ms_cosmos_is_batch_request="True")
    assert told.status == (207 if body == b"[1]" else 400)


def test_a_replace_keeps_the_id(ask, item):
    ask("POST", "", item("a"))
    assert ask("PUT", "/a", item("b")).status == 400


def test_an_operation_that_a_batch_does_not_have_fails_it(batch, item):
    assert [each["statusCode"] for each in batch(("Upsert", item("a")), ("Patch", item("a"))).body] == [424, 400]


def test_a_query_over_partitions_is_asked_for(ask):
    query = {"query": "SELECT * FROM c"}
    told = ask("POST", "", query, None, content_type="application/query+json")
    assert told.status == 400
    allowed = {"content_type": "application/query+json", "x_ms_documentdb_query_enablecrosspartition": "True"}
    assert ask("POST", "", query, None, **allowed).status == 200
    assert ask("POST", "", query, KEY[:1], content_type="application/query+json").status == 400
    assert ask("POST", "", query, KEY, content_type="application/query+json").status == 200


def test_a_container_that_is_not_there_is_not_found(ask, item):
    assert ask("POST", "", item("a"), container="nothing").status == 404
    assert ask("GET", "/a", container="nothing").status == 404


def test_the_plain_client_sees_the_same(readings, item):
    with pytest.raises(CosmosHttpResponseError) as refused:
        readings.upsert_item(item("a", text="x" * rules.MAX_ITEM_BYTES))
    assert refused.value.status_code == 413
    with pytest.raises(CosmosBatchOperationError) as failed:
        readings.execute_item_batch([("upsert", (item("a"),)), ("upsert", (item("b", month="?"),))], KEY)
    assert failed.value.status_code == 400
    assert failed.value.error_index == 1
    assert [each["statusCode"] for each in failed.value.operation_responses] == [424, 400]


def stored(ask) -> list[str]:
    return [each["id"] for each in ask("GET").body["Documents"]]
