"""`cosmos scale` by the real `azure-mgmt-cosmosdb`, against a control plane over TLS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fleet.conftest import Cli
from tests.harness.arm import SQL, Account, autoscale, manual
from tests.harness.entra import MANAGEMENT, Tokens

READINGS = f"{SQL}/containers/readings/throughputSettings/default"
DATABASE = f"{SQL}/throughputSettings/default"


def puts(arm: Account) -> list[str]:
    return [path for method, path in arm.asked if method == "PUT"]


def shown(scale: Cli, *arguments: str) -> Any:
    result = scale(*arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def row(
    name: str, mode: str, ru_s: int | None = None, floor: int | None = None, pending: bool = False
) -> dict[str, Any]:
    return {"name": name, "mode": mode, "ruS": ru_s, "floorRuS": floor, "pending": pending}


def test_without_a_flag_it_shows_what_there_is(scale: Cli, arm: Account, tokens: Tokens) -> None:
    told = shown(scale)
    assert told["account"] == "city-sensors"
    assert told["throughput"] == [
        row("SensorData", "autoscale", 4_000, 1_000),
        row("SensorData/aggregates", "shared"),
        row("SensorData/anomalies", "shared"),
        row("SensorData/readings", "autoscale", 6_000, 1_000),
        row("SensorData/runs", "shared"),
    ]
    assert puts(arm) == []
    assert {form["scope"] for form in tokens.asked} == {MANAGEMENT}


def test_a_database_may_have_none_and_a_container_may_be_set_by_hand(scale: Cli, arm: Account) -> None:
    arm.throughput = {"readings": manual(400), "runs": autoscale(2_000, floor=100, pending=True)}
    assert shown(scale)["throughput"] == [
        row("SensorData", "none"),
        row("SensorData/aggregates", "none"),
        row("SensorData/anomalies", "none"),
        row("SensorData/readings", "manual", 400, 400),
        # Whatever the service states, no maximum is below 1,000.
        row("SensorData/runs", "autoscale", 2_000, 1_000, pending=True),
    ]


def test_a_serverless_account_has_no_throughput(scale: Cli, arm: Account) -> None:
    arm.capabilities = ("EnableServerless",)
    told = shown(scale)["throughput"]
    assert {each["mode"] for each in told} == {"serverless"}
    assert len(told) == 5


def test_a_table_for_people(scale: Cli) -> None:
    lines = scale("--output", "table").stdout.splitlines()
    assert lines[0].split() == ["name", "mode", "ruS", "floorRuS", "pending"]
    assert lines[4].split()[:4] == ["SensorData/readings", "autoscale", "6000", "1000"]


@pytest.mark.parametrize(
    ("arguments", "name", "before", "hours"),
    [
        (("--maximum", "8000"), "SensorData", 4_000, False),
        (("--maximum", "8000", "--container", "readings"), "SensorData/readings", 6_000, False),
        (("--maximum", "12000", "--set", "scale_limit=20000"), "SensorData", 4_000, True),
    ],
)
def test_alone_a_maximum_says_what_would_change(
    scale: Cli, arm: Account, arguments: tuple[str, ...], name: str, before: int, hours: bool
) -> None:
    result = scale(*arguments)
    told = json.loads(result.stdout)
    assert (told["name"], told["beforeRuS"], told["afterRuS"]) == (name, before, int(arguments[1]))
    assert (told["outcome"], told["takesHours"]) == ("dry run", hours)
    assert "--apply does it" in result.stderr
    assert puts(arm) == []


@pytest.mark.parametrize(("container", "path"), [(None, DATABASE), ("readings", READINGS)])
def test_apply_sets_it_and_waits_until_it_is_so(scale: Cli, arm: Account, container: str | None, path: str) -> None:
    arm.polls = 3
    told = shown(scale, "--maximum", "8000", "--apply", *(("--container", container) if container else ()))
    assert told["outcome"] == "applied"
    assert puts(arm) == [path]
    assert arm.bodies == [{"properties": {"resource": {"autoscaleSettings": {"maxThroughput": 8_000}}}}]
    assert arm.left == 0
    assert arm.throughput[container or ""]["autoscaleSettings"]["maxThroughput"] == 8_000
    assert arm.asked[-1] == ("GET", path)  # it is read again, not believed


def test_what_is_so_already_is_not_set_again(scale: Cli, arm: Account) -> None:
    assert shown(scale, "--maximum", "4000", "--apply")["outcome"] == "as it was"
    assert puts(arm) == []


def test_what_takes_hours_is_pending_and_not_applied(scale: Cli, arm: Account) -> None:
    arm.throughput[""]["offerReplacePending"] = "false"
    arm.sets = False
    before = arm.answer

    def answer(method: str, path: str, body: Any, here: str) -> Any:
        if method == "PUT":
            arm.throughput[""]["offerReplacePending"] = "true"
        return before(method, path, body, here)

    arm.answer = answer
    assert shown(scale, "--maximum", "8000", "--apply")["outcome"] == "pending"
