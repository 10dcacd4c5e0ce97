"""`bacalhau-cosmos version`: what is installed."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

from submitter import version as own_version
from submitter.commands._options import AsOutput
from submitter.output import chosen, show_document, show_pairs

EXAMPLE = "Example: bacalhau-cosmos version --output json"

_PACKAGES = ("polars", "azure-cosmos")


def version(
    *,
    output: AsOutput = None,
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
