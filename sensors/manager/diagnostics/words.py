"""Sizes and times as people read them."""

from __future__ import annotations


def size(count: int) -> str:
    """Bytes with their unit, by thousands: `12.3 MB`."""
    number = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{count} bytes" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def span(seconds: float) -> str:
    """A length of time in its largest whole unit: `45 s`, `12 min`, `3 h`, `9 days`."""
    for limit_s, unit_s, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def counted(count: int, noun: str) -> str:
    """`1 sensor`, `2 sensors`; `y` becomes `ies`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
