"""What Azure Cosmos DB refuses whatever it holds: the one place in tests and bench where its limits are stated.

They are those of https://learn.microsoft.com/azure/cosmos-db/concepts-limits, stated apart from the product's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json

MAX_OPERATIONS = 100
"""Operations in a transactional batch."""

MAX_REQUEST_BYTES = 2 * 1024 * 1024
"""Body of a transactional batch."""

MAX_ITEM_BYTES = 2 * 1024 * 1024
"""An item as UTF-8 JSON."""

MAX_ID_BYTES = 1_023
FORBIDDEN_IN_IDS = frozenset("/\\?#")
MAX_KEY_BYTES = 2_048
"""A value of a partition key."""

LONGEST_TTL_S = 2_147_483_647
NEVER = -1
"""`ttl` of an item that does not expire, and `defaultTtl` of a container whose items expire by a `ttl` of their own."""

BAD_REQUEST = 400
TOO_LARGE = 413
WENT_DOWN_WITH_IT = 424
"""Status of an operation whose batch failed because of another one."""

_UNDEFINED: dict[str, Any] = {}
"""How a header says that an item has no value where a partition key is looked for."""


class Refused(Exception):
    """A request is not taken: as a whole, or because of one operation of its batch.

    Attributes:
        status: HTTP status.
        operation: Index of the operation, None when it is the request as a whole.
        substatus: What the service tells in `x-ms-substatus`.
    """

    def __init__(
        self, why: str, *, status: int = BAD_REQUEST, operation: int | None = None, substatus: int | None = None
    ) -> None:
        super().__init__(why)
        self.status = status
        self.operation = operation
        self.substatus = substatus


class Key:
    """The partition key of a container.

    Args:
        paths: As the container has them, such as `/city`; one for each level.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        self._levels = [tuple(path.strip("/").split("/")) for path in paths]
        self._names = [level[0] for level in self._levels]
        self._flat = all(len(level) == 1 for level in self._levels)

    def of(self, item: dict[str, Any]) -> list[Any]:
        """The item's values, one a level."""
        if self._flat:
            return [item.get(name, _UNDEFINED) for name in self._names]
        return [_walk(item, level) for level in self._levels]

    def parse(self, header: str | None) -> list[Any]:
        """The values that a request names.

        Raises:
            Refused: There is no header, or it is not one full key.
        """
        if header is None:
            raise Refused("PartitionKey value must be supplied for this operation.")
        values = parse(header.encode())
        if not isinstance(values, list) or len(values) != len(self.paths):
            raise Refused(f"Partition key {header} does not have the levels {', '.join(self.paths)}.")
        for value in values:
            if isinstance(value, list) or (isinstance(value, dict) and value):
                raise Refused(f"Partition key {header} has a value that is not a scalar.")
            if isinstance(value, str) and len(value) * 4 > MAX_KEY_BYTES and len(value.encode()) > MAX_KEY_BYTES:
                raise Refused(f"A partition key has a value of more than {MAX_KEY_BYTES} bytes.")
        return values


def parse(body: bytes) -> Any:
    """The JSON of a request.

    Raises:
        Refused: It is none; NaN and infinities are none.
    """
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refused(f"The request is not JSON: {error}.") from error


def check_operations(operations: Any) -> None:
    """Do nothing for a batch whose operations may be looked at.

    Raises:
        Refused: It is no list of 1 to `MAX_OPERATIONS` operations.
    """
    if not isinstance(operations, list) or not 0 < len(operations) <= MAX_OPERATIONS:
        raise Refused(f"A batch is a list of 1 to {MAX_OPERATIONS} operations.")


def check_request_size(body: bytes) -> None:
    """Do nothing for a body within `MAX_REQUEST_BYTES`.

    Raises:
        Refused: It is larger.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise Refused(f"Request size {len(body)} is too large.", status=TOO_LARGE)


def check_item_size(size: int) -> None:
    """Do nothing for an item within `MAX_ITEM_BYTES`.

    Raises:
        Refused: It is larger.
    """
    if size > MAX_ITEM_BYTES:
        raise Refused(f"Item size {size} is too large.", status=TOO_LARGE)


def item_id(item: Any, key: Key, values: list[Any], operation: int | None = None) -> str:
    """The id of an item that may be written under this partition key.

    Args:
        item: What the request wants to be written.
        key: The container's.
        values: Those of the request.
        operation: Index in a batch, for the error.

    Raises:
        Refused: It is no item, its id may not be one, or its partition key is another.
    """
    if not isinstance(item, dict):
        raise Refused("Not an item.", operation=operation)
    name = checked_id(item.get("id"), operation)
    if key.of(item) != values:
        raise Refused("The item's partition key is not the header's.", operation=operation, substatus=1001)
    return name


def checked_id(name: Any, operation: int | None = None) -> str:
    """The id, when an item may have it.

    Raises:
        Refused: It may not.
    """
    if not isinstance(name, str) or not name:
        raise Refused("An item has an id, text that is not empty.", operation=operation)
    # Text has at most four bytes a character, so most ids need not be encoded.
    if len(name) * 4 > MAX_ID_BYTES and len(name.encode()) > MAX_ID_BYTES:
        raise Refused(f"The id has more than {MAX_ID_BYTES} bytes.", operation=operation)
    if not FORBIDDEN_IN_IDS.isdisjoint(name):
        raise Refused(f"The id {name!r} has a character that ids may not have.", operation=operation)
    return name


def check_ttl(item: dict[str, Any], operation: int | None = None) -> None:
    """Do nothing for an item whose `ttl` is absent, `NEVER` or a number of seconds.

    Raises:
        Refused: It is something else.
    """
    ttl = item.get("ttl", NEVER)
    if isinstance(ttl, int) and not isinstance(ttl, bool) and (ttl == NEVER or 0 < ttl <= LONGEST_TTL_S):
        return
    raise Refused(
        f"The ttl {ttl!r} is neither {NEVER} nor a whole number from 1 to {LONGEST_TTL_S}.", operation=operation
    )


def _walk(item: Any, level: Sequence[str]) -> Any:
    for name in level:
        if not isinstance(item, dict) or name not in item:
            return _UNDEFINED
        item = item[name]
    return item
