"""What `plan` holds to be queried is what the service is asked by this program's commands."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import CosmosClient
from typer.testing import Result

from processors import erase
from processors.containers.definition import definitions
from processors.cosmos import Account
from processors.query import Selection
from processors.rehearsal.queried import queried
from tests.harness import databases
from tests.harness.databases import readings
from tests.harness.strict import StrictCosmos

LATER = datetime(2027, 1, 1, tzinfo=UTC)


def named(strict: StrictCosmos) -> dict[str, set[str]]:
    """Container -> properties in conditions, orders and sums of the queries that were sent, but `id`."""
    found: dict[str, set[str]] = {}
    for exchange in strict.exchanges:
        text = json.loads(exchange.body).get("query", "") if exchange.body[:1] == b"{" else ""
        conditions = re.findall(r"SUM\(c\.\w+\)| WHERE .*| ORDER BY .*", text)
        properties = set(re.findall(r"\bc\.(\w+)", " ".join(conditions)))
        found.setdefault(exchange.container, set()).update(properties - {"id"})
    return found


@pytest.fixture
def strict(home: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A city in Cosmos, of which a reading and a bucket are gone, and its alarms have labels."""
    made = readings(300, sensors=("s1", "s2"), step_s=2.0)
    for row in made[200::20]:
        row["temperature"] = 95.0
    databases.create(home / "data" / "Denver" / "box" / "sensor_data.db", made)
    with StrictCosmos(account) as service:
        monkeypatch.setenv("COSMOS_ENDPOINT", service.endpoint)
        monkeypatch.setenv("COSMOS_DATABASE", account.database)
        yield service


def lose_some(account: Account) -> None:
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        container = client.get_database_client(account.database).get_container_client("readings")
        for item in list(container.read_all_items())[:3]:
            container.delete_item(item["id"], [item["city"], item["sensorId"], item["month"]])


def test_what_is_queried_is_what_is_asked(strict: StrictCosmos, cli: Callable[..., Result]) -> None:
    def done(*arguments: str, codes: tuple[int, ...] = (0,)) -> Result:
        result = cli(*arguments)
        assert result.exit_code in codes, (arguments, result.output)
        return result

    whole = ("--city", "Denver")
    done("run", *whole, "--set", "bucket_rows=20")
    lose_some(strict.account)
    span = ("--since", "2026-11-01T00:00:00Z", "--before", "2026-11-30T00:00:00Z")
    for what in ((), ("--count",), ("--analyze",), ("--anomalies",), ("--anomalies", "--count"), ("--limit", "3")):
        done("query", *whole, *what, "--output", "json")
        if "--analyze" not in what:
            done("query", *whole, "--sensor", "s1", *span, *what, "--output", "json")
    done("verify", *whole, codes=(1,))
    alarms = json.loads(done("query", *whole, "--anomalies", "--output", "json").stdout)
    done("anomalies", "label", str(alarms[0]["id"]), "--false-alarm")
    done("anomalies", "tune", *whole)
    old = Selection("Denver", before=LATER)
    erase.erase(strict.account, old, stop=threading.Event(), progress=lambda *_: None)
    keys = {each.name: {path[1:] for path in each.partition_key} for each in definitions()}
    asked = named(strict)
    for container, properties in queried("readings").items():
        assert asked[container] | keys[container] == properties, container


def test_a_selection_by_time_is_found_by_that_of_each_container(strict: StrictCosmos) -> None:
    erase.count(strict.account, Selection("Denver", since=LATER - timedelta(days=1), before=LATER))
    asked = named(strict)
    assert "windowStart" in asked["aggregates"]
    assert "startedAt" in asked["runs"]
