"""What requests were charged, from answers alone: by container, by what was done, and by size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from processors.schema import BUCKETED, DESCRIPTION, KIND

K = TypeVar("K")

INSERT = "insert"
REPLACE = "replace"
DELETE = "delete"
FAILED = "failed"
QUERY = "query"

_DONE = {201: INSERT, 200: REPLACE, 204: DELETE}
"""Status of an operation of a batch -> what it did (https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes);
an emulator may say 201 of all."""

SHAPES = ("", BUCKETED, DESCRIPTION)

_STEP = math.log(1.03)


class Kind(NamedTuple):
    """Documents of which one charge is much like another.

    Attributes:
        container: By the name that it has in the account.
        operation: `INSERT`, `REPLACE` and `DELETE` of what was done, `FAILED` of attempts that came to nothing
            (throttled, refused, unanswered), `QUERY`.
        step: Class of size, see `step_of`; 0 of what has no size of its own.
        shape: See `shape_of`. Documents of another shape have other properties in the index, and are charged
            otherwise at the same size.
    """

    container: str
    operation: str
    step: int
    shape: str = ""


@dataclass(frozen=True)
class Charge:
    """What documents of one kind came to.

    Attributes:
        documents: How many; of `FAILED` as many as were tried, none of `QUERY`.
        bytes: Their size (`model.Documents.sizes`).
        request_units: 0 where the service states none.
    """

    documents: int = 0
    bytes: int = 0
    request_units: float = 0.0

    def __add__(self, other: Charge) -> Charge:
        return Charge(
            self.documents + other.documents,
            self.bytes + other.bytes,
            self.request_units + other.request_units,
        )


_NOTHING = Charge()


@dataclass(frozen=True)
class Spent:
    """What requests were charged.

    Attributes:
        by_kind: Kind -> what its documents came to.
        requests: How many were sent.
    """

    by_kind: Mapping[Kind, Charge] = field(default_factory=dict)
    requests: int = 0

    def __add__(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(_added(self.by_kind.items(), other.by_kind.items()), self.requests + other.requests)

    @property
    def request_units(self) -> float | None:
        """Of all; None where the service states none."""
        return sum(charge.request_units for charge in self.by_kind.values()) or None

    def totals(self) -> dict[tuple[str, str], Charge]:
        """Container and operation -> what came to it, the most expensive first."""
        found = _added((((kind.container, kind.operation), charge) for kind, charge in self.by_kind.items()), ())
        return dict(sorted(found.items(), key=lambda pair: (-pair[1].request_units, -pair[1].documents, pair[0])))


class Meter:
    """Adds up what is spent, also by what raises in the end.

    Attributes:
        spent: So far.
    """

    def __init__(self) -> None:
        self.spent = Spent()

    def add(self, spent: Spent) -> None:
        """One request more, or many."""
        self.spent += spent


def shape_of(item: Mapping[str, Any]) -> str:
    """Of a document: `bucket` or `description`, "" of all others."""
    return kind if (kind := item.get(KIND)) in SHAPES else ""


def step_of(size: int) -> int:
    """Class of a size in bytes: steps of 3 %, over which a charge cannot change by more."""
    return int(math.log(size) / _STEP) if size > 0 else 0


def of_batch(
    container: str,
    documents: Sequence[tuple[int, str]],
    results: Sequence[tuple[int, float]],
    request_units: float,
) -> Spent:
    """What the operations of a batch came to that was done as a whole.

    Args:
        container: Its name.
        documents: Size and shape of each.
        results: Status and share of the charge of each one's operation; a share is 0 where none is stated.
        request_units: Of the batch: what the account is charged. Shares are brought to it; where none is stated they
            are equal.
    """
    shares = [share for _, share in results]
    whole = sum(shares)
    charged = request_units or whole
    if not whole:
        shares, whole = [1.0] * len(shares), float(len(shares))
    by_kind: dict[Kind, Charge] = {}
    for (size, shape), (status, _), share in zip(documents, results, shares, strict=True):
        kind = Kind(container, _DONE.get(status, REPLACE), step_of(size), shape)
        by_kind[kind] = by_kind.get(kind, _NOTHING) + Charge(1, size, share * charged / whole)
    return Spent(by_kind, 1)


def of_failure(container: str, sizes: Sequence[int], request_units: float) -> Spent:
    """What an attempt was charged that came to nothing."""
    return Spent({Kind(container, FAILED, 0): Charge(len(sizes), sum(sizes), request_units)}, 1)


def of_query(container: str, request_units: float) -> Spent:
    """What one answer to a query was charged."""
    return Spent({Kind(container, QUERY, 0): Charge(0, 0, request_units)}, 1)


def _added(one: Iterable[tuple[K, Charge]], other: Iterable[tuple[K, Charge]]) -> dict[K, Charge]:
    found: dict[K, Charge] = {}
    for key, charge in itertools.chain(one, other):
        found[key] = found[key] + charge if key in found else charge
    return found
