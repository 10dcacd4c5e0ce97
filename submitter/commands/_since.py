"""The moment that `--since` or `--before` means."""

import re
from datetime import UTC, datetime, timedelta

from submitter.errors import UsageError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGO = re.compile(r"(\d{1,9})([smhd])")


def instant(text: str, now: datetime, option: str = "--since") -> datetime:
    """The moment that `2h` (ago) or a time stamp means; UTC where it names no zone."""
    if ago := _AGO.fullmatch(text.strip()):
        try:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    try:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"read {option}",
            text,
            why="it is neither an age nor a time stamp",
            hint="for example 2h or 2026-11-20T00:00:00Z",
        ) from error
