"""Statuses of what is done to items, ETags, and batches that are done whole or not at all."""

from __future__ import annotations

import pytest
from azure.core import MatchConditions
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

KEY = ["denver", "s1", "2026-11"]
OTHER = ["denver", "s2", "2026-11"]
UPSERT = {"x_ms_documentdb_is_upsert": "True"}
STALE = '"stale"'


def stored(ask) -> dict[str, int]:
    return {each["id"]: each["n"] for each in ask("GET").body["Documents"]}


def test_statuses_of_single_items(ask, item):
    assert ask("GET", "/a").status == 404
    assert ask("POST", "", item("a", n=1), **UPSERT).status == 201
    assert ask("POST", "", item("a", n=2), **UPSERT).status == 200
    assert ask("POST", "", item("a", n=3)).status == 409
    assert ask("PUT", "/a", item("a", n=4)).status == 200
    assert ask("PUT", "/b", item("b", n=4)).status == 404
    read = ask("GET", "/a")
    assert (read.status, read.body["n"], read.headers["etag"]) == (200, 4, read.body["_etag"])
    patch = {"operations": [{"op": "replace", "path": "/n", "value": 5}]}
    assert ask("PATCH", "/a", patch).body["n"] == 5
    assert ask("PATCH", "/b", patch).status == 404
    assert stored(ask) == {"a": 5}
    assert ask("DELETE", "/a").status == 204
    assert ask("DELETE", "/a").status == 404


def test_an_item_is_not_found_under_another_key(ask, item):
    ask("POST", "", item("a", n=1))
    assert ask("GET", "/a", key=OTHER).status == 404
    assert ask("DELETE", "/a", key=OTHER).status == 404
    assert ask("PUT", "/a", item("a", n=2, sensorId="s2"), OTHER).status == 404
    assert stored(ask) == {"a": 1}


def test_statuses_of_a_batch_are_those_of_its_operations_in_order(batch, ask, item):
    told = batch(
        ("Create", item("a", n=1)),
        ("Upsert", item("a", n=2)),
        ("Upsert", item("b", n=1)),
        ("Replace", item("b", n=2)),
        ("Read", "b"),
        ("Delete", "a"),
        ("Create", item("a", n=3)),
    )
    assert told.status == 200
    assert [each["statusCode"] for each in told.body] == [201, 200, 201, 200, 200, 204, 201]
    assert told.body[4]["resourceBody"]["n"] == 2
    assert stored(ask) == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    ("kind", "name", "if_match", "status"),
    [
        ("Create", "there", None, 409),
        ("Create", "first", None, 409),
        ("Replace", "missing", None, 404),
        ("Delete", "missing", None, 404),
        ("Read", "missing", None, 404),
        ("Delete", "there", STALE, 412),
        ("Replace", "there", STALE, 412),
        ("Upsert", "there", STALE, 412),
    ],
)
def test_a_batch_is_done_whole_or_not_at_all(batch, ask, item, kind, name, if_match, status):
    ask("POST", "", item("there", n=1))
    failing = (kind, name if kind in ("Delete", "Read") else item(name, n=9), if_match)
    told = batch(("Upsert", item("first", n=2)), failing, ("Upsert", item("last", n=2)), ("Delete", "there"))
    assert told.status == 207
    assert [each["statusCode"] for each in told.body] == [424, status, 424, 424]
    assert stored(ask) == {"there": 1}


def test_a_stale_etag_is_refused_and_the_present_one_taken(ask, item):
    ask("POST", "", item("a", n=1))
    for method, path, body, more in (
        ("PUT", "/a", item("a", n=9), {}),
        ("POST", "", item("a", n=9), UPSERT),
        ("PATCH", "/a", {"operations": [{"op": "replace", "path": "/n", "value": 9}]}, {}),
        ("DELETE", "/a", None, {}),
    ):
        assert ask(method, path, body, if_match=STALE, **more).status == 412
        assert stored(ask) == {"a": 1}
    for method, path, body, more in (
        ("PUT", "/a", item("a", n=2), {}),
        ("POST", "", item("a", n=2), UPSERT),
        ("DELETE", "/a", None, {}),
    ):
        assert ask(method, path, body, if_match=ask("GET", "/a").headers["etag"], **more).status < 300


def test_an_etag_changes_with_each_write(ask, item):
    first = ask("POST", "", item("a", n=1)).headers["etag"]
    assert ask("PUT", "/a", item("a", n=1), if_match=first).status == 200
    assert ask("PUT", "/a", item("a", n=1), if_match=first).status == 412
    assert ask("PUT", "/a", item("a", n=1), if_match="*").status == 200


def test_an_upsert_with_an_etag_makes_what_is_not_there(ask, batch, item):
    assert ask("POST", "", item("a", n=1), if_match=STALE, **UPSERT).status == 201
    assert batch(("Upsert", item("b", n=1), STALE)).status == 200


def test_an_etag_in_a_batch(batch, ask, item):
    etag = batch(("Create", item("a", n=1))).body[0]["eTag"]
    assert batch(("Replace", item("a", n=2), etag)).status == 200
    assert batch(("Replace", item("a", n=3), etag)).status == 207
    assert stored(ask) == {"a": 2}


def test_the_plain_client_sees_the_statuses_that_are_documented(readings, item):
    created = readings.create_item(item("a", n=1))
    with pytest.raises(CosmosResourceExistsError):
        readings.create_item(item("a", n=1))
    with pytest.raises(CosmosResourceNotFoundError):
        readings.read_item("a", OTHER)
    readings.upsert_item(item("a", n=2))
    with pytest.raises(CosmosAccessConditionFailedError):
        readings.replace_item("a", item("a", n=3), etag=created["_etag"], match_condition=MatchConditions.IfNotModified)
    with pytest.raises(CosmosBatchOperationError) as failed:
        readings.execute_item_batch(
            [("upsert", (item("b"),)), ("delete", ("a",), {"if_match_etag": created["_etag"]})], KEY
        )
    assert [each["statusCode"] for each in failed.value.operation_responses] == [424, 412]
    assert readings.read_item("a", KEY)["n"] == 2
    readings.delete_item("a", KEY)
    assert list(readings.read_all_items()) == []
