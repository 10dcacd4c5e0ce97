"""Pages of the sensor manager: each error is explained, and no command or option is named that there is not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from sensors import errors
from submitter.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "sensors").glob("*.md"))
SOURCES = [
    *sorted((ROOT / "sensors").rglob("*.py")),
    *sorted((ROOT / "submitter" / "commands" / "sensors").glob("*.py")),
]
RAISED = [name for name in vars(errors) if name.endswith("Error")] + ["UsageError"]

_HOLE = "\0"
"""Stands for what an f-string fills in."""


def doings() -> Iterator[tuple[str, str]]:
    """Where an error is made, and what "cannot" is followed by; holes where that is filled in."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name != "__init__"]
    places = {each.name: place for each in functions if (place := _place(each)) is not None} | dict.fromkeys(RAISED, 0)
    for path, tree in trees.items():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and (given := _given(call, places)) is not None:
                where = f"{path.relative_to(ROOT).as_posix()}:{call.lineno}"
                yield from ((where, text) for text in _texts(given))


def _place(function: ast.FunctionDef) -> int | None:
    """Of a parameter `doing`, which is passed on to an error; -1 for one that is given by its name."""
    names = [each.arg for each in function.args.args if each.arg not in ("self", "cls")]
    if "doing" in names:
        return names.index("doing")
    return -1 if "doing" in [each.arg for each in function.args.kwonlyargs] else None


def _given(call: ast.Call, places: dict[str, int]) -> ast.expr | None:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name not in places:
        return None
    named = [keyword.value for keyword in call.keywords if keyword.arg == "doing"]
    place = places[name]
    return named[0] if named else call.args[place] if 0 <= place < len(call.args) else None


def _texts(given: ast.expr) -> list[str]:
    """A name is a parameter that is passed on, and is found where that is given."""
    if isinstance(given, ast.Constant):
        return [given.value] if isinstance(given.value, str) else []
    if isinstance(given, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else _HOLE for part in given.values)]
    if isinstance(given, ast.IfExp):
        return _texts(given.body) + _texts(given.orelse)
    assert isinstance(given, ast.Name), f"this test cannot read what is being done here: {ast.unparse(given)}"
    return []


def explained() -> set[str]:
    """What follows "cannot" in the tables."""
    page = (ROOT / "docs" / "sensors" / "troubleshooting.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1].replace("\\", "") for line in page.splitlines() if line.startswith("| cannot ")]
    parts = [part.split(":")[0] for cell in cells for part in re.split(r"(?:^|;) *cannot ", cell)]
    return {each.strip() for part in parts for each in part.split(",") if each.strip()}


def test_every_error_is_explained_and_no_other() -> None:
    found = {text: where for where, text in doings()}
    assert len(found) > 40
    told = explained()
    patterns = {text: re.compile(".+".join(map(re.escape, text.split(_HOLE)))) for text in found}
    missing = [
        f"{found[text]}: cannot {text.replace(_HOLE, '...')}"
        for text, pattern in patterns.items()
        if not any(map(pattern.fullmatch, told))
    ]
    assert not missing
    assert not [each for each in told if not any(pattern.fullmatch(each) for pattern in patterns.values())]


def commands() -> list[tuple[str, str]]:
    """Page and command line: those of blocks, and those within lines that name the command whole."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [*re.findall(r"^.*\bbacalhau-cosmos .*$", text, re.MULTILINE), *re.findall(r"`([^`\n]+)`", text)]
        for line in lines:
            calls = re.findall(r"(?:bacalhau-cosmos|sensor-manager\.sh|^sensors) [^`|;&)]+", line)
            whole = (re.sub(r"^sensors|sensor-manager\.sh", "bacalhau-cosmos sensors", call) for call in calls)
            found += [(page.name, call) for call in whole]
    return sorted(set(found))


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_and_options_are_there(page: str, line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = line.split()[1:]
    while hasattr(command, "commands") and words and re.fullmatch(r"[a-z]+", words[0]):
        name = words.pop(0)
        assert name in command.commands, f"{page}: {line}"
        command = command.commands[name]
    there = {option for each in command.params for option in each.opts}
    assert [word for word in words if word.startswith("--") and word not in there] == [], f"{page}: {line}"


def test_limits_are_those_of_the_compose_file() -> None:
    template = (ROOT / "sensors" / "manager" / "docker-compose.yml.j2").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "sensors" / "operation.md").read_text(encoding="utf-8")
    columns = (re.findall(rf"^  {key}: (\S+)$", template, re.MULTILINE) for key in ("mem_limit", "cpus", "pids_limit"))
    told = re.findall(r"^\| each (?:sensor|uploader) \| (\S+) \| (\S+) \| (\S+) \|$", page, re.MULTILINE)
    assert len(told) == 2
    assert told == list(zip(*columns, strict=True))
