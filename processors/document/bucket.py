"""Many readings in one document, and the readings of such a document again: nothing is lost on the way.

    {"id": "<prefix>-b<least row id>", "kind": "bucket", "count": 60, "city": ..., "sensorId": ..., "month": ...,
     "observedAt": the earliest, "lastObservedAt": the latest, "isAnomaly": whether one of them is,
     ...what all of them say alike..., "columns": {"rowId": [...], "offsetUs": [...], "temperatureC": [...], ...}}

A column has a value, or null, for each reading, in the order of their row ids; it wins over what is said beside it.
`offsetUs` is the time of each in microseconds after `observedAt`. The id of each reading is `<prefix>-<rowId>`, the
same that it has in a document of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from processors.schema import BUCKET, IS_ANOMALY, MONTH, OBSERVED_AT, ROW_ID, SENSOR_ID

KIND = "bucket"
COLUMNS = "columns"
COUNT = "count"
LAST_OBSERVED_AT = "lastObservedAt"
OFFSET_US = "offsetUs"

_ALWAYS = (ROW_ID, OFFSET_US)
_OWN = {"kind", COUNT, LAST_OBSERVED_AT, COLUMNS}


def pack(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """The document of each bucket, without what is of the whole generation; those of one sensor and month together.

    Args:
        rows: Readings with `BUCKET`, `id` and a time as `observedAt`; what they say otherwise is put as it is.
    """
    first = pl.col(OBSERVED_AT).min()
    key = [SENSOR_ID, MONTH, BUCKET]
    names = [name for name in rows.columns if name not in {*key, "id", OBSERVED_AT}]
    offset = (pl.col(OBSERVED_AT) - first.over(key)).dt.total_microseconds().alias(OFFSET_US)
    grouped = (
        rows.sort(SENSOR_ID, MONTH, ROW_ID)
        .with_columns(offset)
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("id").first(),
            first.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").alias(OBSERVED_AT),
            pl.col(OBSERVED_AT).max().dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").alias(LAST_OBSERVED_AT),
            pl.len().alias(COUNT),
            *(pl.col(name) for name in (*names, OFFSET_US)),
            *((pl.col(name).n_unique() == 1).alias(f"{name}!same") for name in names),
        )
    )
    for bucket in grouped.iter_rows(named=True):
        prefix = bucket["id"].partition("-")[0]
        same = [name for name in names if bucket[f"{name}!same"] and name not in _ALWAYS]
        item = {
            SENSOR_ID: bucket[SENSOR_ID],
            MONTH: bucket[MONTH],
            "kind": KIND,
            COUNT: bucket[COUNT],
            OBSERVED_AT: bucket[OBSERVED_AT],
            LAST_OBSERVED_AT: bucket[LAST_OBSERVED_AT],
            **{name: bucket[name][0] for name in same if bucket[name][0] is not None},
            COLUMNS: {name: bucket[name] for name in (*names, OFFSET_US) if name not in same},
        }
        if IS_ANOMALY in item[COLUMNS]:
            item[IS_ANOMALY] = True in bucket[IS_ANOMALY]
        yield {"id": f"{prefix}-b{bucket[BUCKET]}", **item}


def unpack(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The readings of a document, in the order of their row ids, each as it would be in a document of its own.

    A document that is no bucket is its own only reading.
    """
    if item.get("kind") != KIND:
        return [dict(item)]
    columns = item[COLUMNS]
    prefix = str(item["id"]).partition("-")[0]
    begin = datetime.fromisoformat(item[OBSERVED_AT])
    shared = {name: value for name, value in item.items() if name not in _OWN and name not in columns}
    names = [name for name in columns if name != OFFSET_US]
    return [
        {
            **shared,
            "id": f"{prefix}-{row_id}",
            OBSERVED_AT: _instant(begin + timedelta(microseconds=offset)),
            **{name: value for name, value in zip(names, values, strict=True) if value is not None},
        }
        for row_id, offset, *values in zip(
            columns[ROW_ID], columns[OFFSET_US], *(columns[name] for name in names), strict=True
        )
    ]


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
