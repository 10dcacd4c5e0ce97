"""Thresholds into the settings file, all else in it as it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import tomlkit

from processors.errors import SettingsError
from processors.files import sync_folder, write_whole

_NAME = "thresholds"


def with_thresholds(text: str, thresholds: Mapping[str, float]) -> str:
    """The TOML with these thresholds in its table of them, which is made at the end where there is none.

    Args:
        text: Of a settings file that holds.
        thresholds: Kind -> threshold; kinds that are not named stay as they are.
    """
    document = tomlkit.parse(text)
    if _NAME not in document:
        document[_NAME] = tomlkit.table()
    table = document[_NAME]
    for kind, threshold in thresholds.items():
        table[kind] = threshold
    return document.as_string()


def write_thresholds(path: Path, thresholds: Mapping[str, float]) -> None:
    """The settings file with these thresholds: the old one or the new one is there, never half of one.

    Its mode and its owner stay. A new one is as the other files that are made (`files.FILE_MODE`).

    Raises:
        SettingsError: The file may not be written, or its owner not be kept.
    """
    whole = path.resolve()
    try:
        if not whole.exists():
            write_whole(whole, with_thresholds("", thresholds).encode())
            return
        held = whole.stat()
        if not held.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(whole, os.W_OK):
            raise PermissionError("the file is read-only")
        _replace(whole, held, with_thresholds(whole.read_bytes().decode(), thresholds).encode())
    except OSError as error:
        raise SettingsError(
            "write the thresholds",
            path,
            hint="make it and its folder writable to you, or write them yourself: tune shows them without --apply",
        ) from error


def _replace(path: Path, held: os.stat_result, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("wb") as file:
            os.fchown(file.fileno(), held.st_uid, held.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(held.st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
