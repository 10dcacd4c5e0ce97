"""Operations on items: what they ask for, what becomes of them one after the other, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from tests.harness.strict import rules
from tests.harness.strict.charges import Charges
from tests.harness.strict.index import Index
from tests.harness.strict.rules import Key, Refused

Item = dict[str, Any]

NOT_FOUND = 404
CONFLICT = 409
PRECONDITION_FAILED = 412

_SYSTEM = frozenset({"_rid", "_self", "_etag", "_ts", "_attachments"})
_WRITES_ITEM = frozenset({"create", "upsert", "replace"})


@dataclass(frozen=True)
class Operation:
    """One thing to do to one item.

    Attributes:
        kind: create, upsert, replace, patch, delete or read.
        id: The item's.
        item: What is to be written, None for patch, delete and read.
        if_match: ETag that it must have now, None for any.
    """

    kind: str
    id: str
    item: Item | None = None
    if_match: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of an operation.

    Attributes:
        status: HTTP status.
        charge: Request units.
    """

    status: int
    charge: float

    @property
    def failed(self) -> bool:
        """Whether it takes its batch along."""
        return self.status >= 400


def read_operations(content: Sequence[Any], key: Key, values: list[Any]) -> list[Operation]:
    """The operations of a batch.

    Raises:
        Refused: One of them breaks a rule, whatever the container holds.
    """
    return [_read_operation(each, number, key, values) for number, each in enumerate(content)]


def _read_operation(given: Any, number: int, key: Key, values: list[Any]) -> Operation:
    kind = str(given.get("operationType")).lower() if isinstance(given, dict) else ""
    if kind in _WRITES_ITEM:
        item = given.get("resourceBody")
        name = rules.item_id(item, key, values, number)
        rules.check_ttl(item, number)
        if kind == "replace" and given.get("id") != name:
            raise Refused("The id of the item is not that of the operation.", operation=number)
        return Operation(kind, name, item, given.get("ifMatch"))
    if kind in ("delete", "read"):
        return Operation(kind, rules.checked_id(given.get("id"), number), None, given.get("ifMatch"))
    raise Refused(f"A batch has no operation {kind!r}.", operation=number)


def run(
    operations: Iterable[Operation],
    held: Callable[[str], Item | None],
    index: Index,
    charges: Charges,
) -> list[Outcome]:
    """What becomes of operations that are done one after the other; the last one is the first that fails.

    Args:
        operations: What to do.
        held: The item of an id, None where there is none.
        index: Of their container.
        charges: What they cost.
    """
    changed: dict[str, Item | None] = {}
    outcomes: list[Outcome] = []
    for operation in operations:
        before = changed[operation.id] if operation.id in changed else held(operation.id)
        outcome = _outcome(operation, before, index, charges)
        outcomes.append(outcome)
        if outcome.failed:
            break
        if operation.kind == "delete":
            changed[operation.id] = None
        elif operation.item is not None:
            changed[operation.id] = operation.item
    return outcomes


def _outcome(operation: Operation, before: Item | None, index: Index, charges: Charges) -> Outcome:
    if failed := _failure(operation, before):
        return Outcome(failed, charges.failed())
    if operation.kind == "read":
        return Outcome(200, charges.read(size(before)))
    if operation.kind == "delete":
        return Outcome(204, charges.delete(size(before), index.entries(before)))
    written = operation.item or before
    if before is None:
        return Outcome(201, charges.insert(size(written), index.entries(written)))
    return Outcome(200, charges.replace(size(written), index.entries(written)))


def _failure(operation: Operation, before: Item | None) -> int | None:
    if before is None:
        # An upsert whose ETag cannot match creates (https://github.com/Azure/azure-cosmos-dotnet-v3/issues/1698).
        return None if operation.kind in ("create", "upsert") else NOT_FOUND
    if operation.kind == "create":
        return CONFLICT
    return None if operation.if_match in (None, "*", before.get("_etag")) else PRECONDITION_FAILED


def size(item: Item | None) -> int:
    """Bytes of the item as it was written."""
    if item is None:
        return 0
    return len(to_json({name: item[name] for name in item if name not in _SYSTEM} if "_etag" in item else item))
