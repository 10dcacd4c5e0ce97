"""What is not paid for: the same questions, asked of the Parquet archive."""

import json
from pathlib import Path

import pytest

from tests.submitter.test_query import read, times

WHERE_IT_COMES_FROM = {"sensorId", "city", "month", "generation", "id", "rowId", "observedAt"}


@pytest.fixture
def archived(cli, connected, write, monkeypatch):
    """Four readings of denver and two of São Paulo, in Cosmos and in the archive; the account is then forgotten."""
    write("denver", "S1", {}, {}, {"temperature": 4000.0})
    write("denver", "S2", {"timestamp": "2026-11-21T00:00:00Z"})
    write("São Paulo", "B1", {"sensor_id": "B 1/2"}, {"sensor_id": "B 1/2", "temperature": None})
    for city in ("denver", "São Paulo"):
        assert cli("run", "--city", city).exit_code == 0
    stored = read(cli("query"))
    assert connected.endpoint
    monkeypatch.delenv("COSMOS_ENDPOINT")
    return stored


def test_the_same_rows_newest_first_without_an_account(cli, archived):
    found = read(cli("query", "--archive"))
    assert [each["observedAt"] for each in found] == [each["observedAt"] for each in archived]
    stored = {each["id"]: each for each in archived}
    assert found[0].keys() >= WHERE_IT_COMES_FROM
    for each in found:
        assert each.items() <= stored[each["id"]].items()
        assert (each.get("temperatureC"), each["location"]) == (stored[each["id"]].get("temperatureC"), "Wärme, 1")
    table = cli("query", "--archive", "--output", "table").stdout.splitlines()
    assert table[0].split() == ["observedAt", "city", "sensorId", "temperatureC"]
    assert "request units" not in cli("query", "--archive").stderr


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--city", "denver"], ["S2", "S1", "S1", "S1"]),
        (["--city", "São Paulo"], ["B 1/2", "B 1/2"]),
        (["--sensor", "S2"], ["S2"]),
        (["--limit", "1"], ["S2"]),
        (["--city", "denver", "--since", "2026-11-20T11:00:02+01:00"], ["S2", "S1"]),
        (["--before", "2026-11-20T10:00:01Z", "--city", "denver"], ["S1"]),
        (["--since", "2026-11-21T00:00:00Z"], ["S2"]),
        (["--before", "2026-11-21T00:00:00Z", "--city", "denver"], ["S1", "S1", "S1"]),
        (["--city", "atlantis"], []),
    ],
)
def test_selections_count_as_they_select(cli, options, expected):
    found = cli("query", "--archive", *options)
    assert [each["sensorId"] for each in read(found)] == expected
    assert ("no document matches" in found.stderr) == (not expected)
    without_limit = [each for each in options if each not in {"--limit", "1"}]
    counted = read(cli("query", "--archive", "--count", *without_limit))
    assert counted == {"count": 6 if options == ["--limit", "1"] else len(expected)}


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize("options", [[], ["--count"], ["--analyze"]])
def test_a_city_that_the_archive_does_not_have_is_told_which_it_has(cli, options):
    told = cli("query", "--archive", "--city", "Denver", *options).stderr
    sentence = "the archive has no city Denver: did you mean denver? the cities there are: São Paulo, denver"
    assert told.splitlines()[-1] == sentence
    for city in ("denver", "São Paulo"):
        assert "the archive has" not in cli("query", "--archive", "--city", city, *options).stderr
    nothing_so_late = cli("query", "--archive", "--city", "denver", "--since", "2030-01-01T00:00:00Z")
    assert nothing_so_late.stderr == "no document matches\n"


def test_an_archive_without_cities_is_told_as_that(cli, home):
    (home / "archive").mkdir()
    told = cli("query", "--archive", "--city", "denver", "--count").stderr
    assert told == "the archive has no city denver: it has none yet\n"


@pytest.mark.usefixtures("archived")
def test_groups_have_no_bytes(cli):
    told = read(cli("query", "--archive", "--analyze"))
    assert [list(group.values()) for group in told["groups"]] == [
        ["São Paulo", "B 1/2", "2026-11-20", 2, None, "2026-11-20T10:00:01.000000Z"],
        ["denver", "S1", "2026-11-20", 3, None, "2026-11-20T10:00:02.000000Z"],
        ["denver", "S2", "2026-11-21", 1, None, "2026-11-21T00:00:00.000000Z"],
    ]
    assert told["total"] == {"documents": 6, "bytes": None, "newest": "2026-11-21T00:00:00.000000Z"}
    assert cli("query", "--archive", "--analyze", "--output", "table").exit_code == 0


@pytest.mark.usefixtures("archived")
def test_sql_over_the_table_readings(cli):
    sql = (
        "SELECT city, sensorId, date, avg(temperatureC) AS mean, max(observedAt) AS last FROM readings "
        "WHERE city = 'denver' GROUP BY city, sensorId, date ORDER BY date"
    )
    assert read(cli("query", "--archive", "--sql", sql)) == [
        {
            "city": "denver",
            "sensorId": "S1",
            "date": "2026-11-20",
            "mean": (20.0 + 20.125 + 4000.0) / 3,
            "last": "2026-11-20T10:00:02.000000Z",
        },
        {"city": "denver", "sensorId": "S2", "date": "2026-11-21", "mean": 20.0, "last": "2026-11-21T00:00:00.000000Z"},
    ]
    sql = "SELECT count(*) AS n FROM readings WHERE city = 'São Paulo' AND sensor = 'B 1/2'"
    assert cli("query", "--archive", "--sql", sql, "--output", "csv").stdout == "n\n2\n"
    every = read(cli("query", "--archive", "--sql", "SELECT * FROM readings"))
    assert len(every) == 6
    assert every[0].keys() >= {"rowId", "temperatureC", "extras", "generation", "city", "sensor", "date"}


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DROP TABLE readings", "not a SELECT"),
        ("SELECT 1; DROP TABLE readings", "one (and only one) statement"),
        ("SELECT temperature FROM readings", "columns: rowId, observedAt"),
        ("SELECT * FROM elsewhere", "relation 'elsewhere' was not found"),
        ("SELECT sensorId + 1.5 FROM readings", "not allowed"),
        ("SELECT nosuch(rowId) FROM readings", "unsupported function 'nosuch'"),
        ("SELECT FROM", "Expected"),
    ],
)
def test_sql_that_cannot_be_run_is_told_in_a_line(cli, sql, why):
    result = cli("query", "--archive", "--sql", sql)
    assert result.exit_code == 2, result.stderr
    assert why in result.stderr
    assert "Try:" in result.stderr
    assert len(result.stderr.splitlines()) == 2
    assert "Parquet SCAN" not in result.stderr


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize("options", [[], ["--count"], ["--analyze"], ["--sql", "SELECT avg(rowId) FROM readings"]])
@pytest.mark.parametrize("content", [b"", b"PAR1 and more PAR1", None])
def test_a_damaged_file_is_named(cli, options, content):
    path = min(Path("archive").glob("city=denver/sensor=S1/*/*.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 400 + whole[404:] if content is None else content)
    result = cli("query", "--archive", *options)
    if content is None and "--count" in options:
        assert read(result) == {"count": 6}
        return
    assert result.exit_code == 1, result.stdout
    assert str(path) in result.stderr
    assert "restore it" in result.stderr


@pytest.mark.usefixtures("home")
def test_no_archive_is_said_and_how_to_name_one(cli):
    for options in ([], ["--count"], ["--sql", "SELECT * FROM readings"]):
        result = cli("query", "--archive", *options)
        assert result.exit_code == 1
        assert "archive: there is no such folder" in result.stderr
        assert "--set archive=DIR" in result.stderr
    Path("archive").mkdir()
    assert read(cli("query", "--archive", "--count")) == {"count": 0}
    assert read(cli("query", "--archive", "--sql", "SELECT city FROM readings")) == []


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize("folder", ["a [1] * archive", "env=prod/archive"])
def test_a_folder_of_any_name(cli, folder):
    Path(folder).parent.mkdir(exist_ok=True)
    Path("archive").rename(folder)
    absolute = Path(folder).absolute()
    assert times(read(cli("query", "--archive", "--set", f"archive={absolute}", "--sensor", "S2"))) == [
        ("S2", "2026-11-21T00:00:00")
    ]
    assert (
        "env"
        not in read(cli("query", "--archive", "--set", f"archive={absolute}", "--sql", "SELECT * FROM readings"))[0]
    )


@pytest.mark.usefixtures("archived")
def test_a_folder_above_that_is_named_like_a_partition_is_refused(cli):
    Path("city=x").mkdir()
    Path("archive").rename("city=x/archive")
    result = cli("query", "--archive", "--set", "archive=city=x/archive")
    assert result.exit_code == 1
    assert "city=" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--anomalies"], "--anomalies"),
        (["--sql", "SELECT * FROM readings", "--container", "runs"], "--container"),
        (["--sql", "SELECT * FROM readings", "--city", "denver"], "--city"),
        (["--endpoint", "http://127.0.0.1:1"], "--endpoint"),
        (["--analyze", "--since", "2h"], "--since"),
    ],
)
def test_options_without_a_meaning_are_refused(cli, arguments, named):
    result = cli("query", "--archive", *arguments)
    assert result.exit_code == 2
    assert named in result.stderr


@pytest.mark.usefixtures("archived")
def test_rejects_are_no_readings(cli, write):
    write("boston", "C1", {}, {"temperature": "warm"}, {"timestamp": "never"})
    assert cli("run", "--city", "boston", "--endpoint", "http://127.0.0.1:1").exit_code == 3
    assert json.loads(cli("query", "--archive", "--count").stdout) == {"count": 6}
