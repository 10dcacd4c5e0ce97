"""Whether to send a request again, and when: one pure function.

This is the only owner of retries. The SDK's own are turned off in `cosmos.connect`, so that whoever limits
concurrency sees each throttled request.
"""

from __future__ import annotations

TRANSIENT = frozenset({408, 410, 429, 449, 500, 502, 503, 504})
"""Statuses that may pass by themselves.

408, 410, 429, 449 and 503 are those that Microsoft's table of status codes marks to be retried
(https://learn.microsoft.com/azure/cosmos-db/nosql/conceptual-resilient-sdk-applications). 500, 502 and 504
are what gateways and proxies on the way answer; sending an upsert again is harmless."""

THROTTLED = 429

SHORTEST_S = 0.01
"""Floor of a wait, so that an advice of 0 ms does not become a busy loop."""

FIRST_S = 0.1
"""First wait without advice; it doubles with each attempt."""

LONGEST_S = 5.0
"""Longest wait without advice."""

_MOST_DOUBLINGS = 16


def decide(
    status: int | None,
    attempt: int,
    elapsed_s: float,
    advice_s: float | None,
    *,
    budget_s: float,
    jitter: float,
) -> float | None:
    """Seconds to wait before the next attempt, or None to stop.

    A throttled request waits as long as the server advises (`x-ms-retry-after-ms`). Any other transient failure,
    and throttling without advice, waits between half and all of a time that doubles up to `LONGEST_S`.

    Args:
        status: HTTP status of the failure; None when there was no answer (connection error, time-out).
        attempt: Attempts made so far, at least 1.
        elapsed_s: Seconds since the first attempt began.
        advice_s: What the server asks for, None when it asks for nothing.
        budget_s: Seconds after the first attempt in which the last one must begin.
        jitter: A number from 0 to 1 that keeps clients from returning together.
    """
    if status is not None and status not in TRANSIENT:
        return None
    if status == THROTTLED and advice_s is not None:
        wait_s = max(advice_s, SHORTEST_S)
    else:
        ceiling_s = min(LONGEST_S, FIRST_S * 2 ** min(attempt - 1, _MOST_DOUBLINGS))
        wait_s = ceiling_s * (1 + jitter) / 2
    return wait_s if elapsed_s + wait_s <= budget_s else None
