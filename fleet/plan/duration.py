"""How long a backlog takes at a given throughput.

The sink finds the throughput by itself and keeps to it: over the first 20 seconds it spends 0.96 to 1.03 of what it is
allowed, and 0.98 to 1.01 over two minutes, at 400 to 50,000 RU/s (tests/throttling/simulation.py, one process, three
seeds each). So a backlog takes its request units divided by the throughput, and beside that what it takes to read and
refine the rows, which is not done at the same time. What an answer takes is not in it: see `Hazard` "page size".
"""

from __future__ import annotations

from fleet.plan.limits import PHYSICAL_RU_S


def seconds(request_units: float | None, ru_s: float | None, reading_s: float) -> float | None:
    """Seconds until a backlog is taken in; None where a charge or the throughput is not known.

    Args:
        request_units: Of the backlog.
        ru_s: That may be spent in a second; a city cannot spend more than one physical partition takes.
        reading_s: Seconds that reading and refining its rows takes on this machine.
    """
    if request_units is None or ru_s is None:
        return None
    return reading_s + request_units / min(ru_s, PHYSICAL_RU_S)
