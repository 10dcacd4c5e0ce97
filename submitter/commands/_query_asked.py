"""The options of `query` that say what to read, and which of them go together."""

from dataclasses import dataclass
from enum import StrEnum

from submitter.errors import UsageError

_NOT_ARCHIVED = ("--anomalies", "--container")


class Container(StrEnum):
    """Containers by what they hold; the name of the readings' is a setting."""

    READINGS = "readings"
    AGGREGATES = "aggregates"
    ANOMALIES = "anomalies"
    RUNS = "runs"


@dataclass(frozen=True)
class Asked:
    """The options that say what to read."""

    city: str | None
    sensor: str | None
    since: str | None
    before: str | None
    anomalies: bool
    count: bool
    limit: int | None
    sql: str | None
    container: Container | None
    analyze: bool
    archive: bool
    endpoint: str | None

    def refuse_mixtures(self) -> None:
        """Options that another one leaves without a meaning are refused."""
        given = {
            "--city": self.city is not None,
            "--sensor": self.sensor is not None,
            "--since": self.since is not None,
            "--before": self.before is not None,
            "--anomalies": self.anomalies,
            "--count": self.count,
            "--limit": self.limit is not None,
            "--sql": self.sql is not None,
            "--container": self.container is not None,
            "--analyze": self.analyze,
        }
        if self.archive and (idle := [name for name in _NOT_ARCHIVED if given[name]]):
            raise _without_meaning(idle, "--archive")
        if self.archive and self.endpoint is not None:
            raise _without_meaning(["--endpoint"], "--archive")
        if self.sql is not None:
            mode, fitting = "--sql", {"--sql", "--container"}
        elif self.analyze:
            mode, fitting = "--analyze", {"--analyze", "--city", "--sensor"}
        elif self.count:
            mode, fitting = "--count", {"--count", "--city", "--sensor", "--since", "--before", "--anomalies"}
        else:
            mode, fitting = "a query without --sql", given.keys() - {"--container"}
        if idle := [name for name, there in given.items() if there and name not in fitting]:
            raise _without_meaning(idle, mode)


def _without_meaning(idle: list[str], mode: str) -> UsageError:
    return UsageError("query", ", ".join(idle), why=f"has no meaning with {mode}", hint=f"leave out {', '.join(idle)}")
