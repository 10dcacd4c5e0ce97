"""Random numbers that depend on names, never on the order of the calls."""

from hashlib import blake2b

import numpy as np


def generator(*key: object) -> np.random.Generator:
    """A generator of its own for each key, the same in every process.

    The streams are those of the installed numpy: it keeps them between its patch releases, and says so when
    a release changes them (NEP 19).
    """
    text = "\x1f".join(str(part) for part in key)
    digest = blake2b(text.encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
