"""Writes the generated pages from the code and the job specs; `--check` says which of them are stale."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import typer.main

from processors.settings import PREFIX, Settings
from sensors.config import FILE_NAME, Config
from sensors.manager.settings import variables
from sensors.manager.settings.initial import SCHEMA
from submitter import spec
from submitter.cli import app
from submitter.template import filled

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


def jobs() -> str:
    lines = [
        "# Job specs",
        "",
        NOTE,
        "",
        "Plain Bacalhau templates: `bacalhau job run -V city=denver jobs/ingest.yaml` sends the same job as",
        "`bacalhau-cosmos submit --city denver`, which names, watches and reports it. A value is given",
        "with `--set NAME=VALUE` (or `-V`), or as `SUBMIT_<NAME>` in the environment of `submit`. A variable that is",
        "taken from the node must be set there, if only to nothing: see [operations](../docs/operations.md).",
        "",
    ]
    for path in sorted((ROOT / "jobs").glob("*.yaml")):
        lines += described(path)
    return "\n".join(lines)


def described(path: Path) -> list[str]:
    """A section on one spec; its first line says what it is for."""
    text = path.read_text(encoding="utf-8")
    values = spec.placeholders(text)
    example = filled(spec.find(path.stem, path.parent), {"city": "CITY"})
    (task,) = example["Tasks"]
    mounts = [
        f"`{source['Source']['Params']['SourcePath']}` at `{source['Target']}`"
        + ("" if source["Source"]["Params"].get("ReadWrite") else ", read-only")
        for source in task["InputSources"]
    ]
    environment = task.get("Env", {})
    taken = [f"`{name}`" for name, value in environment.items() if value == f"env:{name}"]
    told = [f"`{name}`" for name, value in environment.items() if value != f"env:{name}"]
    named = [
        f"`{name}`" + ("" if default is None else f" ({default or 'made for each job'})")
        for name, default in values.items()
    ]
    rows = {
        "type": f"`{example['Type']}`",
        "values": ", ".join(named),
        "mounts": ", ".join(mounts),
        "variables of the node": ", ".join(taken),
        "variables of the job": ", ".join(told) or "none",
    }
    title = text.splitlines()[0].removeprefix("# ")
    return [
        f"## `{path.stem}`",
        "",
        title,
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {cell} |" for name, cell in rows.items()),
        "",
    ]


def schema() -> str:
    """Of sensors.yaml, for editors."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
    return json.dumps({**whole, "title": FILE_NAME}, indent=2) + "\n"


def main() -> int:
    pages = {
        ROOT / "docs" / "settings.md": settings(),
        ROOT / "docs" / "commands.md": commands(),
        ROOT / "jobs" / "README.md": jobs(),
        ROOT / "sensors" / SCHEMA: schema(),
        ROOT / ".env.template": variables.template(),
    }
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
