"""How long to wait from one pass to the next: pure functions."""

from __future__ import annotations

FIRST_S = 1.0
"""Least to wait after a failure; it doubles with each one more."""

LONGEST_S = 300.0
"""Longest wait on account of failures: what has come back is noticed within five minutes."""

_MOST_DOUBLINGS = 32


def failures(before: int, *, stopped: bool, rows: int) -> int:
    """Passes in a row that failed, after one more; one that took something in begins the count anew.

    Args:
        before: How many there were before it.
        stopped: Whether it was ended by an error.
        rows: What it took in.
    """
    if not stopped:
        return 0
    return 1 if rows else before + 1


def wait_s(every_s: float, elapsed_s: float, failed: int, *, jitter: float) -> float:
    """Seconds from the end of a pass to the start of the next.

    Passes begin `every_s` apart. After failures the next one also waits between half and all of a time that
    doubles from `every_s`, or `FIRST_S`, up to `LONGEST_S`; so where `every_s` is longer than that, passes that fail
    at once stay `every_s` apart.

    Args:
        every_s: Seconds from the start of a pass to the start of the next.
        elapsed_s: Seconds that the pass took.
        failed: As `failures` counts them, this pass included.
        jitter: A number from 0 to 1 that keeps nodes from returning together.
    """
    rest_s = max(0.0, every_s - elapsed_s)
    if not failed:
        return rest_s
    ceiling_s = min(LONGEST_S, max(FIRST_S, every_s) * 2.0 ** min(failed - 1, _MOST_DOUBLINGS))
    return max(rest_s, ceiling_s * (1 + jitter) / 2)
