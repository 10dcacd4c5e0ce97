"""Writes `docs/settings.md` and `docs/commands.md` from the code; `--check` says which of them are stale."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import typer.main

from processors.settings import PREFIX, Settings
from submitter.cli import app

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Written by `make docs` from the code. -->"


def settings() -> str:
    lines = [
        "# Settings",
        "",
        NOTE,
        "",
        "Flag, environment, file (`bacalhau-cosmos.toml`, or `--config`), default, in that order. Lists and tables are",
        "JSON in the environment and with `--set`. A name that is not known is an error in each.",
        "",
        "| name in the file | in the environment | default | what it is |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        lines.append(f"| `{name}` | `{PREFIX}{name.upper()}` | {shown(default)} | {field.description} |")
    return "\n".join(lines) + "\n"


def shown(default: Any) -> str:
    text = str(default)
    return "" if default is None or text in {"", "()", "{}"} else f"`{text}`"


def commands() -> str:
    lines = ["# Commands", "", NOTE, ""]
    describe(typer.main.get_command(app), "bacalhau-cosmos", lines)
    return "\n".join(lines)


def describe(command: Any, path: str, lines: list[str]) -> None:
    """Appends a command, its options and its subcommands, depth first; Typer has its command types to itself."""
    lines += [f"## `{path}`", "", " ".join((command.help or "").split("\n\n")[0].split()), ""]
    if command.epilog:
        lines += [command.epilog, ""]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    rows = [f"| `{', '.join(option.opts)}` | {' '.join((option.help or '').split())} |" for option in options]
    if rows:
        lines += ["| option | |", "|---|---|", *rows, ""]
    for name, child in sorted(getattr(command, "commands", {}).items()):
        describe(child, f"{path} {name}", lines)


def main() -> int:
    pages = {ROOT / "docs" / "settings.md": settings(), ROOT / "docs" / "commands.md": commands()}
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(pages[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    os.environ["COLUMNS"] = "100"
    sys.exit(main())
