"""The containers there are, and what looking at them says."""

from __future__ import annotations

import asyncio

from processors import cosmos
from processors.containers import looking
from processors.cosmos import Account

EVERYTHING = ["readings", "aggregates", "anomalies", "runs"]


def verify(account: Account) -> list[str]:
    async def run() -> list[str]:
        async with cosmos.connect(account) as client:
            return list(await looking.verify(client, account))

    return asyncio.run(run())
