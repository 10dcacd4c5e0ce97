import csv
import io
import json
import re
import sqlite3
from contextlib import closing

import pytest

from tests.harness.strict import Answer

BOOKKEEPING = {"_rid", "_self", "_etag", "_ts", "_attachments"}


@pytest.fixture
def stored(cli, connected, write):
    """Four readings of denver, two of boston; one anomaly in each city."""
    write("denver", "S1", {}, {}, {"temperature": 4000.0})
    write("denver", "S2", {"timestamp": "2026-11-21T00:00:00Z"})
    write("boston", "B1", {}, {"temperature": 4000.0})
    for city in ("denver", "boston"):
        result = cli("run", "--city", city)
        assert result.exit_code == 0, result.stderr
    return connected


def read(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def times(documents):
    return [(document["sensorId"], document["observedAt"][:19]) for document in documents]


@pytest.mark.usefixtures("stored")
def test_shows_a_city_newest_first(cli):
    documents = read(cli("query", "--city", "denver"))
    assert times(documents) == [
        ("S2", "2026-11-21T00:00:00"),
        ("S1", "2026-11-20T10:00:02"),
        ("S1", "2026-11-20T10:00:01"),
        ("S1", "2026-11-20T10:00:00"),
    ]
    assert not BOOKKEEPING & documents[0].keys()
    assert times(read(cli("query", "--city", "denver", "--limit", "1"))) == times(documents)[:1]


@pytest.mark.usefixtures("stored")
def test_without_a_city_shows_all_and_with_one_in_the_environment_that(cli, monkeypatch):
    assert {document["city"] for document in read(cli("query"))} == {"denver", "boston"}
    monkeypatch.setenv("COSMOS_CITY", "boston")
    assert {document["city"] for document in read(cli("query"))} == {"boston"}


@pytest.mark.usefixtures("stored")
def test_selects_by_sensor_and_time(cli):
    assert times(read(cli("query", "--sensor", "S2"))) == [("S2", "2026-11-21T00:00:00")]
    since = read(cli("query", "--city", "denver", "--since", "2026-11-20T11:00:02+01:00"))
    assert times(since) == [("S2", "2026-11-21T00:00:00"), ("S1", "2026-11-20T10:00:02")]


@pytest.mark.usefixtures("stored")
def test_before_ends_what_since_begins(cli):
    second = ["--city", "denver", "--since", "2026-11-20T10:00:01Z", "--before", "2026-11-20T10:00:02Z"]
    assert times(read(cli("query", *second))) == [("S1", "2026-11-20T10:00:01")]
    assert read(cli("query", *second, "--sensor", "S1", "--count")) == {"count": 1}
    assert read(cli("query", *second, "--sensor", "S2", "--count")) == {"count": 0}
    assert read(cli("query", "--before", "2026-11-20T10:00:01Z", "--count")) == {"count": 2}


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("how", ["table", "json", "csv"])
def test_says_on_stderr_what_all_its_requests_cost(cli, strict, monkeypatch, how):
    monkeypatch.setenv("COSMOS_ENDPOINT", strict.account.endpoint)
    for options in ((), ("--city", "denver"), ("--count",), ("--analyze",), ("--sql", "SELECT * FROM c")):
        strict.exchanges.clear()
        result = cli("query", *options, "--output", how)
        assert result.exit_code == 0, result.stderr
        asked = [exchange for exchange in strict.exchanges if exchange.kind == "query"]
        spent = sum(exchange.charge for exchange in asked)
        assert spent > 2
        assert f"charge: {spent:.2f} request units, answers: {len(asked)}\n" in result.stderr
        assert "request units" not in result.stdout


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("options", [(), ("--count",), ("--sql", "SELECT * FROM c")])
def test_a_service_that_states_no_charge_is_not_said_to_be_free(cli, options):
    told = cli("query", *options).stderr
    assert re.fullmatch(r"charge: not stated by the service, answers: [1-9]\d*\n", told)


@pytest.mark.usefixtures("stored")
def test_an_age_is_counted_from_now(cli):
    with closing(sqlite3.connect("data/denver/S1/sensor_data.db")) as database, database:
        database.execute(
            "INSERT INTO sensor_readings (timestamp, sensor_id, temperature) "
            "VALUES (strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-90 minutes'), 'S1', 20.0)"
        )
    assert cli("run", "--city", "denver").exit_code == 0
    assert read(cli("query", "--sensor", "S1", "--since", "2h", "--count")) == {"count": 1}
    assert read(cli("query", "--sensor", "S1", "--since", "1h", "--count")) == {"count": 0}
    assert read(cli("query", "--sensor", "S1", "--since", "999999999d", "--count")) == {"count": 4}


@pytest.mark.usefixtures("stored")
def test_counts(cli):
    assert read(cli("query", "--count")) == {"count": 6}
    assert read(cli("query", "--count", "--city", "boston", "--anomalies")) == {"count": 1}
    assert cli("query", "--count", "--output", "csv").stdout == "count\n6\n"


@pytest.mark.usefixtures("stored")
def test_shows_anomalies(cli):
    (found,) = read(cli("query", "--city", "denver", "--anomalies"))
    assert (found["kind"], found["measure"], found["value"]) == ("limit", "temperatureC", 4000.0)
    table = cli("query", "--city", "denver", "--anomalies", "--output", "table").stdout.splitlines()
    assert table[0].split() == ["observedAt", "city", "sensorId", "id", "explanation"]
    assert table[1].split(maxsplit=4)[2:] == ["S1", found["id"], found["explanation"]]


@pytest.mark.usefixtures("stored")
def test_a_csv_has_every_field_of_every_document(cli):
    documents = read(cli("query"))
    rows = list(csv.DictReader(io.StringIO(cli("query", "--output", "csv").stdout)))
    assert len(rows) == 6
    assert set(rows[0]) == {name for document in documents for name in document}
    assert {row["location"] for row in rows} == {"Wärme, 1"}


@pytest.mark.usefixtures("stored")
def test_a_city_without_documents_is_empty_and_says_so(cli):
    result = cli("query", "--city", "atlantis")
    assert read(result) == []
    nothing, unknown, _ = result.stderr.splitlines()
    assert nothing == "no document matches"
    assert unknown == "nothing of the city atlantis is in readings: its name is that of its folder, capitals included"
    assert cli("query", "--city", "atlantis", "--output", "table").stdout == ""
    nothing_so_late = cli("query", "--city", "denver", "--since", "2030-01-01T00:00:00Z").stderr
    assert "no document matches" in nothing_so_late
    assert "nothing of the city" not in nothing_so_late


@pytest.mark.usefixtures("stored")
def test_analyzes_by_city_sensor_and_day(cli):
    told = read(cli("query", "--analyze"))
    documents = read(cli("query"))
    assert [(group["city"], group["sensorId"], group["day"], group["documents"]) for group in told["groups"]] == [
        ("boston", "B1", "2026-11-20", 2),
        ("denver", "S1", "2026-11-20", 3),
        ("denver", "S2", "2026-11-21", 1),
    ]
    sizes = [len(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()) for document in documents]
    assert told["total"] == {
        "documents": 6,
        "bytes": sum(sizes),
        "newest": "2026-11-21T00:00:00.000000Z",
    }
    assert sum(group["bytes"] for group in told["groups"]) == sum(sizes)
    assert [group["sensorId"] for group in read(cli("query", "--analyze", "--city", "boston"))["groups"]] == ["B1"]


@pytest.mark.usefixtures("stored")
def test_an_analysis_as_a_table_ends_with_totals_and_as_csv_has_none(cli):
    table = cli("query", "--analyze", "--output", "table").stdout.splitlines()
    assert len(table) == 5
    assert table[-1].split()[:2] == ["total", "6"]
    assert len(cli("query", "--analyze", "--output", "csv").stdout.splitlines()) == 4


@pytest.mark.usefixtures("stored")
def test_sql_is_sent_as_given_to_the_container_named(cli):
    assert read(cli("query", "--sql", "SELECT VALUE COUNT(1) FROM c")) == [6]
    (document,) = read(cli("query", "--sql", "SELECT TOP 1 * FROM c"))
    assert "_ts" in document
    runs = read(cli("query", "--sql", "select c.city, c.outcome from c", "--container", "runs"))
    assert sorted(run["city"] for run in runs) == ["boston", "denver"]
    assert cli("query", "--sql", "SELECT VALUE COUNT(1) FROM c", "--output", "table").stdout.split() == [
        "value",
        "6",
    ]


@pytest.mark.parametrize("sql", ["DELETE FROM c", "UPDATE c SET c.x = 1", "", "SELECTED", "drop container readings"])
def test_what_is_not_a_select_is_refused_before_anything_is_sent(cli, sql):
    result = cli("query", "--endpoint", "http://127.0.0.1:1", "--sql", sql)
    assert result.exit_code == 2
    assert "not a SELECT" in result.stderr


@pytest.mark.usefixtures("stored")
def test_a_query_that_the_service_refuses_is_explained(cli, strict, monkeypatch):
    def plan(request):
        if request.headers.get("content-type") == "application/query+json":
            return Answer(400, {"code": "BadRequest", "message": "Syntax error near 'FORM'."})
        return None

    strict.plan = plan
    monkeypatch.setenv("COSMOS_ENDPOINT", strict.account.endpoint)
    result = cli("query", "--sql", "SELECT * FORM c")
    assert result.exit_code == 1
    assert "Syntax error near 'FORM'." in result.stderr
    assert "correct the query" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--sql", "SELECT * FROM c", "--city", "denver"], "--city"),
        (["--sql", "SELECT * FROM c", "--analyze"], "--analyze"),
        (["--sql", "SELECT * FROM c", "--limit", "5"], "--limit"),
        (["--analyze", "--since", "2h"], "--since"),
        (["--analyze", "--anomalies"], "--anomalies"),
        (["--count", "--limit", "5"], "--limit"),
        (["--container", "runs"], "--container"),
        (["--since", "yesterday"], "yesterday"),
        (["--since", "2 parsecs"], "2 parsecs"),
        (["--since", ""], "--since"),
        (["--before", "tomorrow"], "--before"),
        (["--analyze", "--before", "2h"], "--before"),
        (["--since", "1h", "--before", "2h"], "--before"),
        (["--limit", "0"], "--limit"),
        (["--output", "xml"], "xml"),
    ],
)
def test_options_without_a_meaning_are_refused(cli, arguments, named):
    result = cli("query", "--endpoint", "http://127.0.0.1:1", *arguments)
    assert result.exit_code == 2
    assert named in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("connected")
def test_an_unreachable_account_and_a_missing_container_are_told_apart(cli, monkeypatch):
    assert cli("query", "--endpoint", "http://127.0.0.1:1").exit_code == 3
    assert cli("query", "--endpoint", "http://example.com").exit_code == 2
    monkeypatch.setenv("COSMOS_DATABASE", "nothing-here")
    result = cli("query")
    assert result.exit_code == 1
    assert "bacalhau-cosmos cosmos create" in result.stderr


def test_an_endpoint_is_asked_for(cli):
    result = cli("query")
    assert result.exit_code == 2
    assert "COSMOS_ENDPOINT" in result.stderr
