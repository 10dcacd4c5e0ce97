"""What Azure answers whom it refuses, through the real SDK: which role is named, and which command grants it."""

from __future__ import annotations

import asyncio

import pytest

from processors import cosmos
from processors.cosmos import Account, connect, explain
from processors.errors import EndpointError, ProcessorError
from processors.permissions import of_answer
from tests.harness.strict import Answer, Exchange, StrictCosmos

PRINCIPAL = "5b8e4b6c-7a35-4c1e-9d38-2f0e8f6c1a77"
CONTAINER = "dbs/SensorData/colls/readings"
ITEMS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/"
METADATA = "Microsoft.DocumentDB/databaseAccounts/readMetadata"
ACTIVITY = "\r\nActivityId: 71a867d4-e5ba-4e5c-a059-3cdcbef9b78f, Microsoft.Azure.Documents.Common/2.14.0"
LEARN = (
    "Learn more: https://aka.ms/cosmos-native-rbac. This could be because the user's group memberships were not present"
)
GRANT = (
    "az cosmosdb sql role assignment create --account-name city-sensors --resource-group <group> --scope / "
    f"--principal-id {PRINCIPAL} --role-definition-id 00000000-0000-0000-0000-00000000000"
)


def missing(action: str, resource: str = CONTAINER, principal: str = PRINCIPAL) -> str:
    return (
        f"Request blocked by Auth city-sensors : Request is blocked because principal [{principal}] does not have "
        f"required RBAC permissions to perform action [{action}] on resource [{resource}]. {LEARN}"
    )


EXPIRED = (
    "Request blocked by Auth city-sensors : Provided AAD token has been expired since [11/22/2026 5:09:09 PM (UTC)]. "
    "Current server time is [11/23/2026 12:04:25 AM (UTC)]. Please refresh the AAD token."
)
NO_CREATE = (
    "Request blocked by Auth city-sensors : The given request [POST /dbs] cannot be authorized by AAD token in data "
    "plane. Learn more: https://aka.ms/cosmos-native-rbac."
)
FIREWALL = (
    "Request originated from IP 198.51.100.7 through public internet. This is blocked by your Cosmos DB account "
    "firewall settings. More info: https://aka.ms/cosmosdb-tsg-forbidden"
)
WRONG_KEY = (
    "The input authorization token can't serve the request. The wrong key is being used or the expected payload is not "
    "built as per the protocol. For more info: https://aka.ms/cosmosdb-tsg-unauthorized. Server used the following "
    "payload to sign: 'get\n\nmon, 23 nov 2026 06:06:53 gmt\n\n'"
)
SKEWED = (
    "The authorization token is not valid at the current time. Please create another token and retry (token start "
    "time: Mon, 23 Nov 2026 08:33:47 GMT, token expiry time: Mon, 23 Nov 2026 08:48:47 GMT, current server time: Mon, "
    "23 Nov 2026 07:33:53 GMT)."
)
LOCAL = "Local Authorization is disabled. Use an AAD token to authorize all requests."

ANSWERS = [
    (403, 5301, missing(METADATA, "/"), ["'Cosmos DB Built-in Data Contributor'", "'edge-verifier'", f"{GRANT}2"]),
    (403, 0, missing(ITEMS + "items/create"), ["Data Contributor' (or 'edge-writer')", f"{GRANT}2"]),
    (403, 0, missing(ITEMS + "items/upsert"), ["Data Contributor' (or 'edge-writer')", f"{GRANT}2"]),
    (403, 0, missing(ITEMS + "items/read"), ["Data Reader' (or 'edge-verifier')", f"{GRANT}1"]),
    (403, 0, missing(ITEMS + "executeQuery"), ["Data Reader' (or 'edge-verifier')", f"{GRANT}1"]),
    (403, 0, missing(ITEMS + "items/delete"), ["(or, for `cosmos check`, 'edge-check')", f"{GRANT}2"]),
    (403, 0, missing(ITEMS + "items/replace"), ["'Cosmos DB Built-in Data Contributor', which", f"{GRANT}2"]),
    (403, 5301, missing(METADATA, "/", "[PII removed]"), ["--principal-id <its object id> --role"]),
    (403, 5300, NO_CREATE, ["docs/azure.md", "az cosmosdb keys list --name city-sensors "]),
    (403, 0, FIREWALL, ["let 198.51.100.7 through", "az cosmosdb update", "there are>,198.51.100.7 ", "private"]),
    (403, 0, "Request is blocked. Please check your authorization token and Cosmos DB account firewall settings.",
     ["let <this machine's public address> through", "--ip-range-filter"]),
    (403, 0, SKEWED, ["set this machine's clock"]),
    (401, 5202, LOCAL, ["key access is switched off", "COSMOS_KEY empty", "docs/identity.md"]),
    (401, 0, WRONG_KEY, ["copy the key again", "az cosmosdb keys list --name <account> "]),
    (401, 0, EXPIRED, ["run again", "this machine's clock"]),
    (403, 0, EXPIRED, ["run again", "this machine's clock"]),
    (401, 0, "Anything else.", ["check COSMOS_KEY"]),
    (403, 0, "Anything else.", ["data-plane role 'Cosmos DB Built-in Data Contributor'"]),
]  # fmt: skip


@pytest.mark.parametrize(("status", "sub_status", "said", "hints"), ANSWERS)
def test_a_refusal_says_what_mends_it(
    strict: StrictCosmos, status: int, sub_status: int, said: str, hints: list[str]
) -> None:
    def plan(request: Exchange) -> Answer | None:
        if "/dbs/" not in request.path:
            return None
        body = {"code": "Forbidden", "message": said + ACTIVITY}
        return Answer(status, body, {"x-ms-substatus": str(sub_status)} if sub_status else {})

    strict.plan = plan
    error = asyncio.run(read(strict.account))
    assert isinstance(error, EndpointError)
    assert str(error).startswith(f"cannot read the database: {strict.account.endpoint}: {status}: {said[:40]}")
    assert "ActivityId" not in str(error)
    for hint in hints:
        assert hint in error.hint
    assert error.retryable is (said == EXPIRED)


async def read(account: Account) -> ProcessorError:
    async with connect(account) as client:
        try:
            await client.get_database_client("x").read()
        except cosmos.TRANSPORT_ERRORS as error:
            return explain(error, account, "read the database", "x")
    raise AssertionError("the answer was no error")


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("https://city-sensors.documents.azure.com:443/", "city-sensors"),
        ("https://city-sensors.documents.azure.us", "city-sensors"),
        ("https://cosmos.example", "<account>"),
        ("http://127.0.0.1:8081", "<account>"),
    ],
)
def test_the_account_is_named_by_its_endpoint_where_the_answer_does_not(endpoint: str, name: str) -> None:
    assert f"--name {name} " in of_answer(403, FIREWALL, endpoint).hint
    assert "--name city-sensors " in of_answer(403, NO_CREATE, endpoint).hint
