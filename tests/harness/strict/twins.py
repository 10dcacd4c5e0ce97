"""Items of one id under several partition keys: Azure holds them all, the emulator has room for one.

The first one keeps its id in the emulator. The others are held there under ids with a mark that tells their key,
which is taken off again from all that is answered. Whoever reads the emulator itself sees the mark.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

_MARK = "\x01"
_MARKED = re.compile(rb"\\u0001[0-9a-f]{16}")
"""As JSON has it."""

_BY_ID = re.compile(r"(\b\w+\.id)\s*(?:=\s*(@\w+)|IN\s*\(([^)]*)\))", re.IGNORECASE)


@dataclass
class Twins:
    """Which items of a container are held under marked ids.

    Attributes:
        marked: Id -> ids in the emulator, beside itself.
    """

    marked: dict[str, set[str]] = field(default_factory=dict)

    def name(self, name: str, values: list[Any]) -> str | None:
        """The id in the emulator of an item under this key, where it is known to be a marked one."""
        if name not in self.marked:
            return None
        marked = mark(name, values)
        return marked if marked in self.marked[name] else None

    def add(self, name: str, marked: str) -> None:
        """Note that an item is held so."""
        self.marked.setdefault(name, set()).add(marked)

    def restored(self, body: bytes) -> bytes:
        """JSON of the emulator with the ids that items have."""
        return _MARKED.sub(b"", body) if self.marked else body

    def query(self, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """A query that finds items by `id = @parameter` and `id IN (@parameter, ...)` whatever they are held under."""
        parameters: list[dict[str, Any]] = list(content.get("parameters") or ())
        others: dict[str, list[str]] = {}
        for given in [each for each in parameters if str(each["value"]) in self.marked]:
            names = others.setdefault(given["name"], [])
            for number, marked in enumerate(sorted(self.marked[given["value"]])):
                names.append(f"{given['name']}_twin{number}")
                parameters.append({"name": names[-1], "value": marked})
        if not others:
            return content

        def widened(found: re.Match[str]) -> str:
            names = re.findall(r"@\w+", found[2] or found[3])
            every = [other for name in names for other in (name, *others.get(name, ()))]
            return f"{found[1]} IN ({', '.join(every)})"

        text = re.sub(
            r"(\b\w+\.id)\s*(?:=\s*(@\w+)|IN\s*\(([^)]*)\))", widened, str(content["query"]), flags=re.IGNORECASE
        )
        return {**content, "query": text, "parameters": parameters}


def mark(name: str, values: list[Any]) -> str:
    """The id in the emulator of an item under this key, when another item has its own."""
    return name + _MARK + hashlib.sha256(to_json(values)).hexdigest()[:16]
