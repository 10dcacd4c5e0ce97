"""`bacalhau-cosmos version`: what is installed."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from submitter import version as own_version
from submitter.output import Output, chosen, show_document, show_pairs

EXAMPLE = "Example: bacalhau-cosmos version --output json"

_PACKAGES = ("polars", "azure-cosmos")


def version(
    *,
    output: Annotated[
        Output | None, typer.Option(help="How to print.", show_default="table on a terminal, else json")
    ] = None,
) -> None:
    """Show the versions of this program and of what it stands on."""
    versions = {
        "bacalhau-cosmos": own_version(),
        "python": platform.python_version(),
        **{name: _installed(name) for name in _PACKAGES},
    }
    if chosen(output) == "json":
        show_document(versions)
    else:
        show_pairs((name, found or "not installed") for name, found in versions.items())


def _installed(name: str) -> str | None:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return None
