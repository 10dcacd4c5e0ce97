"""The readings of a document, whatever its form; one that is not as we write it is an error that names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processors.document.bucket import unpack
from processors.errors import SinkError


def readings_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each as it would be in a document of its own, in the order of their row ids.

    Raises:
        SinkError: It says that it is a bucket and has not the parts of one.
    """
    try:
        return unpack(document)
    except (KeyError, TypeError, AttributeError, OverflowError, ValueError) as error:
        raise SinkError(
            "read the bucket",
            document.get("id"),
            why=f"it has not the parts of one: {error}",
            hint="look at it with `query --sql`, and delete it in the account's Data Explorer",
        ) from error
