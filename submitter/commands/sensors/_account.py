"""The Cosmos DB account of a project."""
# ruff: noqa: PLC0415 - processors is imported when it is used, so that help stays fast

from collections.abc import Mapping
from typing import TYPE_CHECKING

from submitter.errors import UsageError

if TYPE_CHECKING:
    from processors.cosmos import Account


def account_of(variables: Mapping[str, str], doing: str) -> "Account":
    """Where a project's documents are.

    Args:
        variables: `Loaded.cosmos`.
        doing: What it is needed for.

    Raises:
        UsageError: No endpoint is set.
    """
    from processors.cosmos import Account

    if not variables["COSMOS_ENDPOINT"]:
        raise UsageError(
            doing,
            "COSMOS_ENDPOINT",
            why="it is not set, so it is not known where documents are",
            hint="put COSMOS_ENDPOINT and COSMOS_KEY into .env: see .env.template",
        )
    endpoint, key, database, container = (
        variables[f"COSMOS_{name}"] for name in ("ENDPOINT", "KEY", "DATABASE", "CONTAINER")
    )
    return Account(endpoint, key, database, container)
