import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from network import processes

SLEEP = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
LOOKING = """
import os, signal, sys, time
def asked(*_):
    state = open("/proc/{node}/stat").read().split()[2] if os.path.exists("/proc/{node}") else "Z"
    print("node is gone" if state == "Z" else "node is there", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, asked)
print("ready", flush=True)
time.sleep(600)
"""
WAIT_S = 20.0


@pytest.fixture
def start(tmp_path):
    """Starts Python code as a program of a network; all are ended at last."""
    pids = []

    def start(code, folder, node=""):
        environment = {**os.environ, processes.MARKER: str(folder), **({processes.NODE: node} if node else {})}
        log = tmp_path / f"{len(pids)}.log"
        pid = processes.spawn((sys.executable, "-c", code), environment, log)
        pids.append((pid, processes.start_time(pid)))
        return pid, log

    yield start
    for pid, started in pids:
        if processes.alive(pid, started):
            os.kill(pid, signal.SIGKILL)
        assert processes.until(lambda pid=pid, started=started: not processes.alive(pid, started), WAIT_S)


def test_a_program_is_found_by_its_folder_alone(start, tmp_path):
    ours, theirs = tmp_path / "a", tmp_path / "a b"
    pid, _ = start(SLEEP, ours)
    node, _ = start(SLEEP, ours, "denver-1")
    other, _ = start(SLEEP, theirs)
    assert sorted(processes.of_folder(ours)) == sorted([pid, node])
    assert processes.of_folder(ours, only_nodes=True) == [node]
    assert processes.of_folder(theirs) == [other]


def test_it_has_a_session_of_its_own_and_its_words_are_kept(start, tmp_path):
    pid, log = start("import sys; print('out'); print('err', file=sys.stderr); " + SLEEP, tmp_path)
    assert os.getsid(pid) == pid
    assert processes.until(lambda: "err" in log.read_text(), WAIT_S)


def test_what_it_starts_itself_is_ended_too(start, tmp_path):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
    start(code, tmp_path)
    assert processes.until(lambda: len(processes.of_folder(tmp_path)) == 2, WAIT_S)
    assert len(processes.end(tmp_path, term_s=WAIT_S, kill_s=WAIT_S)) == 2
    assert processes.of_folder(tmp_path) == []


def test_one_that_does_not_listen_is_killed(start, tmp_path):
    pid, log = start(STUBBORN, tmp_path)
    assert processes.until(lambda: "deaf" in log.read_text(), WAIT_S)
    assert processes.end(tmp_path, term_s=0.2, kill_s=WAIT_S) == [pid]
    assert processes.start_time(pid) == ""


def test_nodes_are_ended_before_the_others(start, tmp_path):
    """A node that finds no orchestrator any more waits ten seconds for it.

    It is large: while the kernel takes its memory back it shows no environment any more, and still has its ports.
    """
    node, said_by_node = start(f"held = b'x' * {2**29}; {STUBBORN}", tmp_path, "denver-1")
    other, said_by_other = start(LOOKING.format(node=node), tmp_path)
    assert processes.until(lambda: "deaf" in said_by_node.read_text() and "ready" in said_by_other.read_text(), WAIT_S)
    assert processes.end(tmp_path, term_s=2.0, kill_s=WAIT_S) == sorted([node, other])
    assert processes.until(lambda: said_by_other.read_text().splitlines() == ["ready", "node is gone"], WAIT_S)


def test_a_zombie_has_ended(tmp_path):
    """As where nobody asks for its end, in a container without an init."""
    child = subprocess.Popen([sys.executable, "-c", ""], env={**os.environ, processes.MARKER: str(tmp_path)})
    stat = Path(f"/proc/{child.pid}/stat")
    assert processes.until(lambda: ") Z " in stat.read_text(), WAIT_S)
    assert processes.of_folder(tmp_path) == []
    assert processes.start_time(child.pid) == ""
    child.wait()


def test_another_process_of_the_same_id_is_not_the_same(start, tmp_path):
    pid, _ = start(SLEEP, tmp_path)
    assert processes.alive(pid, processes.start_time(pid))
    assert not processes.alive(pid, "1")
    assert not processes.alive(2**22 + 1, "")
