import json
import uuid

import pytest
from azure.cosmos import CosmosClient, PartitionKey

from tests.harness.strict import Answer

STEPS = ["endpoint", "identity", "database", "containers", "partition keys", "write", "read back", "delete"]


@pytest.fixture
def empty(home, emulator, monkeypatch):  # noqa: ARG001 - it clears first
    """The name of a database that is not there yet."""
    name = f"new-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("COSMOS_ENDPOINT", emulator)
    monkeypatch.setenv("COSMOS_DATABASE", name)
    return name


def test_creates_what_is_missing_and_leaves_what_exists(cli, empty):
    names = [empty, *(f"{empty}/{name}" for name in ("readings", "aggregates", "anomalies", "runs"))]
    first = cli("cosmos", "create")
    assert first.exit_code == 0, first.stderr
    nothing = {"created": [], "existed": [], "updated": [], "differing": {}}
    assert json.loads(first.stdout) == {**nothing, "created": names}
    assert json.loads(cli("cosmos", "create").stdout) == {**nothing, "existed": names}
    table = cli("cosmos", "create", "--output", "table").stdout.splitlines()
    assert [line.split() for line in table] == [["name", "outcome"], *([name, "existed"] for name in names)]


@pytest.mark.usefixtures("home")
def test_what_differs_is_told_and_brought_in_line_when_asked(cli, strict):
    name = f"{strict.account.database}/readings"
    others = [f"{strict.account.database}/{other}" for other in ("aggregates", "anomalies", "runs")]
    given = ("--endpoint", strict.account.endpoint, "--set", f"database={strict.account.database}")
    asked = (
        *given,
        "--set",
        'indexed={"readings": ["/city", "/observedAt", "/lastObservedAt"]}',
        "--set",
        'ttl={"readings": "90d"}',
    )
    told = (
        "indexed and not wanted: /sensorId, /month, /count, /isAnomaly; "
        "TTL is what an item says itself, wanted is 90 days"
    )
    created = json.loads(cli("cosmos", "create", *asked).stdout)
    assert created["differing"] == {name: told.split("; ")}
    assert created["existed"] == [strict.account.database, name, *others]
    row = next(
        line for line in cli("cosmos", "create", *asked, "--output", "table").stdout.splitlines() if name in line
    )
    assert row.split(maxsplit=2) == [name, "existed", told]
    checked = cli("cosmos", "check", *asked)
    assert checked.exit_code == 0, checked.stderr
    (step,) = [step for step in json.loads(checked.stdout)["steps"] if "notice" in step]
    assert (step["step"], step["outcome"]) == ("containers", "ok")
    assert step["notice"] == "; ".join(f"{name}: {text}" for text in told.split("; "))

    updated = json.loads(cli("cosmos", "create", "--update", *asked).stdout)
    assert updated == {
        "created": [],
        "existed": [strict.account.database, *others],
        "updated": [name],
        "differing": {},
    }
    assert json.loads(cli("cosmos", "create", *asked).stdout)["differing"] == {}
    assert "notice" not in cli("cosmos", "check", *asked).stdout
    assert list(json.loads(cli("cosmos", "create", *given).stdout)["differing"]) == [name]


@pytest.mark.usefixtures("home")
def test_an_identity_that_may_not_create_is_told_what_may(cli, strict, monkeypatch):
    monkeypatch.setenv("COSMOS_DATABASE", "another")
    strict.plan = lambda request: (
        Answer(403, {"code": "Forbidden", "message": "no"})
        if request.method == "POST" and request.path.rstrip("/") == "/dbs"
        else None
    )
    result = cli("cosmos", "create", "--endpoint", strict.account.endpoint)
    assert result.exit_code == 3
    assert "to create databases or containers takes the key" in result.stderr


@pytest.mark.usefixtures("connected")
def test_a_check_takes_every_step_and_leaves_nothing(cli):
    result = cli("cosmos", "check")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["ok"] is True
    assert [step["step"] for step in told["steps"]] == STEPS
    assert {step["outcome"] for step in told["steps"]} == {"ok"}
    assert all(step["milliseconds"] >= 0 for step in told["steps"])
    assert json.loads(cli("query", "--sql", "SELECT * FROM c", "--container", "runs").stdout) == []


@pytest.mark.usefixtures("empty")
def test_a_check_stops_where_it_fails_and_says_what_to_try(cli):
    result = cli("cosmos", "check", "--output", "table")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "failed" in lines[3]
    assert "cosmos create" in lines[3]
    assert all(line.endswith("not tried") for line in lines[4:])
    assert len(lines) == len(STEPS) + 1
    assert result.stderr.startswith("Error: cannot read the database")
    assert "Try: create the database" in result.stderr


@pytest.mark.parametrize(
    ("settings", "code", "failed"),
    [
        ({"ENDPOINT": "http://127.0.0.1:1"}, 3, "endpoint"),
        ({"KEY": "c2VjcmV0!"}, 2, "key"),
    ],
)
@pytest.mark.usefixtures("connected")
def test_a_check_ends_with_the_exit_code_of_its_failure(cli, monkeypatch, settings, code, failed):
    for name, value in settings.items():
        monkeypatch.setenv(f"COSMOS_{name}", value)
    result = cli("cosmos", "check")
    assert result.exit_code == code
    told = json.loads(result.stdout)
    assert told["ok"] is False
    (step,) = [step for step in told["steps"] if step["outcome"] == "failed"]
    assert step["step"] == failed
    assert step["try"] in result.stderr
    assert "c2VjcmV0" not in result.output


@pytest.mark.usefixtures("connected")
def test_a_malformed_endpoint_is_a_setting_to_mend(cli, monkeypatch):
    monkeypatch.setenv("COSMOS_ENDPOINT", "AccountEndpoint=https://x/;AccountKey=c2VjcmV0")
    result = cli("cosmos", "check")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: cannot use the settings: endpoint")
    assert "c2VjcmV0" not in result.output


def test_a_container_with_another_key_is_moved_away_from_as_the_error_says(cli, connected, write, monkeypatch):
    write("denver", "S1", {}, {}, {})
    assert cli("run", "--city", "denver").exit_code == 0
    with CosmosClient(connected.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        database = client.get_database_client(connected.database)
        database.delete_container("readings")
        database.create_container("readings", PartitionKey("/id"))
    refused = cli("run", "--city", "denver")
    assert refused.exit_code == 1
    assert "partition key is /id, expected /city, /sensorId, /month" in refused.stderr + refused.stdout
    hint = cli("cosmos", "check").stderr
    for name in ("COSMOS_DATABASE", "COSMOS_STATE", "COSMOS_ARCHIVE"):
        assert name in hint
        monkeypatch.setenv(name, f"{connected.database}-moved-{name.lower()}")
    assert cli("cosmos", "create").exit_code == 0
    assert cli("run", "--city", "denver").exit_code == 0
    assert cli("verify", "--city", "denver").exit_code == 0
    assert json.loads(cli("query", "--count").stdout) == {"count": 3}
