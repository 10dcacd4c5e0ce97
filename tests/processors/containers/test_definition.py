"""Containers as they are described: keys, policies and names, and what settings replace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

from processors import containers
from processors.containers import FILE, roles
from processors.containers.definition import Definition, definitions, differences, wanted
from processors.cosmos import Account
from sensors.images import context
from tests.processors.containers.conftest import EVERYTHING


def test_readings_go_by_city_sensor_and_month_and_runs_by_city() -> None:
    keys = {definition.name: definition.partition_key for definition in definitions()}
    assert keys == {**dict.fromkeys(EVERYTHING, ("/city", "/sensorId", "/month")), "runs": ("/city",)}


def test_the_readings_container_has_the_configured_name() -> None:
    assert [definition.name for definition in definitions("telemetry")] == ["telemetry", *EVERYTHING[1:]]


def test_only_what_is_queried_is_indexed() -> None:
    assert definitions()[0].indexing_policy == {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [
            {"path": "/city/?"},
            {"path": "/sensorId/?"},
            {"path": "/month/?"},
            {"path": "/observedAt/?"},
            {"path": "/lastObservedAt/?"},
            {"path": "/count/?"},
            {"path": "/isAnomaly/?"},
        ],
        "excludedPaths": [{"path": "/*"}],
    }


def test_what_differs_is_the_partition_key_and_nothing_else() -> None:
    definition = Definition("readings", ("/city", "/sensorId"), ())
    same = {
        "partitionKey": {"paths": ["/city", "/sensorId"], "kind": "MultiHash", "version": 2},
        "defaultTtl": 5,
    }
    assert differences(same, definition) == []
    assert differences({"partitionKey": {"paths": ["/sensorId", "/city"]}}, definition) == [
        "partition key is /sensorId, /city, expected /city, /sensorId"
    ]
    assert differences({}, definition) == ["partition key is none, expected /city, /sensorId"]


def test_the_roles_of_the_description_are_those_of_the_code() -> None:
    assert roles() == (containers.READINGS, containers.AGGREGATES, containers.ANOMALIES, containers.RUNS)


def test_the_wheel_and_the_image_have_the_description() -> None:
    root = Path(__file__).parents[3]
    path = f"processors/containers/{FILE}"
    builder = WheelBuilder(str(root))
    assert path in {file.distribution_path for file in builder.recurse_included_files()}
    assert path in context.read(root, "processors")


def test_settings_replace_what_is_described_by_role_whatever_the_name(account: Account) -> None:
    changed = replace(account, container="telemetry", indexed={"readings": ("/city",)}, ttl_s={"readings": 60})
    first, *others = wanted(changed)
    assert first == Definition("telemetry", ("/city", "/sensorId", "/month"), ("/city",), 60)
    assert others == list(definitions()[1:])
