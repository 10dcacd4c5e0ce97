"""Which documents are there, asked by queries of one partition each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from azure.cosmos.aio import ContainerProxy

from processors import cosmos
from processors.charges import Meter
from processors.charges.spent import of_query
from processors.model import Documents
from processors.sink import answer as answers
from processors.sink import held
from processors.sink.patience import Patience
from processors.sink.task import ask


class Asking:
    """Asks.

    Args:
        containers: By name.
        patience: Of each request.
        meter: Is told of each answer what it charged.
    """

    def __init__(self, containers: Mapping[str, ContainerProxy], patience: Patience, meter: Meter) -> None:
        self._containers = containers
        self._patience = patience
        self._meter = meter

    async def held(self, container: str, documents: Iterable[Documents]) -> frozenset[str]:
        """See `Sink.held`."""
        return frozenset(
            [
                name
                for one_key in documents
                for text, parameters, items in held.questions(one_key)
                for name in held.same(items, await self._ask(container, one_key.key, text, parameters))
            ]
        )

    async def _ask(
        self, container: str, key: tuple[str, ...], text: str, parameters: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Rows of a query of one full partition key."""
        task, started_s, attempt = ask(container), self._patience.clock(), 0
        found: list[dict[str, Any]] = []

        def note(headers: Mapping[str, Any], _page: object) -> None:
            self._meter.add(of_query(container, cosmos.charge(headers)))

        while True:
            attempt += 1
            arriving = self._containers[container].query_items(
                text, parameters=parameters, partition_key=list(key), response_hook=note
            )
            try:
                async with asyncio.timeout(self._patience.request_timeout_s):
                    found = [row async for row in arriving]
            except cosmos.TRANSPORT_ERRORS as error:
                answer = answers.of_failure(error)
            else:
                return found
            self._meter.add(of_query(container, answer.request_units))
            await self._patience.sleep(self._patience.wait_s(task, answer, started_s, attempt))
