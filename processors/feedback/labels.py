"""Labels: a document beside each alarm that a person has judged.

The processor writes an alarm again when it sends its row again, so that a label in the alarm itself would be lost
(docs/decisions/0020-labels-are-documents.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from azure.cosmos.aio import ContainerProxy

from processors import cosmos
from processors.containers import ANOMALIES, LABEL
from processors.cosmos import Account
from processors.errors import AnomalyError
from processors.schema import VERSION

_COPIED = ("city", "sensorId", "month", "observedAt", "measure", "score", "threshold")


class Verdict(StrEnum):
    """What a person says of an alarm."""

    TRUE = "true"
    FALSE_ALARM = "false-alarm"


def document(alarm: Mapping[str, Any], verdict: Verdict, at: datetime) -> dict[str, Any]:
    """The label of an alarm, in the alarm's partition; there is one of each, so that another replaces it.

    Args:
        alarm: As it is stored.
        verdict: What is said of it.
        at: When that was said.
    """
    return {
        "id": f"{alarm['id']}-{LABEL}",
        "kind": LABEL,
        "of": alarm["id"],
        "label": verdict.value,
        "labelledAt": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "alarmKind": alarm["kind"],
        **{name: alarm[name] for name in _COPIED if name in alarm},
        "schemaVersion": VERSION,
    }


def label(account: Account, ids: Sequence[str], verdict: Verdict, at: datetime) -> list[dict[str, Any]]:
    """Stores the labels of alarms; none, where one of the ids is no alarm's.

    Args:
        account: Where the alarms are.
        ids: Of alarms.
        verdict: What is said of each.
        at: When.

    Returns:
        What was stored.

    Raises:
        AnomalyError: No alarm has that id.
        EndpointError: The account cannot be reached, or refuses us.
        SinkError: The service does not take the labels.
    """
    return asyncio.run(_label(account, ids, verdict, at))


async def _label(account: Account, ids: Sequence[str], verdict: Verdict, at: datetime) -> list[dict[str, Any]]:
    subject = f"{account.database}/{ANOMALIES}"
    async with cosmos.connect(account, sdk_retries=True) as client:
        container = client.get_database_client(account.database).get_container_client(ANOMALIES)
        try:
            found = [alarm for name in dict.fromkeys(ids) for alarm in await _alarms(container, name, subject)]
            labels = [document(alarm, verdict, at) for alarm in found]
            for each in labels:
                await container.upsert_item(each)
        except cosmos.TRANSPORT_ERRORS as error:
            raise cosmos.explain(error, account, "label the anomaly", subject) from error
    return labels


async def _alarms(container: ContainerProxy, name: str, subject: str) -> list[dict[str, Any]]:
    asked = container.query_items("SELECT * FROM c WHERE c.id = @id", parameters=[{"name": "@id", "value": name}])
    found = [item async for item in asked]
    for item in found:
        if item["kind"] == LABEL:
            raise AnomalyError(
                "label the anomaly", name, why="it is a label itself", hint=f"label the anomaly: {item['of']}"
            )
    if not found:
        raise AnomalyError(
            "label the anomaly",
            name,
            why=f"there is none of this id in {subject}",
            hint="`bacalhau-cosmos query --anomalies` lists them with their ids",
        )
    return found
