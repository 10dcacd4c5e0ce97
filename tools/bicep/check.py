"""All checks of a folder of Bicep files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from bicep import outside, references, rules, syntax
from bicep.errors import BicepError, Finding
from bicep.parse import parse


def check(folder: Path, ask: Callable[[Path], dict[str, Any]]) -> list[Finding]:
    """All that is wrong, by file and line; ours first where one line has several.

    Args:
        folder: With `main.bicep`, its parameter files and its modules.
        ask: What programs that are not ours say of a folder.

    Raises:
        outside.OutsideError: They cannot be asked.
    """
    main = folder / "main.bicep"
    files = sorted(path for path in folder.rglob("*.bicep*") if path.suffix in (".bicep", ".bicepparam"))
    found = [finding for path in files for finding in _kept(path, references.findings(path))]
    if not found:
        found += _kept(main, rules.findings(main))
        found += _unused(main, files)
        found += [finding for path in files for finding in references.unused(path)]
    found += outside.findings(ask(folder), main)
    return sorted(set(found))


def _kept(path: Path, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings; a file that cannot be understood is one."""
    try:
        yield from findings
    except BicepError as error:
        yield Finding(path, error.line, error.why)


def _unused(main: Path, files: Iterable[Path]) -> Iterator[Finding]:
    modules = [each for each in parse(main).statements if isinstance(each, syntax.Module)]
    used = {main, *((main.parent / each.path).resolve() for each in modules)}
    for path in files:
        if path.suffix == ".bicep" and path.resolve() not in used and path != main:
            yield Finding(path, 1, "nothing deploys this module")
