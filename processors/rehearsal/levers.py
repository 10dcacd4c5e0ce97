"""Settings that make a bill smaller, each with what it costs in what one has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from processors.form import Form

BUCKET_ROWS = 60

CONTEXT_ROWS = 10

SELDOM_S = 900.0
"""From one pass to the next, for the lever `every`."""

RESOLUTION = {"temperatureC": 0.01, "humidityPct": 0.1, "pressurePa": 10.0, "vibrationMmS": 0.01, "voltageV": 0.01}
BOUNDS = {"temperatureC": 0.5, "humidityPct": 2.0, "pressurePa": 50.0, "vibrationMmS": 0.1, "voltageV": 0.05}
"""For the lever alone: what a measure may be off by is for its user to say."""

_UNITS = {"temperatureC": "°C", "humidityPct": "%", "pressurePa": "Pa", "vibrationMmS": "mm/s", "voltageV": "V"}


@dataclass(frozen=True)
class Lever:
    """Another form, or the same at other times.

    Attributes:
        name: The settings that make it.
        price: What one has no longer, or otherwise.
        form: That it makes.
    """

    name: str
    price: str
    form: Form


def told(steps: Mapping[str, float]) -> str:
    """`0.5 °C, 2 % and 50 Pa`: as many of each measure's unit."""
    *others, last = (f"{step:g} {_UNITS[measure]}" for measure, step in steps.items())
    return f"{', '.join(others)} and {last}" if others else last


def _bucketed(form: Form) -> Form:
    return form if form.bucket_rows > 1 else replace(form, bucket_rows=BUCKET_ROWS)


def _described(form: Form) -> Form:
    return replace(form, descriptions="once")


def _rounded(form: Form) -> Form:
    return replace(form, resolution={**RESOLUTION, **form.resolution})


def _banded(form: Form) -> Form:
    return replace(form, send="changes", dead_band=BOUNDS, swinging_door={}, context_rows=0)


def _swinging(form: Form) -> Form:
    return replace(form, send="changes", dead_band={}, swinging_door=BOUNDS, context_rows=0)


def _anomalous(form: Form) -> Form:
    return replace(form, send="anomalies", dead_band={}, swinging_door={}, context_rows=CONTEXT_ROWS)


LEVERS: Sequence[tuple[str, str, Callable[[Form], Form]]] = (
    (
        f"bucket_rows={BUCKET_ROWS}",
        "nothing: a reading is seen when its bucket is full, or after `hold`",
        _bucketed,
    ),
    ("descriptions=once", "nothing: what a sensor is stands in a document of its own", _described),
    (
        f"bucket_rows={BUCKET_ROWS}, descriptions=once",
        "nothing: as for each",
        lambda form: _described(_bucketed(form)),
    ),
    ("resolution of usual sensors", f"digits beyond {told(RESOLUTION)}, in Cosmos", _rounded),
    ("send=changes", f"readings within {told(BOUNDS)} of the one before, in Cosmos", _banded),
    (
        "send=changes, by swinging doors",
        "readings within as much of the line between those that leave, in Cosmos",
        _swinging,
    ),
    ("send=anomalies", f"readings that are not within {CONTEXT_ROWS} of an anomaly, in Cosmos", _anomalous),
    (
        "stage=aggregated",
        "all readings, in Cosmos; each minute and each anomaly is there",
        lambda _: Form("aggregated"),
    ),
)
"""Name, price, and the form that it makes of another; what loses nothing comes first."""


def levers(form: Form) -> Sequence[Lever]:
    """What can be changed in a form.

    Args:
        form: Of the settings.
    """
    if form.stage == "aggregated":
        return ()
    found: list[Lever] = []
    for name, price, change in LEVERS:
        pulled = change(form)
        is_known = pulled == form or any(pulled == each.form for each in found)
        if not is_known and _makes_sense(pulled, form):
            found.append(Lever(name, price, pulled))
    return found


def later(form: Form, every_s: float | None) -> Lever | None:
    """Passes that are less often: fewer reports, and what waits is shown less often; None where they are so already.

    Args:
        form: Of the settings, which stays.
        every_s: Seconds from one pass to the next; None: there is one.
    """
    if every_s is None or every_s >= SELDOM_S:
        return None
    minutes = f"{SELDOM_S / 60:g}"
    return Lever(f"every={minutes}m", f"nothing: documents come up to {minutes} minutes later", form)


def _makes_sense(form: Form, before: Form) -> bool:
    """Whether the settings would be taken, and ask for less than before."""
    if form.stage == "raw" and (form.descriptions == "once" or form.resolution != before.resolution):
        return False
    return before.send in (form.send, "all") or form.stage == "aggregated"
