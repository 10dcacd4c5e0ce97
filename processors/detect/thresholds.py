"""From which score on there is a finding, for each kind whose threshold can be set.

The numbers were chosen on one half of the Numenta Anomaly Benchmark and on simulated days: docs/anomalies.md.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_THRESHOLDS: Mapping[str, float] = {
    "stuck": 120.0,
    "gap": 10.0,
    "spike": 9.0,
    "noise": 1.8,
    "drift": 6.0,
    "surprise": 8.5,
    "joint": 21.0,
    "sensor": 8.0,
    "environment": 3.0,
}

UNITS: Mapping[str, str] = {
    "stuck": "rows with exactly the same value",
    "gap": "usual intervals between readings",
    "spike": "standard deviations from the median of late",
    "noise": "usual changes from reading to reading",
    "drift": "usual distances from the level before",
    "surprise": "bits of surprise, less those that several measures have by chance",
    "joint": "bits of surprise at the measures together",
    "sensor": "times the usual spread, from how the sensor usually deviates from its city's others",
    "environment": "times the usual largest departure of a day, from the city's median of the hour before",
}
"""What a score is, for each kind of `DEFAULT_THRESHOLDS`."""
