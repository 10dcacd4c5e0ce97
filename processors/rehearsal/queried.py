"""By which properties this program finds documents, orders or sums them: what an index is for."""

from __future__ import annotations

from collections.abc import Mapping

from processors.containers import AGGREGATES, ANOMALIES, RUNS

_OF_A_SENSOR = frozenset({"city", "sensorId", "month"})


def queried(readings: str) -> Mapping[str, frozenset[str]]:
    """Container -> properties that conditions, orders and sums of this program's queries name, but `id`.

    Args:
        readings: Name of the container of readings.
    """
    return {
        readings: _OF_A_SENSOR | {"observedAt", "lastObservedAt", "count", "generation", "rowId", "kind"},
        AGGREGATES: _OF_A_SENSOR | {"windowStart"},
        ANOMALIES: _OF_A_SENSOR | {"observedAt", "kind"},
        RUNS: frozenset({"city", "startedAt"}),
    }
