"""Durations as people write them."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_TTL = re.compile(r"(\d+)(s|m|h|d)?", re.ASCII)
_TTL_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, None: 1}


def parse_duration_s(value: object) -> object:
    """Seconds of `30`, `30s`, `5m`, `1h` or `500ms`; another number or type is left for the type to refuse.

    Raises:
        ValueError: It is text, and no duration.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if match := _DURATION.fullmatch(text):
        return float(match[1]) * _UNIT_S[match[2]]
    if _is_number(text):
        return value
    raise ValueError("not a duration such as 30, 30s, 5m or 1h")


def parse_ttl_s(value: object) -> object:
    """Seconds of `90d`, `12h`, `30m`, `45s` or `45`, -1 of `never`; another number or type is left, likewise.

    Raises:
        ValueError: See there.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if match := _TTL.fullmatch(text):
        return int(match[1]) * _TTL_UNIT_S[match[2]]
    if text == "never":
        return -1
    if _is_number(text):
        return value
    raise ValueError("not a duration such as 90d, 12h or never")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
