import fcntl
import os
import subprocess
import sys

import pytest

from network import lock, processes
from network.errors import NetworkError


@pytest.fixture
def held(layout):
    """Somebody has the lock: the file, open."""
    layout.folder.mkdir()
    with layout.lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def test_the_second_is_told_of_the_first(held, layout):
    held.write(f"{os.getppid()} {processes.start_time(os.getppid())}")
    held.flush()
    with pytest.raises(NetworkError, match=r"cannot take the network down: .* is at work there"):
        lock.alone(layout, "take the network down").__enter__()


def test_what_a_killed_one_had_just_forked_is_waited_for(held, layout, monkeypatch):
    """It has the lock too, until it begins."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        held.write(f"{ended.pid} {processes.start_time(ended.pid)}")
    held.flush()
    looked = lock._holder_lives

    def begins(descriptor):
        assert looked(descriptor) is False
        fcntl.flock(held, fcntl.LOCK_UN)
        return False

    monkeypatch.setattr(lock, "_holder_lives", begins)
    with lock.alone(layout, "start the network"):
        assert layout.lock.read_text() == f"{os.getpid()} {processes.start_time(os.getpid())}"


def test_it_ends_with_the_work(layout):
    layout.folder.mkdir()
    for _ in range(2):
        with lock.alone(layout, "start the network"):
            pass
