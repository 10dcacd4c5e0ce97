"""How long a backlog takes at a given throughput.

The sink finds the throughput by itself and keeps to it: over two minutes it spends 0.98 to 1.01 of what it is allowed,
at 400 to 50,000 RU/s (tests/throttling/simulation.py, one process, three seeds each). Readings, anomalies and windows
of a batch are written one after the other. So a container rests while others are written to, and what it saves up then
is spent at once: about a second's worth (`processors/sink/pace.py`), of which `SAVED_S` is used in the mean, by runs
of 16 drawn cities in that simulation. Without that a plan would be up to 35 % too long; with it, it was within 8 % of
every run of a minute or two, and within 18 % of those of half a minute.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleet.plan.limits import PHYSICAL_RU_S

SAVED_S = 0.65
"""Of what a container allows in a second: what has been saved up when it is written to again."""

Step = tuple[str, float]
"""Container, and request units of what is written to it before the next step begins."""


def seconds(steps: Sequence[Step], ru_s: float, reading_s: float) -> float:
    """Seconds until a backlog is taken in.

    Args:
        steps: What is written, in order.
        ru_s: Request units that each container takes in a second; a city cannot spend more than one physical partition
            takes.
        reading_s: Seconds that reading and refining its rows takes on this machine; nothing is written meanwhile.
    """
    rate = min(ru_s, PHYSICAL_RU_S)
    most = rate * SAVED_S
    now_s = 0.0
    saved: dict[str, tuple[float, float]] = {}
    for container, request_units in steps:
        before, at_s = saved.get(container, (most, 0.0))
        level = min(most, before + (now_s - at_s) * rate)
        now_s += max(0.0, request_units - level) / rate
        saved[container] = (max(0.0, level - request_units), now_s)
    return reading_s + now_s
