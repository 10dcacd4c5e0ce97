"""The row contract: which columns a reading has, their units, and what is plausible.

Source names are those of the table that sensors write; document names carry units. `plausible` bounds are
wide: outside them a value is not a measurement of anything, and the row is rejected. What a sensor can
measure is narrower and belongs to the `limit` detector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

VERSION = 1
"""Schema version of documents and reports; the checkpoint and manifests have their own."""

ROW_ID = "rowId"
OBSERVED_AT = "observedAt"
SENSOR_ID = "sensorId"
SOURCE_TIMESTAMP = "sourceTimestamp"
TIME_AMBIGUOUS = "timeAmbiguous"
EXTRAS = "extras"
MONTH = "month"
IS_DUPLICATE = "isDuplicate"
IS_ANOMALY = "isAnomaly"
WINDOW_START = "windowStart"

ODD = "!odd"
"""Suffix of a companion column: the text of values that do not fit their column, null elsewhere."""

BUCKET = "!bucket"
"""Column of readings that leave: the least row id of those that share its document, null for one of its own."""

ALARM = "!alarm"
"""Column of readings that may leave: whether an alarm names it."""

KIND = "kind"
"""What a document is; that of one reading says nothing."""

BUCKETED = "bucket"
"""`KIND` of a document of many readings."""

DESCRIPTION = "description"
"""`KIND` of a document that says what a sensor is."""

PROVISIONAL = "provisional"
"""Of a document that what follows may replace, or make superfluous."""

EXTRA = "extra."
"""Prefix of a column of the table that the contract does not know."""

MAX_EXACT_INTEGER = 2**53
"""JSON numbers in Cosmos are IEEE 754 doubles, exact up to this magnitude."""

TIMESTAMP_TYPE = pl.Datetime("us", "UTC")

Kind = Literal["text", "real", "integer"]

_DTYPES: dict[Kind, pl.DataType] = {"text": pl.String(), "real": pl.Float64(), "integer": pl.Int64()}


@dataclass(frozen=True)
class Field:
    """One column of the contract.

    Attributes:
        source: Name in the table that sensors write.
        name: Name in documents and archive, with the unit.
        kind: What the values are.
        plausible: Inclusive bounds in the unit of the name, or None for no bounds.
    """

    source: str
    name: str
    kind: Kind
    plausible: tuple[float, float] | None = None

    @property
    def dtype(self) -> pl.DataType:
        """Polars type of the column."""
        return _DTYPES[self.kind]


MEASURES = (
    Field("temperature", "temperatureC", "real", (-273.15, 5_000.0)),
    Field("humidity", "humidityPct", "real", (-1_000.0, 1_000.0)),
    Field("pressure", "pressurePa", "real", (-1e6, 1e7)),
    Field("vibration", "vibrationMmS", "real", (-1e5, 1e5)),
    Field("voltage", "voltageV", "real", (-1e5, 1e5)),
)

MEASURE_NAMES = tuple(field.name for field in MEASURES)

DESCRIPTIONS = (
    Field("status_code", "statusCode", "integer"),
    Field("anomaly_flag", "anomalyFlag", "integer"),
    Field("anomaly_type", "anomalyType", "text"),
    Field("firmware_version", "firmwareVersion", "text"),
    Field("model", "model", "text"),
    Field("manufacturer", "manufacturer", "text"),
    Field("location", "location", "text"),
    Field("latitude", "latitude", "real", (-90.0, 90.0)),
    Field("longitude", "longitude", "real", (-180.0, 180.0)),
    Field("original_timezone", "originalTimezone", "text"),
    Field("serial_number", "serialNumber", "text"),
    Field("manufacture_date", "manufactureDate", "text"),
    Field("deployment_type", "deploymentType", "text"),
    Field("installation_date", "installationDate", "text"),
    Field("height_meters", "heightM", "real"),
    Field("orientation_degrees", "orientationDeg", "real"),
    Field("instance_id", "instanceId", "text"),
    Field("sensor_type", "sensorType", "text"),
)

FIELDS = MEASURES + DESCRIPTIONS
"""Optional columns, in document order."""

ID = Field("id", ROW_ID, "integer")
TIMESTAMP = Field("timestamp", SOURCE_TIMESTAMP, "text")
SENSOR = Field("sensor_id", SENSOR_ID, "text")

REQUIRED = (ID, TIMESTAMP, SENSOR)
"""Columns without which a table is not a table of readings."""

COLUMNS = REQUIRED + FIELDS

READING: dict[str, pl.DataType] = {
    ROW_ID: pl.Int64(),
    OBSERVED_AT: TIMESTAMP_TYPE,
    SENSOR_ID: pl.String(),
    SOURCE_TIMESTAMP: pl.String(),
    TIME_AMBIGUOUS: pl.Boolean(),
    **{field.name: field.dtype for field in FIELDS},
    EXTRAS: pl.String(),
}
"""Columns of a conformed frame, in order; `extras` is a JSON object of unknown columns, or null."""

ACCUMULATOR: dict[str, pl.DataType] = {
    SENSOR_ID: pl.String(),
    WINDOW_START: TIMESTAMP_TYPE,
    "count": pl.Int64(),
    "anomalies": pl.Int64(),
    "lastAt": TIMESTAMP_TYPE,
    "lastId": pl.Int64(),
    **{f"{name}.n": pl.Int64() for name in MEASURE_NAMES},
    **{f"{name}.min": pl.Float64() for name in MEASURE_NAMES},
    **{f"{name}.max": pl.Float64() for name in MEASURE_NAMES},
    **{f"{name}.last": pl.Float64() for name in MEASURE_NAMES},
    **{f"{name}.sum": pl.Int128() for name in MEASURE_NAMES},
    **{f"{name}.squares": pl.Int128() for name in MEASURE_NAMES},
}
"""Columns of a window in the making: `n` counts known values, `last` is the value of the latest row or null."""
