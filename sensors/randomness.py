"""Random numbers that depend on names, never on the order of the calls."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def generator(*key: object) -> np.random.Generator:
    """A generator of its own for each key, the same in every process.

    The streams are those of the installed numpy: it keeps them between its patch releases, and says so when
    a release changes them (NEP 19).
    """
    import numpy as np  # noqa: PLC0415 - 0.1 s that the manager, which knows its cities, does without

    text = "\x1f".join(str(part) for part in key)
    digest = blake2b(text.encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
