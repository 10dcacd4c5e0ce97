"""The file `.env` as people wrote it, for telling what is in it."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream


@dataclass(frozen=True)
class EnvFile:
    """What a file `.env` has.

    Attributes:
        values: By name, as written: `${NAME}` is not replaced. Empty text is a value.
        unread: Numbers of lines that are no `NAME=value`.
        open_to_others: Whether users other than its owner can read it; False where the system has no such bits.
        why: Why it cannot be read; empty when it can. A file that is not there has nothing in it.
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    unread: tuple[int, ...] = ()
    open_to_others: bool = False
    why: str = ""


def read(path: Path) -> EnvFile:
    """The file's variables; no library may log the lines that it cannot read, as one may be a key."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        mode = path.stat().st_mode
    except FileNotFoundError:
        return EnvFile()
    except OSError as error:
        return EnvFile(why=error.strerror or str(error))
    except UnicodeDecodeError as error:
        return EnvFile(why=f"it is no UTF-8 text, from byte {error.start} on")
    bindings = list(parse_stream(io.StringIO(text)))
    return EnvFile(
        {each.key: each.value or "" for each in bindings if each.key},
        tuple(each.original.line for each in bindings if each.error),
        os.name == "posix" and bool(mode & (stat.S_IRWXG | stat.S_IRWXO)),
    )
