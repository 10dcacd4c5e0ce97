"""What is wrong with a file, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        path: Of the file.
        line: From 1.
        text: What is wrong.
    """

    path: Path
    line: int
    text: str

    def shown(self, root: Path) -> str:
        """`file:line: text`, the file as seen from the root."""
        path = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        return f"{path}:{self.line}: {self.text}"


class BicepError(Exception):
    """A file that cannot be parsed or evaluated; `line` is from 1."""

    def __init__(self, line: int, why: str) -> None:
        self.line = line
        self.why = why
        super().__init__(f"line {line}: {why}")
