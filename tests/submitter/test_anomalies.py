"""Labels and tuning by the command line, against the emulator."""

import json
import tomllib
from datetime import UTC, datetime, timedelta

import pytest

from processors.model import Documents
from processors.sink import open_sink
from tests.harness.strict import Answer

FIRST = datetime(2026, 11, 1, 12, tzinfo=UTC)


def instant(day):
    return (FIRST + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def alarm(number, score, *, kind="spike", day=0.0, threshold=9.0, city="denver"):
    return {
        "id": f"abc-{number}-temperatureC-{kind}",
        "city": city,
        "sensorId": "S1",
        "month": "2026-11",
        "observedAt": instant(day),
        "kind": kind,
        "measure": "temperatureC",
        "value": 99.0,
        "score": score,
        "threshold": threshold,
        "explanation": "temperature 99.0 °C",
        "schemaVersion": 1,
    }


def reading(day):
    return {"id": f"r{day}", "city": "denver", "sensorId": "S1", "month": "2026-11", "observedAt": instant(day)}


def put(account, container, *documents):
    with open_sink(account) as sink:
        for each in documents:
            key = (each["city"], each["sensorId"], each["month"])
            assert sink.write(container, [Documents(key, [each], [len(json.dumps(each))])]).documents == 1


def read(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def kinds(result):
    return {each["kind"]: each for each in read(result)["kinds"]}


def everything(cli):
    return {each["id"]: each for each in read(cli("query", "--sql", "SELECT * FROM c", "--container", "anomalies"))}


@pytest.fixture
def alarms(connected):
    """Ten days of readings of denver; on five of them a spike with a low score, on two one with a high score."""
    put(connected, "readings", reading(0), reading(10))
    low = [alarm(number, 9.0 + number / 10, day=number) for number in range(5)]
    high = [alarm(number, 20.0 + number, day=number) for number in (5, 6)]
    put(connected, "anomalies", *low, *high, alarm(9, 0.1, kind="limit", day=3, threshold=1e-9))
    return connected


@pytest.fixture
def labelled(alarms, cli):
    """The low ones are false alarms, the high ones true."""
    low = [f"abc-{number}-temperatureC-spike" for number in range(5)]
    read(cli("anomalies", "label", *low, "--false-alarm"))
    read(cli("anomalies", "label", "abc-5-temperatureC-spike", "abc-6-temperatureC-spike", "--true"))
    return alarms


@pytest.mark.usefixtures("alarms")
def test_a_label_is_a_document_beside_its_alarm(cli):
    before = everything(cli)
    (label,) = read(cli("anomalies", "label", "abc-0-temperatureC-spike", "--false-alarm"))
    at = datetime.fromisoformat(label.pop("labelledAt"))
    assert timedelta() <= datetime.now(UTC) - at < timedelta(minutes=5)
    assert label == {
        "id": "abc-0-temperatureC-spike-label",
        "kind": "label",
        "of": "abc-0-temperatureC-spike",
        "label": "false-alarm",
        "alarmKind": "spike",
        "measure": "temperatureC",
        "score": 9.0,
        "threshold": 9.0,
        "city": "denver",
        "sensorId": "S1",
        "month": "2026-11",
        "observedAt": instant(0),
        "schemaVersion": 1,
    }
    after = everything(cli)
    assert after.keys() - before.keys() == {label["id"]}
    assert label.items() <= after[label["id"]].items()
    assert after["abc-0-temperatureC-spike"] == before["abc-0-temperatureC-spike"]


@pytest.mark.usefixtures("alarms")
def test_another_label_replaces_the_first(cli):
    read(cli("anomalies", "label", "abc-0-temperatureC-spike", "--false-alarm"))
    read(cli("anomalies", "label", "abc-0-temperatureC-spike", "--true"))
    labels = [each for each in everything(cli).values() if each["kind"] == "label"]
    assert [each["label"] for each in labels] == ["true"]


@pytest.mark.usefixtures("labelled")
def test_labels_are_neither_listed_nor_counted_as_anomalies(cli):
    assert read(cli("query", "--anomalies", "--count")) == {"count": 8}
    assert "label" not in {each["kind"] for each in read(cli("query", "--anomalies"))}
    assert read(cli("query", "--sql", "SELECT VALUE COUNT(1) FROM c", "--container", "anomalies")) == [15]


@pytest.mark.usefixtures("alarms")
@pytest.mark.parametrize(
    ("ids", "named"),
    [
        (["abc-0-temperatureC-spike", "nothing"], "nothing"),
        (["abc-1-temperatureC-spike-label"], "label the anomaly: abc-1-temperatureC-spike"),
        (["x' OR 1=1 --"], "query --anomalies"),
        (["\udcff\x1b"], "query --anomalies"),
    ],
)
def test_what_is_no_alarm_is_refused_and_nothing_is_stored(cli, ids, named):
    read(cli("anomalies", "label", "abc-1-temperatureC-spike", "--true"))
    before = everything(cli)
    result = cli("anomalies", "label", *ids, "--false-alarm")
    assert result.exit_code == 2
    assert named in result.stderr
    assert "\x1b" not in result.stderr
    assert everything(cli) == before


@pytest.mark.parametrize("given", [[], ["--true", "--false-alarm"]])
def test_one_of_both_must_be_said(cli, given):
    result = cli("anomalies", "label", "abc", *given, "--endpoint", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "give one of --false-alarm and --true" in result.stderr


def test_an_identity_that_may_only_read_is_told_what_it_lacks(cli, strict, monkeypatch):
    put(strict.account, "anomalies", alarm(0, 9.0))
    is_query = "application/query+json"
    strict.plan = lambda request: (
        Answer(403, {"code": "Forbidden", "message": "no"})
        if request.method == "POST" and "/docs" in request.path and request.headers.get("content-type") != is_query
        else None
    )
    monkeypatch.setenv("COSMOS_DATABASE", strict.account.database)
    result = cli("anomalies", "label", "abc-0-temperatureC-spike", "--true", "--endpoint", strict.account.endpoint)
    assert result.exit_code == 3
    assert "Cosmos DB Built-in Data Contributor" in result.stderr


def test_a_label_survives_that_its_alarm_is_written_again(cli, connected, write):
    write("denver", "S1", {}, {}, {"temperature": 4000.0})
    assert cli("run", "--city", "denver").exit_code == 0
    (found,) = read(cli("query", "--anomalies"))
    (label,) = read(cli("anomalies", "label", found["id"], "--true"))
    put(connected, "anomalies", found)
    after = everything(cli)
    assert set(after) == {found["id"], label["id"]}
    assert after[label["id"]]["label"] == "true"
    assert cli("verify", "--city", "denver").exit_code == 0


@pytest.mark.usefixtures("labelled")
def test_tune_proposes_and_changes_nothing(cli, home):
    result = cli("anomalies", "tune", "--city", "denver")
    told = read(result)
    assert told["period"] == {"first": "2026-11-01T12:00:00+00:00", "last": "2026-11-11T12:00:00+00:00", "days": 10.0}
    assert told["thresholds"] == {"spike": 9.401}
    assert told["applied"] is None
    found = {each["kind"]: each for each in told["kinds"]}
    assert found["spike"] == {
        "kind": "spike",
        "labels": {"true": 2, "false": 5},
        "threshold": {"before": 9.0, "after": 9.401},
        "alarmsPerDay": {"before": {"value": 0.7, "atLeast": False}, "after": {"value": 0.2, "atLeast": False}},
        "note": "spares 5 of 5 false alarms, misses 0 of 2 true ones",
    }
    assert found["stuck"]["note"] == "no labels"
    assert found["limit"]["threshold"] == {"before": None, "after": None}
    assert found["limit"]["alarmsPerDay"]["after"] == {"value": 0.1, "atLeast": False}
    assert "--apply" in result.stderr
    assert not (home / "bacalhau-cosmos.toml").exists()


@pytest.mark.usefixtures("labelled")
def test_a_table_has_a_line_for_each_kind(cli):
    result = cli("anomalies", "tune", "--city", "denver", "--output", "table")
    lines = {line.split()[0]: line.split(maxsplit=7) for line in result.stdout.splitlines()}
    assert lines["kind"] == ["kind", "true", "false", "threshold", "proposed", "alarms/day", "then", "why"]
    assert lines["spike"][1:7] == ["2", "5", "9.0", "9.401", "0.7", "0.2"]
    assert "may give way to one that it kept silent" in result.stderr


def test_alarms_that_were_judged_with_other_thresholds_are_counted_at_the_one_in_question(cli, labelled):
    put(labelled, "anomalies", alarm(7, 9.2, day=7, threshold=6.0), alarm(8, 7.0, day=8, threshold=6.0))
    assert kinds(cli("anomalies", "tune", "--city", "denver"))["spike"]["alarmsPerDay"]["before"]["value"] == 0.8
    put(labelled, "anomalies", alarm(10, 15.0, day=9, threshold=9.2))
    assert kinds(cli("anomalies", "tune", "--city", "denver"))["spike"]["alarmsPerDay"] == {
        "before": {"value": 0.9, "atLeast": True},
        "after": {"value": 0.3, "atLeast": False},
    }
    table = cli("anomalies", "tune", "--city", "denver", "--output", "table").stdout
    assert ">= 0.9" in table


def test_only_the_city_and_the_time_that_are_asked_for_count(cli, labelled):
    put(labelled, "readings", {**reading(20), "city": "boston"})
    put(labelled, "anomalies", *(alarm(f"b{number}", 9.0, day=4, city="boston") for number in range(9)))
    read(cli("anomalies", "label", "abc-b1-temperatureC-spike", "--false-alarm"))
    found = kinds(cli("anomalies", "tune", "--city", "denver", "--since", instant(2)))
    assert found["spike"]["labels"] == {"true": 2, "false": 3}
    assert found["spike"]["alarmsPerDay"]["before"]["value"] == 0.625


@pytest.mark.usefixtures("labelled")
def test_apply_writes_the_file_keeps_the_rest_and_says_how_nodes_get_it(cli, home):
    path = home / "bacalhau-cosmos.toml"
    path.write_text("# ours\npage_rows = 50 # small\n\n[thresholds]\nstuck = 100\n\n[limits]\ntemperatureC = [-5, 5]\n")
    result = cli("anomalies", "tune", "--city", "denver", "--apply")
    assert read(result)["applied"] == "bacalhau-cosmos.toml"
    assert path.read_text() == (
        "# ours\npage_rows = 50 # small\n\n[thresholds]\nstuck = 100\nspike = 9.401\n"
        "\n[limits]\ntemperatureC = [-5, 5]\n"
    )
    (given,) = [line for line in result.stderr.splitlines() if "--set 'thresholds=" in line]
    value = given.split("'")[1]
    assert read(cli("config", "show", "--set", value))["thresholds"] == {
        "value": {"stuck": 100.0, "spike": 9.401},
        "origin": "flag",
    }
    shown = result.stderr[result.stderr.index("[thresholds]") :].split("\n{")[0]
    assert tomllib.loads("\n".join(line.strip() for line in shown.splitlines())) == {
        "thresholds": {"stuck": 100.0, "spike": 9.401}
    }
    assert read(cli("config", "show"))["thresholds"]["value"] == {"stuck": 100.0, "spike": 9.401}


@pytest.mark.usefixtures("labelled")
def test_apply_a_second_time_finds_nothing_to_change(cli, home):
    assert read(cli("anomalies", "tune", "--city", "denver", "--apply"))["applied"] == "bacalhau-cosmos.toml"
    written = (home / "bacalhau-cosmos.toml").read_text()
    result = cli("anomalies", "tune", "--city", "denver", "--apply")
    told = read(result)
    assert told["applied"] is None
    assert told["thresholds"] == {"spike": 9.401}
    assert "No threshold is changed." in result.stderr
    assert (home / "bacalhau-cosmos.toml").read_text() == written


@pytest.mark.usefixtures("labelled")
def test_apply_goes_to_the_file_that_was_named(cli, home):
    (home / "own.toml").write_text("")
    assert (
        read(cli("anomalies", "tune", "--city", "denver", "--apply", "--config", "own.toml"))["applied"] == "own.toml"
    )
    assert tomllib.loads((home / "own.toml").read_text()) == {"thresholds": {"spike": 9.401}}
    assert not (home / "bacalhau-cosmos.toml").exists()


@pytest.mark.parametrize("origin", ["flag", "environment"])
def test_apply_is_refused_where_the_file_would_not_hold(cli, home, monkeypatch, origin):
    given = ["--set", 'thresholds={"spike": 9}'] if origin == "flag" else []
    if origin == "environment":
        monkeypatch.setenv("COSMOS_THRESHOLDS", '{"spike": 9}')
    result = cli("anomalies", "tune", "--city", "denver", "--apply", "--endpoint", "http://127.0.0.1:1", *given)
    assert result.exit_code == 2
    assert origin in result.stderr
    assert "thresholds" in result.stderr.partition("Try:")[2].lower()
    assert not (home / "bacalhau-cosmos.toml").exists()


@pytest.mark.usefixtures("connected")
def test_a_city_of_which_nothing_is_stored_has_no_rate(cli):
    result = cli("anomalies", "tune", "--city", "atlantis", "--apply")
    told = read(result)
    assert told["period"] is None
    assert {json.dumps(each["alarmsPerDay"]) for each in told["kinds"]} == {'{"before": null, "after": null}'}
    assert "nothing is stored of atlantis" in result.stderr
