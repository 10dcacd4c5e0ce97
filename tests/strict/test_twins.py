"""One id under several partition keys, which the emulator has no room for."""

from __future__ import annotations

import pytest
from azure.cosmos import CosmosClient

FIRST = ["denver", "s1", "2026-11"]
SECOND = ["denver", "s1", "2026-12"]
THIRD = ["denver", "s2", "2026-11"]
KEYS = (FIRST, SECOND, THIRD)
QUERY = {"content_type": "application/query+json", "x_ms_documentdb_query_enablecrosspartition": "True"}


def twin(key: list[str], n: int, name: str = "a") -> dict[str, object]:
    return {"id": name, "n": n, "city": key[0], "sensorId": key[1], "month": key[2]}


@pytest.fixture
def twins(ask):
    """Three items of one id."""
    for n, key in enumerate(KEYS):
        assert ask("POST", "", twin(key, n), key).status == 201


def found(ask, text: str, **parameters: object) -> list[tuple[str, int]]:
    given = [{"name": f"@{name}", "value": value} for name, value in parameters.items()]
    told = ask("POST", "", {"query": text, "parameters": given}, None, **QUERY)
    return sorted((each["id"], each["n"]) for each in told.body["Documents"])


@pytest.mark.usefixtures("twins")
def test_each_is_an_item_of_its_own(ask):
    for n, key in enumerate(KEYS):
        read = ask("GET", "/a", None, key)
        assert (read.body["id"], read.body["n"], read.body["month"]) == ("a", n, key[2])
        assert ask("POST", "", twin(key, 9), key).status == 409
    assert ask("GET", "/a", None, ["denver", "s3", "2026-11"]).status == 404


@pytest.mark.usefixtures("twins")
def test_each_is_changed_and_deleted_alone(ask):
    etag = ask("GET", "/a", None, THIRD).headers["etag"]
    assert ask("PUT", "/a", twin(SECOND, 11), SECOND).body["id"] == "a"
    assert ask("PUT", "/a", twin(THIRD, 12), THIRD, if_match=etag).status == 200
    assert ask("PUT", "/a", twin(THIRD, 13), THIRD, if_match=etag).status == 412
    assert ask("PATCH", "/a", {"operations": [{"op": "replace", "path": "/n", "value": 10}]}, FIRST).status == 200
    assert found(ask, "SELECT * FROM c") == [("a", 10), ("a", 11), ("a", 12)]
    assert ask("DELETE", "/a", None, FIRST).status == 204
    assert ask("GET", "/a", None, FIRST).status == 404
    assert ask("GET", "/a", None, THIRD).body["n"] == 12
    assert found(ask, "SELECT * FROM c") == [("a", 11), ("a", 12)]
    assert ask("POST", "", twin(FIRST, 20), FIRST).status == 201
    assert ask("DELETE", "/a", None, SECOND).status == 204
    assert found(ask, "SELECT * FROM c") == [("a", 12), ("a", 20)]


def test_they_may_be_written_in_batches(ask, batch):
    for n, key in enumerate(KEYS):
        told = batch(("Upsert", twin(key, n)), ("Create", twin(key, n, f"own {n}")), key=key)
        assert [each["statusCode"] for each in told.body] == [201, 201]
        assert [each["resourceBody"]["id"] for each in told.body] == ["a", f"own {n}"]
    told = batch(("Read", "a"), ("Replace", twin(SECOND, 7)), ("Delete", "own 1"), key=SECOND)
    assert [each["statusCode"] for each in told.body] == [200, 200, 204]
    assert told.body[0]["resourceBody"]["n"] == 1
    assert found(ask, "SELECT * FROM c") == [("a", 0), ("a", 2), ("a", 7), ("own 0", 0), ("own 2", 2)]


@pytest.mark.usefixtures("twins")
@pytest.mark.parametrize(
    ("text", "parameters", "expected"),
    [
        ("SELECT * FROM c WHERE c.id = @id", {"id": "a"}, [("a", 0), ("a", 1), ("a", 2)]),
        ("SELECT * FROM c WHERE c.id = @id AND c.month = @m", {"id": "a", "m": "2026-12"}, [("a", 1)]),
        ("SELECT * FROM c WHERE c.id IN (@x, @y)", {"x": "a", "y": "b"}, [("a", 0), ("a", 1), ("a", 2), ("b", 5)]),
        ("SELECT c.id, c.n FROM c WHERE c.id IN (@y)", {"y": "b"}, [("b", 5)]),
        ("SELECT c.id, c.n FROM c", {}, [("a", 0), ("a", 1), ("a", 2), ("b", 5)]),
    ],
)
def test_queries_find_them_by_their_id(ask, text, parameters, expected):
    ask("POST", "", twin(FIRST, 5, "b"), FIRST)
    assert found(ask, text, **parameters) == expected


@pytest.mark.usefixtures("twins")
def test_the_feed_has_them_all(ask):
    assert [(each["id"]) for each in ask("GET").body["Documents"]] == ["a"] * 3


def test_the_emulator_itself_would_have_lost_one(account):
    """What makes this necessary; should it one day hold them, all of this can go."""
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        readings = client.get_database_client(account.database).get_container_client("anomalies")
        for n, key in enumerate(KEYS):
            readings.upsert_item(twin(key, n))
        assert [each["n"] for each in readings.read_all_items()] == [2]
