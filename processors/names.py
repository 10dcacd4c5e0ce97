"""What a city, a place in the archive and the settings' file are called.

Imports little: a health check asks twice a minute.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import quote

SETTINGS_FILE = "bacalhau-cosmos.toml"

_MAX_NAME_BYTES = 200
"""Below the 255 bytes of a file name, with room for the key before the value."""


def slug_of(name: str) -> str:
    """`New York`, `new-york` and `NEW_YORK` are `new-york`, and `São Paulo` is `sao-paulo`: the label of its nodes."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return re.sub(r"[ _.-]+", "-", plain.casefold()).strip("-")


def partition_value(name: str) -> str:
    """A name as the value of a hive partition: percent-encoded, which DuckDB and Polars decode again.

    A name too long for a folder is cut and made unique by a hash; `sensorId` in the files is always whole.
    """
    encoded = quote(name, safe="")
    if len(encoded) <= _MAX_NAME_BYTES:
        return encoded
    return f"{quote(name[:12], safe='')}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
