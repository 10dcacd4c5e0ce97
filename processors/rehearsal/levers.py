"""Settings that make a bill smaller, each with what it costs in what one has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from processors.form import Form

BUCKET_ROWS = 60

CONTEXT_ROWS = 10

RESOLUTION = {"temperatureC": 0.01, "humidityPct": 0.1, "pressurePa": 10.0, "vibrationMmS": 0.01, "voltageV": 0.01}
BOUNDS = {"temperatureC": 0.5, "humidityPct": 2.0, "pressurePa": 50.0, "vibrationMmS": 0.1, "voltageV": 0.05}
"""For the lever alone: what a measure may be off by is for its user to say."""


@dataclass(frozen=True)
class Lever:
    """Another form.

    Attributes:
        name: The settings that make it.
        price: What one has no longer, or otherwise.
        form: That it makes.
    """

    name: str
    price: str
    form: Form


def levers(form: Form) -> Sequence[Lever]:
    """What can be changed in a form; what loses nothing comes first.

    Args:
        form: Of the settings.
    """
    if form.stage == "aggregated":
        return ()
    bucketed = form if form.bucket_rows > 1 else replace(form, bucket_rows=BUCKET_ROWS)
    once = replace(form, descriptions="once")
    candidates = [
        Lever(
            f"bucket_rows={BUCKET_ROWS}",
            "nothing: a reading is seen when its bucket is full, or after `hold`",
            bucketed,
        ),
        Lever("descriptions=once", "nothing: what a sensor is stands in a document of its own", once),
        Lever(
            f"bucket_rows={BUCKET_ROWS}, descriptions=once",
            "nothing: as for each",
            replace(bucketed, descriptions="once"),
        ),
        Lever(
            "resolution of usual sensors",
            "digits beyond 0.01 °C, 0.1 %, 10 Pa, 0.01 mm/s and 0.01 V, in Cosmos",
            replace(form, resolution={**RESOLUTION, **form.resolution}),
        ),
        Lever(
            "send=changes",
            "readings within 0.5 °C, 2 %, 50 Pa, 0.1 mm/s and 0.05 V of the one before, in Cosmos",
            replace(form, send="changes", dead_band=BOUNDS, swinging_door={}, context_rows=0),
        ),
        Lever(
            "send=changes, by swinging doors",
            "readings within as much of the line between those that leave, in Cosmos",
            replace(form, send="changes", dead_band={}, swinging_door=BOUNDS, context_rows=0),
        ),
        Lever(
            "send=anomalies",
            f"readings that are not within {CONTEXT_ROWS} of an anomaly, in Cosmos",
            replace(form, send="anomalies", dead_band={}, swinging_door={}, context_rows=CONTEXT_ROWS),
        ),
        Lever("stage=aggregated", "all readings, in Cosmos; each minute and each anomaly is there", Form("aggregated")),
    ]
    found: list[Lever] = []
    for lever in candidates:
        known = lever.form == form or any(lever.form == each.form for each in found)
        if not known and _makes_sense(lever.form, form):
            found.append(lever)
    return found


def _makes_sense(form: Form, before: Form) -> bool:
    """Whether the settings would be taken, and ask for less than before."""
    if form.stage == "raw" and (form.descriptions == "once" or form.resolution != before.resolution):
        return False
    return before.send in (form.send, "all") or form.stage == "aggregated"
