"""Some documents of those that are counted: of each container, over the range of their sizes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from processors.charges.spent import shape_of
from processors.model import Documents

STEP = math.log(1.1)
"""Width of a class of sizes. Two documents of neighbouring classes are at most a factor of 1.21 apart, so that charges
between them are known (`charges.learned.GAP`)."""


At = tuple[str, str, int]
"""Container, shape and class of size."""


@dataclass(frozen=True)
class Kept:
    """A document.

    Attributes:
        key: Its partition key.
        item: As it would be sent.
        size: Bytes of it.
    """

    key: tuple[str, ...]
    item: Mapping[str, Any]
    size: int


@dataclass
class Samples:
    """The smallest and the largest document of each class of sizes, by container, shape (`charges.Kind`) and class."""

    smallest: dict[At, Kept] = field(default_factory=dict)
    largest: dict[At, Kept] = field(default_factory=dict)

    def see(self, container: str, group: Documents) -> None:
        """Keeps what is not known yet."""
        shapes = [shape_of(item) for item in group.items]
        for index, size in _distinct(list(zip(shapes, group.sizes, strict=True))):
            at = (container, shapes[index], class_of(size))
            if at not in self.smallest or size < self.smallest[at].size:
                self.smallest[at] = _copy(group, index)
            if at not in self.largest or size > self.largest[at].size:
                self.largest[at] = _copy(group, index)


def class_of(size: int) -> int:
    """Class of a size in bytes."""
    return int(math.log(max(1, size)) / STEP)


def size_of(item: Mapping[str, Any]) -> int:
    """Bytes of a document as it is sent."""
    return len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode())


def _distinct(documents: list[tuple[str, int]]) -> Iterator[tuple[int, int]]:
    """Place and size of one document of each shape and size."""
    last = {document: index for index, document in enumerate(documents)}
    return ((index, size) for (_, size), index in last.items())


def _copy(group: Documents, index: int) -> Kept:
    return Kept(group.key, json.loads(json.dumps(group.items[index])), group.sizes[index])
