import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from processors.errors import EndpointError, SettingsError, SinkError
from processors.model import Documents
from processors.query import (
    NO_DAY,
    PAGE_ROWS,
    Query,
    Selection,
    as_given,
    count,
    group,
    groups,
    newest_first,
    oldest_first,
    open_reader,
    partition,
    partitions,
    without_system,
)
from processors.sink import open_sink
from tests.harness.strict import Answer

ALL = Selection()
HOUR = datetime(2026, 11, 20, 10, tzinfo=UTC)


def document(number, *, city="denver", sensor="S1", month="2026-11", **more):
    at = (HOUR + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "id": f"{city}-{sensor}-{number}",
        "city": city,
        "sensorId": sensor,
        "month": month,
        "observedAt": at,
        **more,
    }


def put(account, *documents):
    with open_sink(account) as sink:
        for item in documents:
            key = (item["city"], item["sensorId"], item["month"])
            assert sink.write("readings", [Documents(key, [item], [len(json.dumps(item))])]).documents == 1


def ids(rows):
    return [row["id"] for row in rows]


def test_values_never_become_text():
    mean = Selection("x' OR 1=1 --", 'S"; DROP', datetime(2026, 1, 1, tzinfo=UTC))
    for query in (newest_first(mean, 5), count(mean), partitions(mean), partition(("x'", "y'", "z'"))):
        assert "'" not in query.sql
        assert '"' not in query.sql
    assert newest_first(mean, 5).parameters == {
        "@city": "x' OR 1=1 --",
        "@sensor": 'S"; DROP',
        "@since": "2026-01-01T00:00:00.000000Z",
    }


def test_golden_text():
    assert newest_first(ALL, 5).sql == "SELECT * FROM c ORDER BY c.observedAt DESC OFFSET 0 LIMIT 5"
    assert (
        newest_first(Selection("denver", "S1", HOUR), 100).sql
        == "SELECT * FROM c WHERE c.city = @city AND c.sensorId = @sensor AND c.observedAt >= @since"
        " ORDER BY c.observedAt DESC OFFSET 0 LIMIT 100"
    )
    assert oldest_first(ALL, 5).sql == "SELECT * FROM c ORDER BY c.observedAt ASC OFFSET 0 LIMIT 5"
    assert count(Selection(alarms=True)) == Query(
        "SELECT VALUE COUNT(1) FROM c WHERE c.kind != @label", {"@label": "label"}
    )
    assert count(Selection("denver")).sql == "SELECT VALUE COUNT(1) FROM c WHERE c.city = @city"
    assert partitions(ALL).sql == "SELECT DISTINCT c.city, c.sensorId, c.month FROM c"


def test_only_a_full_key_is_sent_as_a_partition(strict):
    put(strict.account, document(1))
    strict.exchanges.clear()
    with open_reader(strict.account, "readings") as reader:
        assert ids(reader.rows(newest_first(Selection("denver"), 5))) == ["denver-S1-1"]
        assert ids(reader.rows(partition(("denver", "S1", "2026-11")))) == ["denver-S1-1"]
    sent = [r.headers for r in strict.exchanges if r.headers.get("content-type") == "application/query+json"]
    keys = [headers.get("x-ms-documentdb-partitionkey") for headers in sent]
    assert [key and json.loads(key) for key in keys] == [None, ["denver", "S1", "2026-11"]]
    assert not [name for headers in sent for name in headers if "epk" in name]


NOVEMBER, DECEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("selection", "month"),
    [
        (Selection("denver", "S1", NOVEMBER, DECEMBER), "2026-11"),
        (Selection("denver", "S1", HOUR, HOUR + timedelta(hours=1)), "2026-11"),
        (Selection("denver", "S1", NOVEMBER.astimezone(timezone(timedelta(hours=-5))), DECEMBER), "2026-11"),
        (Selection("denver", "S1", NOVEMBER, DECEMBER + timedelta(microseconds=1)), None),
        (Selection("denver", "S1", NOVEMBER - timedelta(microseconds=1), DECEMBER), None),
        (Selection("denver", "S1", DECEMBER, DECEMBER), None),
        (Selection("denver", "S1", NOVEMBER), None),
        (Selection("denver", "S1", before=DECEMBER), None),
        (Selection("denver", None, NOVEMBER, DECEMBER), None),
        (Selection(None, "S1", NOVEMBER, DECEMBER), None),
    ],
)
def test_a_month_of_a_sensor_is_one_partition(selection, month):
    key = None if month is None else ("denver", "S1", month)
    assert newest_first(selection, 1).partition == count(selection).partition == key


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=2))), "2026-11-20T10:00:00.000000Z"),
        (datetime.min.replace(tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_times_compare_as_they_are_stored(since, expected):
    assert count(Selection(since=since)).parameters == {"@since": expected}


@pytest.mark.parametrize("sql", ["SELECT 1", "\n  select * FROM c", "SELECT\t*"])
def test_a_select_is_kept_as_it_is(sql):
    assert as_given(sql).sql == sql


@pytest.mark.parametrize("sql", ["", "DELETE FROM c", "SELECTION", "-- SELECT", "EXEC SELECT"])
def test_anything_else_is_refused(sql):
    with pytest.raises(SettingsError, match="not a SELECT"):
        as_given(sql)


def test_selects_newest_first_within_what_is_asked_for(account):
    put(
        account,
        *(document(number) for number in (3, 1, 2)),
        document(9, sensor="S2"),
        document(5, city="boston"),
    )
    with open_reader(account, "readings") as reader:
        assert ids(reader.rows(newest_first(Selection("denver", "S1"), 2))) == ["denver-S1-3", "denver-S1-2"]
        assert ids(reader.rows(newest_first(ALL, 2))) == ["denver-S2-9", "boston-S1-5"]
        since = Selection("denver", since=HOUR + timedelta(seconds=3))
        assert ids(reader.rows(newest_first(since, 10))) == ["denver-S2-9", "denver-S1-3"]
        assert sum(reader.rows(count(Selection("boston")))) == 1
        assert list(reader.rows(newest_first(Selection("nowhere"), 5))) == []


def test_reads_all_rows_of_more_than_a_block(account):
    wanted = [document(number) for number in range(2 * PAGE_ROWS + 1)]
    key = ("denver", "S1", "2026-11")
    with open_sink(account) as sink:
        sink.write("readings", [Documents(key, wanted, [200] * len(wanted))])
    with open_reader(account, "readings") as reader:
        assert sorted(ids(reader.rows(partition(key)))) == sorted(ids(wanted))


def test_reads_page_after_page_also_empty_ones(strict):
    pages = {None: ([{"id": "1"}], "a"), "a": ([], "b"), "b": ([{"id": "2"}], None)}

    def plan(request):
        if request.headers.get("content-type") != "application/query+json":
            return None
        found, following = pages[request.headers.get("x-ms-continuation") or None]
        return Answer(200, {"Documents": found}, {"x-ms-continuation": following} if following else {})

    strict.plan = plan
    with open_reader(strict.account, "readings") as reader:
        assert ids(reader.rows(partition(("denver", "S1", "2026-11")))) == ["1", "2"]


def test_groups_by_city_sensor_and_day(account):
    documents = [
        document(1),
        document(2, location="wärme"),
        document(86_400),
        document(0, sensor="S2"),
        document(0, city="boston"),
    ]
    put(account, *documents)
    sizes = {
        item["id"]: len(json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode()) for item in documents
    }
    with open_reader(account, "readings") as reader:
        found = list(groups(reader, ALL))
        assert [(each.city, each.sensor_id, each.day, each.documents) for each in found] == [
            ("boston", "S1", "2026-11-20", 1),
            ("denver", "S1", "2026-11-20", 2),
            ("denver", "S1", "2026-11-21", 1),
            ("denver", "S2", "2026-11-20", 1),
        ]
        assert found[1].bytes == sizes["denver-S1-1"] + sizes["denver-S1-2"]
        assert found[1].newest == "2026-11-20T10:00:02.000000Z"
        assert list(groups(reader, Selection("boston"))) == found[:1]


def test_a_group_knows_documents_without_a_time():
    timed = {"id": "1", "observedAt": "2026-11-20T10:00:00.000000Z"}
    found = group(("denver", "S1"), [timed, {"id": "2"}, {"id": "3", "observedAt": 5}])
    assert [(each.day, each.documents) for each in found] == [(NO_DAY, 2), ("2026-11-20", 1)]
    assert found[1].newest == "2026-11-20T10:00:00.000000Z"


def test_what_the_service_adds_is_taken_off():
    assert without_system({"id": "1", "_etag": "x", "_ts": 1, "_own": 2}) == {"id": "1", "_own": 2}


def test_a_missing_database_is_answered_with_the_command_that_makes_it(account):
    elsewhere = dataclasses.replace(account, database="nothing")
    with pytest.raises(SinkError, match="nothing") as missing, open_reader(elsewhere, "readings"):
        pass
    assert "cosmos create" in missing.value.hint


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [(400, SinkError, "correct the query"), (403, EndpointError, "role"), (429, SinkError, "throughput")],
)
def test_a_refused_query_says_what_to_try(strict, status, kind, hint):
    def refuse(request):
        queried = request.headers.get("content-type") == "application/query+json"
        return Answer(status, {"message": "Because."}) if queried else None

    strict.plan = refuse
    with open_reader(strict.account, "readings") as reader, pytest.raises(kind, match="Because") as refused:
        list(reader.rows(count(ALL)))
    assert hint in refused.value.hint
