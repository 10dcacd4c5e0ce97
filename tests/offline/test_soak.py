"""The short form of `python -m tests.offline.soak`."""

from __future__ import annotations

from pathlib import Path

from processors.cosmos import Account
from tests.offline.soak import judged, soak

CYCLES = 300
SAMPLES = 200


def test_many_passes_in_one_process_leave_its_memory_and_files_as_they_were(tmp_path: Path, account: Account) -> None:
    soaked = soak(CYCLES, tmp_path, account)
    assert soaked.flat, soaked
    assert (soaked.cycles, soaked.rows) == (CYCLES, CYCLES / 4)


def test_what_grows_is_noticed() -> None:
    flat = [(130_000 + number % 7, 9) for number in range(SAMPLES)]
    assert judged(10_000, 1.0, 0, flat).flat
    leaking = [(130_000 + 80 * number, 9) for number in range(SAMPLES)]
    assert not judged(10_000, 1.0, 0, leaking).flat
    unclosed = [(130_000, 9 + number // 50) for number in range(SAMPLES)]
    assert not judged(10_000, 1.0, 0, unclosed).flat
    warming_up = [(130_000 - max(0, 40 - number) * 1_000, 9 - (number < 10)) for number in range(SAMPLES)]
    assert judged(10_000, 1.0, 0, warming_up).flat
