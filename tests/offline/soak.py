"""Passes by the thousand in one process: its memory and its open files stay what they were.

    python -m tests.offline.soak --cycles 10000

The real `python -m processors ingest`, as often as it can, against the emulator, while a writer adds rows. Prints one
line of JSON; exit code 1 when something grew.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
import uuid
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from processors.containers import making
from processors.cosmos import Account
from tests.harness import databases, emulator, oracle, processor
from tests.harness.databases import START, readings
from tests.harness.node import Node

SAMPLES = 200
ROWS_EACH = 4
"""Cycles from one new row to the next."""

SLACK_KB = 6_144
"""What the last quarter may have more than the second. The heap takes a step of 2 MB now and then with no more of it in
use (`mallinfo2`, over 8,500 passes); a leak of 2 KB a pass is more than this in a whole run."""

SLACK_FILES = 2
"""Samples are not taken at the same moment of a pass."""

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True)
class Soaked:
    """What came of it. Memory is resident, in KB; the first quarter is warming up.

    Attributes:
        cycles: Passes.
        ms_a_cycle: Wall-clock time over all of them.
        rows: That were written while it ran; each was found in Cosmos and in the archive.
        rss_start_kb: After the first pass.
        rss_second_kb: Median of the second quarter.
        rss_last_kb: Median of the last quarter.
        rss_end_kb: After the last pass.
        fds_second: Open files, median of the second quarter.
        fds_last: Median of the last quarter.
        flat: Whether neither grew.
    """

    cycles: int
    ms_a_cycle: float
    rows: int
    rss_start_kb: int
    rss_second_kb: float
    rss_last_kb: float
    rss_end_kb: int
    fds_second: float
    fds_last: float
    flat: bool


def soak(cycles: int, folder: Path, account: Account) -> Soaked:
    """Runs the process for so many passes.

    Raises:
        AssertionError: A pass failed, or what was written is not what is there.
    """
    node = Node(folder)
    path = databases.create(node.database(), readings(50))
    samples: list[tuple[int, int]] = []
    written = 0
    began = time.monotonic()
    with processor.started(node, account, every="1ms", page_rows=1_000) as process:
        assert process.stdout is not None
        for cycle in range(cycles):
            report = json.loads(process.stdout.readline())
            assert report["outcome"] == "complete", report
            if cycle % max(1, cycles // SAMPLES) == 0 or cycle == cycles - 1:
                samples.append(_sample(process.pid))
            if cycle % ROWS_EACH == 0:
                at = START + timedelta(hours=1, seconds=7 * written)
                databases.append(path, readings(1, seed=written, start=at))
                written += 1
        seconds = time.monotonic() - began
        process.send_signal(signal.SIGTERM)
        ended = processor.ended(process)
        assert ended.code == 0, ended.errors
    assert processor.run(node, account).code == 0
    facts = oracle.once(oracle.table(path))
    stored = oracle.documents(account, "readings")
    assert oracle.once(oracle.stated(stored.values())) == oracle.once(oracle.archived(node.archive)) == facts
    return judged(cycles, seconds, written, samples)


def _sample(pid: int) -> tuple[int, int]:
    """Resident KB, and open files."""
    resident = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return resident * _PAGE_KB, sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def judged(cycles: int, seconds: float, rows: int, samples: list[tuple[int, int]]) -> Soaked:
    """What samples of resident KB and open files, evenly spread, say."""
    memory, files = ([sample[index] for sample in samples] for index in (0, 1))
    quarter = len(samples) // 4
    second, last = slice(quarter, 2 * quarter), slice(-quarter, None)
    memory_second, memory_last = statistics.median(memory[second]), statistics.median(memory[last])
    files_second, files_last = statistics.median(files[second]), statistics.median(files[last])
    return Soaked(
        cycles=cycles,
        ms_a_cycle=round(seconds / cycles * 1_000, 1),
        rows=rows,
        rss_start_kb=memory[0],
        rss_second_kb=memory_second,
        rss_last_kb=memory_last,
        rss_end_kb=memory[-1],
        fds_second=files_second,
        fds_last=files_last,
        flat=memory_last <= memory_second + SLACK_KB and files_last <= files_second + SLACK_FILES,
    )


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=10_000)
    cycles = parser.parse_args().cycles
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, emulator.serving() as endpoint:
        account = Account(endpoint, "", f"soak-{uuid.uuid4().hex[:12]}")
        making.create(account)
        soaked = soak(cycles, Path(folder, "node"), account)
    sys.stdout.write(json.dumps(asdict(soaked)) + "\n")
    return 0 if soaked.flat else 1


if __name__ == "__main__":
    sys.exit(main())
