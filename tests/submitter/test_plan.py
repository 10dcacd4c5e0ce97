"""`plan` on the command line: what it prints, what it keeps, and what is said of bad input."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from fleet.plan.prices import PUBLISHED
from processors.checkpoint import open_checkpoint
from processors.cosmos import Account
from processors.planned import FILE, read
from tests.harness import databases
from tests.harness.databases import readings
from tests.harness.strict import StrictCosmos

Cli = Callable[..., Result]


@pytest.fixture
def data(home: Path) -> Path:
    """A city with two databases in the working folder."""
    for number in range(2):
        path = home / "data" / "Denver" / f"box{number}" / "sensor_data.db"
        databases.create(path, readings(150, seed=number, sensors=(f"s{number}",), step_s=2.0))
    return home


@pytest.fixture
def charging(data: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ARG001 - it clears first
    """An account that charges, which the settings name."""
    with StrictCosmos(account, seed=3) as service:
        monkeypatch.setenv("COSMOS_ENDPOINT", service.endpoint)
        monkeypatch.setenv("COSMOS_DATABASE", account.database)
        yield service


def planned(cli: Cli, *arguments: str, code: int = 0) -> dict[str, Any]:
    result = cli("plan", "--city", "Denver", "--output", "json", *arguments)
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def by_name(rows: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    return {row[name]: row for row in rows}


def contents(root: Path) -> Mapping[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("data")
def test_documents_without_an_account(cli: Cli) -> None:
    document = planned(cli)
    assert (document["schemaVersion"], document["kind"], document["city"]) == (1, "plan", "Denver")
    backlog = document["backlog"]
    assert (backlog["rows"], backlog["requestUnits"], backlog["seconds"], backlog["cost"]) == (300, None, None, None)
    containers = by_name(backlog["containers"], "container")
    assert containers["readings"]["inserts"] == 300
    assert containers["runs"]["inserts"] == 1
    assert backlog["documents"] == sum(each["inserts"] + each["replaces"] for each in containers.values())
    assert any("--probe" in note for note in document["notes"])
    assert {each["cost"] for each in document["bills"]} == {None}
    assert document["levers"][0]["lever"] == "bucket_rows=60"
    assert {each["hazard"] for each in document["hazards"]} == {"index that nothing queries"}


def test_it_sends_nothing_and_leaves_all_as_it_was(data: Path, cli: Cli, charging: StrictCosmos) -> None:
    assert cli("run", "--city", "Denver").exit_code == 0
    databases.append(data / "data" / "Denver" / "box0" / "sensor_data.db", readings(20, seed=9, step_s=2.0))
    before, asked = contents(data), len(charging.exchanges)
    planned(cli)
    after = contents(data)
    kept = str(data / "state" / "Denver" / FILE)
    assert {name: content for name, content in after.items() if name != kept} == before
    assert kept in after
    assert len(charging.exchanges) == asked


def test_it_works_while_a_run_holds_the_city(data: Path, cli: Cli) -> None:
    with open_checkpoint(data / "state", "Denver"):
        assert planned(cli)["backlog"]["rows"] == 300


@pytest.mark.usefixtures("charging")
def test_a_probe_a_run_and_a_plan_again(data: Path, cli: Cli) -> None:
    first = planned(cli, "--probe", "--throughput", "400")
    assert 0 < first["charges"]["probe"]["writes"] <= 100
    foretold = first["backlog"]["requestUnits"]
    assert first["backlog"]["seconds"] == pytest.approx(first["backlog"]["readingSeconds"] + foretold / 400, abs=6)
    kept, notices = read(data / "state" / "Denver")
    assert kept is not None
    assert (kept.rows, kept.seconds, notices) == (300, first["backlog"]["seconds"], ())
    report = json.loads(cli("run", "--city", "Denver", "--output", "json").stdout)
    assert report["planned"]["documents"] == report["documents"]
    assert report["planned"]["requestUnits"] == pytest.approx(report["requestUnits"], rel=0.05)
    assert report["planned"]["requestUnits"] == pytest.approx(foretold, abs=10)  # the report itself is in the plan
    again = planned(cli)
    assert (again["backlog"]["rows"], again["backlog"]["documents"]) == (0, 1)
    assert again["charges"]["probe"] is None
    assert again["charges"]["learnedAt"] is not None
    assert again["month"]["requestUnits"] is not None
    assert again["backlog"]["cost"] is not None


@pytest.mark.usefixtures("data", "connected")
def test_a_probe_that_is_told_no_charge_is_not_asked_for_again(cli: Cli) -> None:
    notes = planned(cli, "--probe")["notes"]
    assert "the service states no charges, so nothing could be learned of them" in notes
    assert not [note for note in notes if "--probe" in note]


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("options", "least"),
    [
        (["--throughput", "50"], "50 RU/s is below the least that can be had (400)"),
        (["--throughput", "400"], None),
        (
            ["--throughput", "900", "--highest-throughput", "100000"],
            "900 RU/s is below the least that can be had (1,000)",
        ),
        ([], None),
    ],
)
def test_throughput_that_cannot_be_had_is_noted(cli: Cli, options: list[str], least: str | None) -> None:
    told = [note for note in planned(cli, *options)["notes"] if "that can be had" in note]
    assert told == ([] if least is None else [least])


@pytest.mark.usefixtures("charging")
def test_the_table_tells_the_same(cli: Cli) -> None:
    document = planned(cli, "--probe", "--throughput", "400")
    result = cli("plan", "--city", "Denver", "--probe", "--throughput", "400", "--output", "table")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    heads = ("NOW", "A MONTH", "BILLS", "LIMITS", "LEVERS", "HAZARDS", "NOTES")
    assert [line.split("  ")[0] for line in lines if line.startswith(heads)] == list(heads)
    assert f"rows              {document['backlog']['rows']:,} (0 rejects)" in lines
    assert len(lines) < 70
    serverless = next(bill for bill in document["bills"] if bill["mode"] == "serverless")
    assert any(line.split()[:2] == ["1", "serverless"] and f"{serverless['cost']:.2f}" in line for line in lines)


@pytest.mark.usefixtures("charging")
def test_settings_of_the_run_are_those_of_the_plan(cli: Cli) -> None:
    plain = planned(cli)
    bucketed = planned(cli, "--set", "bucket_rows=50")
    assert by_name(plain["backlog"]["containers"], "container")["readings"]["inserts"] == 300
    assert by_name(bucketed["backlog"]["containers"], "container")["readings"]["inserts"] == 6
    assert "bucket_rows=60" not in by_name(bucketed["levers"], "lever")
    assert planned(cli, "--set", "stage=aggregated")["levers"] == []


@pytest.mark.usefixtures("charging")
def test_what_is_paid_for(data: Path, cli: Cli) -> None:
    own = data / "own.json"
    own.write_text(PUBLISHED.read_text().replace("0.008", "0.8").replace("USD", "EUR"))
    dear = planned(cli, "--probe", "--prices", str(own), "--throughput", "1000")
    free = planned(cli, "--probe", "--free-tier", "--throughput", "1000", "--highest-throughput", "50000")
    assert dear["prices"]["currency"] == "EUR"

    def shared(document: dict[str, Any], mode: str) -> dict[str, Any]:
        return next(each for each in document["bills"] if each["mode"] == mode and each["shared"])

    assert shared(dear, "manual")["throughputCost"] == pytest.approx(730 * 10 * 0.8)
    assert shared(free, "manual")["throughputCost"] == 0.0
    assert shared(free, "autoscale")["requestUnitsPerSecond"] == 5_000


def test_a_budget_is_told_in_times(cli: Cli, charging: StrictCosmos) -> None:  # noqa: ARG001 - it is the account
    document = planned(cli, "--probe", "--set", "ru_budget=100/h")
    assert document["backlog"]["budgets"] == pytest.approx(document["backlog"]["requestUnits"] / 100, abs=0.01)


def test_a_database_that_cannot_be_read(data: Path, cli: Cli) -> None:
    (data / "data" / "Denver" / "box1" / "sensor_data.db").write_bytes(b"nothing of the kind" * 500)
    document = planned(cli, code=5)
    assert (document["outcome"], document["failedDatabases"], document["backlog"]["rows"]) == ("partial", 1, 150)
    assert any("not compared" in note for note in document["notes"])
    assert not (data / "state" / "Denver" / FILE).exists()


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--city", "Denvr"], 2, "did you mean Denver?"),
        ([], 2, "city: missing"),
        (["--city", "Denver", "--probe"], 2, "endpoint: missing"),
        (["--city", "Denver", "--prices", "none.json"], 2, "none.json: No such file"),
        (["--city", "Denver", "--probe", "--endpoint", "http://127.0.0.1:9"], 3, "cannot connect to Cosmos DB"),
        (["--city", "Denver", "--throughput", "0"], 2, ""),
    ],
)
def test_bad_input(cli: Cli, arguments: list[str], code: int, said: str) -> None:
    result = cli("plan", "--output", "json", *arguments)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert result.stdout == ""


def test_a_city_without_data(home: Path, cli: Cli) -> None:
    (home / "data" / "Denver" / "box").mkdir(parents=True)
    result = cli("plan", "--city", "Denver")
    assert result.exit_code == 2
    assert "cannot find databases of the city: Denver" in result.stderr


def test_an_endpoint_that_is_not_there_does_not_matter(cli: Cli, data: Path) -> None:  # noqa: ARG001 - it is the city
    assert planned(cli, "--endpoint", "http://127.0.0.1:9")["backlog"]["rows"] == 300


def test_a_table_without_rows(home: Path, cli: Cli) -> None:
    databases.create(home / "data" / "Denver" / "box" / "sensor_data.db")
    document = planned(cli)
    assert (document["backlog"]["rows"], document["month"]["documents"]) == (0, None)
    assert any("too few rows" in note for note in document["notes"])


def test_a_month_that_is_not_known_costs_nobody_knows_what(home: Path, cli: Cli) -> None:
    for number in range(2):
        databases.create(home / "data" / "Denver" / f"box{number}" / "sensor_data.db", readings(1))
    document = planned(cli, "--throughput", "1000")
    assert any("a month is not known" in note for note in document["notes"])
    assert (document["rate"]["rowsPerSecond"], document["month"]["requestUnits"]) == (None, None)
    bills = document["bills"]
    assert {(bill["cost"], bill["storageCost"], bill["storageGb"], bill["carriesTheRate"]) for bill in bills} == {
        (None, None, None, None)
    }
    assert {(limit["monthsUntil"], limit["known"]) for limit in document["limits"]} == {(None, False)}
    assert {(lever["bytesSaved"], lever["requestUnitsSaved"]) for lever in document["levers"]} == {(None, None)}
    lines = cli("plan", "--city", "Denver", "--output", "table").stdout.splitlines()
    limits = lines[lines.index("LIMITS  of partitions, at the present rate") + 2 :][:3]
    assert all(line.endswith("not known") for line in limits)


@pytest.mark.usefixtures("charging")
def test_serverless_that_is_too_little_is_said(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.plan.bill.SERVERLESS_RU_S", 0.5)
    lines = cli("plan", "--city", "Denver", "--probe", "--output", "table").stdout.splitlines()
    assert [line for line in lines if line.split()[:5] == ["1", "serverless", "-", "(too", "little)"]]


@pytest.mark.usefixtures("data")
def test_an_index_that_changes_no_charge_is_noted(cli: Cli) -> None:
    index = 'indexed={"anomalies": ["/city", "/sensorId", "/month", "/observedAt"]}'
    told = [note for note in planned(cli, "--set", index)["notes"] if note.startswith("indexed")]
    assert len(told) == 1
    assert "--probe" in told[0]
    assert not [note for note in planned(cli)["notes"] if note.startswith("indexed")]


@pytest.mark.usefixtures("charging")
def test_what_is_left_out_of_a_month_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.rehearsal.pricing.UNPRICED_SHARE", 1.0)
    monkeypatch.setattr("processors.rehearsal.probe.MOST_WRITES", 8)
    document = planned(cli, "--probe")
    priced = [each for each in document["month"]["containers"] if each["requestUnits"] is not None]
    unpriced = sum(each["unpricedDocuments"] for each in priced)
    assert unpriced > 0
    assert f"the charge of {unpriced:,} documents of a month is not known and is left out" in document["notes"]


def test_a_price_file_that_is_damaged(data: Path, cli: Cli) -> None:
    (data / "own.json").write_text('{\n  "date": 5,\n}')
    result = cli("plan", "--city", "Denver", "--prices", "own.json")
    assert result.exit_code == 2
    assert "own.json: line" in result.stderr
