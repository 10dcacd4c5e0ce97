"""Whether this machine's clock agrees with the others that a project meets."""

from __future__ import annotations

from datetime import datetime

from sensors.manager.diagnostics.check import Check, failed, ok, warning
from sensors.manager.diagnostics.words import span

WARNING_S = 5.0

REFUSED_S = 900.0
"""Cosmos refuses a request whose signature is older or newer:
https://learn.microsoft.com/rest/api/cosmos-db/common-cosmosdb-rest-request-headers."""

_SET = "set this machine's clock by time servers (`sudo timedatectl set-ntp true`; with Docker Desktop restart it)"


def clock(name: str, theirs: datetime, ours: datetime, *, coarse_s: float = 0.0) -> Check:
    """Whether two clocks agree.

    Args:
        name: Of the other clock.
        theirs: What it showed.
        ours: What this machine's showed then.
        coarse_s: Seconds that the other one leaves out: they are no difference.
    """
    ahead_s = (ours - theirs).total_seconds()
    off_s = max(0.0, -ahead_s, ahead_s - coarse_s)
    if off_s <= WARNING_S:
        return ok(name, f"agrees within {max(1.0, off_s):.0f} s")
    found = f"this machine's clock is {span(off_s)} {'ahead of' if ahead_s > 0 else 'behind'} it"
    if off_s > REFUSED_S:
        return failed(name, f"{found}: Azure refuses tokens and signatures", _SET)
    return warning(name, found, _SET)
