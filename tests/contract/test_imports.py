"""Who may import whom, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("processors", "submitter", "sensors", "network", "fleet")

STAGES = {
    "source", "conform", "transform", "detect", "document", "sink", "archive", "checkpoint", "lineage",
    "neighbours", "leave",
}  # fmt: skip
WIRING = {
    "pipeline", "city", "rounds", "compare", "standing", "verify", "survey", "erase", "progress", "recorded", "query",
    "archived", "rehearsal", "spending",
}  # fmt: skip
SHARED = {
    "model", "schema", "errors", "form", "anchors", "files", "timestamps", "containers", "cosmos", "manifest",
    "names", "words", "charges",
}  # fmt: skip
"""What every stage may import: values, names and helpers, and what says where Cosmos is."""

DEFAULTS = {"processors.detect.limit.DEFAULT_LIMITS", "processors.detect.thresholds.DEFAULT_THRESHOLDS"}
"""Values, not stages: `settings` checks what it is given against them."""

OWN = {"sink": {"retry", "stopping"}}
"""Parts of a stage that are files of their own, by the start of their names."""


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names of what a file imports, wherever in it; `from a import b` gives `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def piece(dotted: str) -> str:
    """`sink` of `processors.sink.open_sink`."""
    return dotted.split(".")[1] if "." in dotted else ""


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_do_not_import_each_other(package: str) -> None:
    others = set(PACKAGES) - {package}
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in modules(package)
        if not path.is_relative_to(ROOT / "submitter" / "commands")
        for name in imported(path)
        if name.split(".")[0] in others
    }
    assert not found


def test_no_package_imports_a_tool() -> None:
    """Here `tools/` is on the path; where the packages are installed it is not."""
    tools = {path.stem for path in (ROOT / "tools").glob("*.py")}
    tools |= {path.parent.name for path in (ROOT / "tools").glob("*/__init__.py")}
    assert "bicep" in tools
    found = {
        (str(path.relative_to(ROOT)), name)
        for package in PACKAGES
        for path in modules(package)
        for name in imported(path)
        if name.split(".")[0] in tools
    }
    assert not found


def test_only_the_command_line_imports_the_commands() -> None:
    commands = ROOT / "submitter" / "commands"
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in modules(package)
        if not path.is_relative_to(commands) and any(name.startswith("submitter.commands") for name in imported(path))
    }
    assert found <= {"submitter/cli.py", "submitter/entry.py"}


def test_commands_import_other_packages_inside_functions() -> None:
    """So that help is fast, and a laptop that only submits needs none of them."""
    found = set()
    for path in (ROOT / "submitter" / "commands").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {(path.name, name) for name in names if name.split(".")[0] in set(PACKAGES) - {"submitter"}}
    assert not found


def test_stages_do_not_import_each_other() -> None:
    found = set()
    for path in modules("processors"):
        name = path.relative_to(ROOT / "processors").parts[0].removesuffix(".py")
        if name not in STAGES:
            continue
        for target in {piece(dotted) for dotted in imported(path) if dotted.split(".")[0] == "processors"}:
            own = target == name or any(target.startswith(start) for start in OWN.get(name, ()))
            if not own and target not in SHARED:
                found.add((name, target))
    assert not found


def test_only_the_pipeline_and_the_city_import_stages() -> None:
    found = set()
    for path in modules("processors"):
        name = path.relative_to(ROOT / "processors").parts[0].removesuffix(".py")
        if name in STAGES | WIRING:
            continue
        found |= {(name, dotted) for dotted in imported(path) - DEFAULTS if piece(dotted) in STAGES - {name}}
    assert not found
