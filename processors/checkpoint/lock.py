"""One run at a time holds a city."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from processors.errors import BusyError, CheckpointError
from processors.files import make_folder, open_private

FILE = "lock"


def hold(folder: Path, city: str) -> int:
    """A descriptor that holds the city's lock until it is closed."""
    try:
        make_folder(folder)
        lock = open_private(folder / FILE, os.O_RDWR)
    except OSError as exc:
        raise CheckpointError(
            "open the state folder", folder, hint="make it writable, or choose another with --state"
        ) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = os.read(lock, 200).decode(errors="replace").strip() or "another process"
        os.close(lock)
        raise BusyError(
            "start a run", city, why=f"{holder} is running it", hint="wait for it to end, or stop it first"
        ) from exc
    except OSError as exc:
        os.close(lock)
        raise CheckpointError(
            "lock the state folder", folder, hint="choose a folder on a local disk with --state"
        ) from exc
    try:
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()} on {socket.gethostname()}".encode())
    except OSError as exc:
        os.close(lock)
        raise CheckpointError("write to the state folder", folder, hint="free some space on its disk") from exc
    return lock
