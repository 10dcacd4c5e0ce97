"""How many readings Cosmos has of sensors."""
# ruff: noqa: PLC0415 - processors is imported when it is used, so that help stays fast

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from submitter.commands.sensors._account import account_of

Sensor = tuple[str, str]
"""City, as its folder is named, and sensor id."""


@dataclass(frozen=True)
class Documents:
    """Of one sensor.

    Attributes:
        documents: Readings.
        newest: Latest `observedAt`, None without any.
    """

    documents: int
    newest: str | None


Stored = Mapping[Sensor, Documents]


def stored(cosmos: Mapping[str, str], sensors: Sequence[Sensor]) -> tuple[Stored, str | None]:
    """What Cosmos has of each sensor; or nothing, and why that is not known.

    Args:
        cosmos: `COSMOS_ENDPOINT`, `COSMOS_KEY`, `COSMOS_DATABASE` and `COSMOS_CONTAINER`.
        sensors: To ask for.
    """
    if not cosmos.get("COSMOS_ENDPOINT"):
        return {}, "COSMOS_ENDPOINT is not set"
    from processors.errors import ProcessorError
    from processors.query import Selection, open_reader, readings

    account = account_of(cosmos, "query")
    found = {}
    try:
        with open_reader(account, account.container) as reader:
            for city, sensor in sensors:
                selection = Selection(city, sensor)
                newest = next(readings.newest(reader, selection, 1), None)
                number = readings.count(reader, selection)
                found[city, sensor] = Documents(number, None if newest is None else newest.get("observedAt"))
    except ProcessorError as error:
        return found, str(error)
    return found, None
