"""Runs and verifications of a node, and what is done to its documents in between, by the plain client."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.cosmos import ContainerProxy, CosmosClient

from processors.city import Silent, World, passes
from processors.cosmos import Account
from processors.report import Report
from processors.verify import VerifyReport, verify
from tests.harness.node import Node

Item = dict[str, Any]


def ingest(node: Node, account: Account, **more: object) -> Report:
    (report,) = passes(node.settings(account, **more), World(), Silent())
    assert report.exit_code == 0, report
    return report


def checked(node: Node, account: Account, **more: object) -> VerifyReport:
    return verify(node.settings(account, **more), World(), node.root / "ids.jsonl")


def listed(node: Node) -> list[Item]:
    return [json.loads(line) for line in (node.root / "ids.jsonl").read_text(encoding="utf-8").splitlines()]


def named(node: Node) -> set[tuple[str, str]]:
    """Kind and id of all that was found."""
    lines = [(line["kind"], line["id"]) for line in listed(node)]
    assert len(lines) == len(set(lines)), lines
    return set(lines)


@contextmanager
def opened(account: Account) -> Iterator[ContainerProxy]:
    """The readings by the plain client; the key is any text, the emulator asks for none."""
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        yield client.get_database_client(account.database).get_container_client("readings")


def items(account: Account) -> list[Item]:
    """Documents of the readings, by sensor and least row id."""
    with opened(account) as container:
        found: list[Item] = list(container.read_all_items())
    return sorted(found, key=lambda item: (item["sensorId"], ids(item)[:1]))


def buckets(account: Account) -> list[Item]:
    return [item for item in items(account) if item.get("kind") == "bucket"]


def ids(item: Item) -> list[int]:
    """Row ids of the readings in a document."""
    if item.get("kind") == "bucket":
        return list(item["columns"]["rowId"])
    return [item["rowId"]] if "rowId" in item else []


def names(item: Item) -> set[str]:
    """Ids of the readings in a document."""
    prefix = item["id"].split("-")[0]
    return {f"{prefix}-{row_id}" for row_id in ids(item)}


def without(item: Item, place: int) -> Item:
    """The bucket without one of its readings; what it says of them all is made to fit."""
    columns = {name: [*values[:place], *values[place + 1 :]] for name, values in item["columns"].items()}
    return item | {"columns": columns, "count": item["count"] - 1}


def put(account: Account, item: Mapping[str, Any]) -> None:
    with opened(account) as container:
        container.upsert_item(dict(item))


def delete(account: Account, item: Mapping[str, Any]) -> None:
    with opened(account) as container:
        container.delete_item(item["id"], [item["city"], item["sensorId"], item["month"]])


def assert_clean(report: VerifyReport, *, rows: int, readings: int | None = None, documents: int | None = None) -> None:
    """Nothing was found, and of so many rows so many are readings in Cosmos, in so many documents.

    Where only documents are told, each holds one reading; where nothing is, all rows are there so.
    """
    counts = report.counts
    assert report.errors == []
    assert (dict(report.found), report.first["missing"]) == ({}, [])
    assert (report.exit_code, report.outcome) == (0, "complete")
    assert (
        counts.rows
        == counts.readings + counts.held + counts.leftOut + counts.expired + counts.rejects + counts.aggregated
        == rows
    )
    stored = next(each for each in (readings, documents, rows) if each is not None)
    assert (counts.readings, counts.documents) == (stored, stored if documents is None else documents)
