"""One `network up` or `network down` at a time in a state folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from network import processes
from network.errors import NetworkError
from network.layout import Layout

RELEASE_S = 10.0
"""Seconds within which a program that was just forked begins, and lets go of a lock whose holder was killed."""


@contextmanager
def alone(layout: Layout, doing: str) -> Iterator[None]:
    """Holds the folder's lock, which ends with this process however that ends.

    A child between its fork and its first instruction holds it too, so whoever has the lock overlooks no program.

    Raises:
        NetworkError: Another process holds it.
    """
    descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o640)
    try:
        processes.until(lambda: _take(descriptor) or _holder_lives(descriptor), RELEASE_S)
        if not _take(descriptor):
            raise NetworkError(
                doing,
                layout.folder,
                why="another `network up` or `network down` is at work there",
                hint="wait until it is done, or end it",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {processes.start_time(os.getpid())}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder_lives(descriptor: int) -> bool:
    pid, _, started = os.pread(descriptor, 100, 0).decode().partition(" ")
    return pid.isdigit() and processes.alive(int(pid), started)
