"""An account's throughput by the control plane: `azure-mgmt-cosmosdb`, and nothing else that speaks to Azure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.mgmt.cosmosdb.aio import CosmosDBManagementClient
from azure.mgmt.cosmosdb.types import ThroughputSettingsUpdateParameters

from fleet.errors import ControlError
from fleet.scale.refusals import Account, explain
from fleet.scale.throughput import STEP, Change, Mode, Throughput

ENDPOINT = "https://management.azure.com"
SCOPE = f"{ENDPOINT}/.default"

POLL_S = 5
"""Between two questions whether a change is done, where the service does not say itself when to ask."""

_SERVERLESS = "EnableServerless"
_TRIES: dict[str, Any] = {"retry_total": 3, "connection_timeout": 5.0, "read_timeout": 30.0}
_BROKEN = (AzureError, TimeoutError, OSError)


@dataclass(frozen=True)
class Place(Account):
    """A database of an account.

    Attributes:
        database: Its name.
    """

    database: str


@asynccontextmanager
async def open_scaler(
    place: Place, credential: AsyncTokenCredential, *, endpoint: str = ENDPOINT, poll_s: float = POLL_S
) -> AsyncIterator[Scaler]:
    """The throughput of a database and its containers; nothing is asked yet.

    Args:
        place: Which.
        credential: With a control-plane role; it stays open.
        endpoint: Of Azure Resource Manager.
        poll_s: As `POLL_S`.
    """
    async with CosmosDBManagementClient(
        credential, place.subscription, endpoint, polling_interval=poll_s, **_TRIES
    ) as client:
        yield Scaler(client, place)


class Scaler:
    """Sees and sets throughput; made by `open_scaler`."""

    def __init__(self, client: CosmosDBManagementClient, place: Place) -> None:
        self._client = client
        self._sql = client.sql_resources
        self._place = place

    async def read(self) -> list[Throughput]:
        """Of the database, then of each container by name.

        Raises:
            ChoiceError: There is no such subscription, group, account or database.
            RefusedError: The control plane cannot be reached, or refuses us.
            ControlError: It answers otherwise.
        """
        place = self._place
        at = (place.group, place.name)
        doing = "read the throughput"
        account = await self._asked(self._client.database_accounts.get(*at), doing, place.name)
        capabilities = (account.properties.capabilities if account.properties else None) or ()
        serverless = any(each.name == _SERVERLESS for each in capabilities)
        await self._asked(self._sql.get_sql_database(*at, place.database), doing, place.database)
        names = sorted(await self._asked(self._containers(), doing, place.database))
        if serverless:
            full = [place.database, *(f"{place.database}/{name}" for name in names)]
            return [Throughput(name, "serverless") for name in full]
        own = await self._of(self._sql.get_sql_database_throughput(*at, place.database), place.database, "none")
        without: Mode = "none" if own.mode == "none" else "shared"
        containers = [
            await self._of(
                self._sql.get_sql_container_throughput(*at, place.database, name), f"{place.database}/{name}", without
            )
            for name in names
        ]
        return [own, *containers]

    async def apply(self, change: Change) -> Throughput:
        """What it is when the service says that it is done.

        Raises:
            RefusedError: The control plane cannot be reached, or refuses us.
            ControlError: It does not take the change, or took it and failed; the maximum is then as it was.
        """
        place = self._place
        after = change.after
        body: ThroughputSettingsUpdateParameters = {
            "properties": {"resource": {"autoscaleSettings": {"maxThroughput": after.ru_s or STEP}}}
        }
        doing = f"set the maximum to {after.ru_s:,} RU/s"
        await self._asked(self._changed(body, after), doing, after.name)
        at = (place.group, place.name, place.database)
        if after.container is None:
            found = await self._of(self._sql.get_sql_database_throughput(*at), after.name, "none")
        else:
            found = await self._of(self._sql.get_sql_container_throughput(*at, after.container), after.name, "none")
        if found.ru_s != after.ru_s and not found.pending:
            raise ControlError(
                doing,
                after.name,
                why=f"the service says that it is done, and that the maximum is {found.ru_s or 0:,} RU/s",
                hint="somebody else may have set it meanwhile: look at the account's activity log, then try again",
            )
        return found

    async def _changed(self, body: ThroughputSettingsUpdateParameters, after: Throughput) -> None:
        at = (self._place.group, self._place.name, self._place.database)
        if after.container is None:
            poller = await self._sql.begin_update_sql_database_throughput(*at, body)
        else:
            poller = await self._sql.begin_update_sql_container_throughput(*at, after.container, body)
        await poller.result()

    async def _containers(self) -> list[str]:
        place = self._place
        found = self._sql.list_sql_containers(place.group, place.name, place.database)
        return [each.name or "" async for each in found]

    async def _of(self, asking: Awaitable[Any], name: str, without: Mode) -> Throughput:
        try:
            answer = await asking
        except _BROKEN as error:
            # The service has no such resource where there is no throughput; that the database is there is known.
            if isinstance(error, HttpResponseError) and error.status_code == 404:
                return Throughput(name, without)
            raise explain(error, self._place, "read the throughput", name) from error
        resource = answer.properties.resource if answer.properties else None
        if resource is None:
            raise ControlError(
                "read the throughput", name, why="the answer has none", hint="try az cosmosdb sql instead"
            )
        autoscale = resource.autoscale_settings
        return Throughput(
            name,
            "autoscale" if autoscale is not None else "manual",
            autoscale.max_throughput if autoscale is not None else resource.throughput,
            _whole(resource.minimum_throughput, at_least=STEP if autoscale is not None else 0),
            _whole(resource.instant_maximum_throughput),
            str(resource.offer_replace_pending).lower() == "true",
        )

    async def _asked(self, asking: Awaitable[Any], doing: str, subject: str) -> Any:
        try:
            return await asking
        except _BROKEN as error:
            raise explain(error, self._place, doing, subject) from error


def _whole(stated: object, *, at_least: int = 0) -> int | None:
    """The service states these numbers as text; None where it states none."""
    return max(int(text), at_least) if (text := str(stated)).isdigit() else None
