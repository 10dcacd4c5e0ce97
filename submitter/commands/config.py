"""`bacalhau-cosmos config`: the settings, and where each comes from."""
# ruff: noqa: PLC0415 - pydantic is imported when it is used, so that help stays fast

from typing import TYPE_CHECKING, Any

import typer

from submitter.commands._options import AsOutput, Assigned, Config, Endpoint
from submitter.commands._settings import load_settings
from submitter.output import chosen, show_document, show_rows

if TYPE_CHECKING:
    from processors.settings import Loaded

app = typer.Typer(no_args_is_help=True, help="Look at the settings.")

_MASK = "******"
_EXAMPLE = "Example: bacalhau-cosmos config show --config denver.toml --set page_rows=5000"


@app.callback()
def config() -> None:
    """Look at the settings."""


@app.command(epilog=_EXAMPLE)
def show(
    *,
    endpoint: Endpoint = None,
    assigned: Assigned = None,
    config: Config = None,
    output: AsOutput = None,
) -> None:
    """Show every setting, its value and where it came from: flag, environment, file or default.

    Secrets are masked.
    """
    listed = _listed(load_settings({"endpoint": endpoint}, assigned, config))
    if chosen(output) == "json":
        show_document({row["name"]: {"value": row["value"], "origin": row["origin"]} for row in listed})
    else:
        show_rows(listed, "table")


def _listed(loaded: "Loaded") -> list[dict[str, Any]]:
    from pydantic import SecretStr

    settings = loaded.settings
    secrets = {name for name in type(settings).model_fields if isinstance(getattr(settings, name), SecretStr)}
    values = settings.model_dump(mode="json")
    return [
        {"name": name, "value": _MASK if value and name in secrets else value, "origin": loaded.origins[name]}
        for name, value in values.items()
    ]
