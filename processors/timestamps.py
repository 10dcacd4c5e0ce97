"""Reads the time stamps that sensors write: ISO 8601 with and without zone, epoch seconds and milliseconds."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import polars as pl

from processors.schema import TIMESTAMP_TYPE

_EPOCH = r"^[+-]?\d{1,15}(\.\d+)?$"
_OFFSET = r"^([+-])([0-9]{2}):?([0-5][0-9])$"

_MILLISECONDS_FROM = 1e11
"""Numbers from here on are milliseconds: as seconds this would be the year 5138, as milliseconds it is 1973."""


_FARTHEST_OFFSET_MINUTES = 14 * 60
"""Kiribati's, the farthest in the IANA database."""


@cache
def is_zone(name: str) -> bool:
    """True when `name` is a time zone that Polars knows (an IANA name)."""
    if not name:
        return False  # Polars takes it for no zone at all
    try:
        pl.Series([datetime(2000, 1, 1)]).dt.replace_time_zone(name)  # noqa: DTZ001 - naive on purpose
    except pl.exceptions.PolarsError:
        return False
    return True


def parse(text: pl.Series, zone: pl.Series, default_zone: str) -> pl.DataFrame:
    """Instants of time stamps given as text.

    A stamp with a zone keeps it. One without takes the row's own zone when that is valid (an IANA name or an
    offset such as `-05:00`), else `default_zone`. An hour that the clocks ran through twice takes the earlier
    instant and is flagged; a time that they skipped is unreadable.

    Args:
        text: Stamps, null where there are none.
        zone: The row's own zone, null where there is none, same length.
        default_zone: IANA name for stamps without any zone.

    Returns:
        `instant` (UTC, microseconds, null where there is no readable stamp) and `ambiguous` (never null).
    """
    stamp = text.str.strip_chars()
    instant = stamp.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    ambiguous = pl.repeat(False, len(stamp), dtype=pl.Boolean(), eager=True)
    rest = (instant.is_null() & stamp.is_not_null()).arg_true()
    if len(rest):
        others = _parse_others(stamp.gather(rest), zone.gather(rest), default_zone)
        instant = instant.scatter(rest, others["instant"])
        ambiguous = ambiguous.scatter(rest, others["ambiguous"])
    return pl.DataFrame({"instant": instant, "ambiguous": ambiguous})


def _parse_others(stamp: pl.Series, zone: pl.Series, default_zone: str) -> pl.DataFrame:
    iso = pl.col("stamp").str.replace(r"\s+", "T").str.replace(",", ".", literal=True).str.to_uppercase()
    local = pl.coalesce(
        iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False),
        iso.str.to_datetime("%Y-%m-%dT%H:%M", time_unit="us", strict=False),
    )
    zoned = pl.coalesce(
        iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False),
        iso.str.to_datetime("%Y-%m-%dT%H:%M%#z", time_unit="us", time_zone="UTC", strict=False),
    )
    frame = pl.DataFrame({"stamp": stamp, "zone": zone}).with_columns(instant=pl.coalesce(_epoch(), zoned), local=local)
    placed = _place_local(frame["local"], frame["zone"], default_zone)
    return placed.select(instant=pl.coalesce(frame["instant"], placed["instant"]), ambiguous="ambiguous")


def _epoch() -> pl.Expr:
    """Instant of a stamp that is a number; null for any other."""
    number = pl.when(pl.col("stamp").str.contains(_EPOCH)).then(pl.col("stamp")).cast(pl.Float64, strict=False)
    microseconds = pl.when(number.abs() < _MILLISECONDS_FROM).then(number * 1e6).otherwise(number * 1e3)
    return microseconds.round().cast(pl.Int64, strict=False).cast(TIMESTAMP_TYPE, strict=False)


def _place_local(local: pl.Series, zone: pl.Series, default_zone: str) -> pl.DataFrame:
    """Instants of local times; one step for each distinct zone, not for each row."""
    sign, hours, minutes = (zone.str.strip_chars().str.extract(_OFFSET, group) for group in (1, 2, 3))
    minutes_east = (hours.cast(pl.Int64) * 60 + minutes.cast(pl.Int64)) * sign.replace_strict(
        {"+": 1, "-": -1}, default=None, return_dtype=pl.Int64
    )
    offset = minutes_east.set(minutes_east.abs() > _FARTHEST_OFFSET_MINUTES, None)
    name = zone.str.strip_chars()
    known = [z for z in name.drop_nulls().unique() if is_zone(z)]
    frame = pl.DataFrame({"local": local, "offset": offset, "name": name}).with_columns(
        name=pl.when(pl.col("name").is_in(known)).then("name").otherwise(pl.lit(default_zone)),
    )
    by_offset = (pl.col("local") - pl.duration(minutes="offset")).dt.replace_time_zone("UTC")
    frame = frame.with_columns(instant=by_offset, ambiguous=pl.lit(value=False))
    for zone_name in frame.filter(pl.col("offset").is_null())["name"].unique():
        here = pl.col("offset").is_null() & (pl.col("name") == zone_name)
        earliest, latest = (
            pl.col("local")
            .dt.replace_time_zone(zone_name, ambiguous=which, non_existent="null")
            .dt.convert_time_zone("UTC")
            for which in ("earliest", "latest")
        )
        frame = frame.with_columns(
            instant=pl.when(here).then(earliest).otherwise("instant"),
            ambiguous=pl.when(here).then((earliest != latest).fill_null(value=False)).otherwise("ambiguous"),
        )
    return frame.select("instant", "ambiguous")
