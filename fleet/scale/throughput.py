"""Throughput as it is, and as it may become: values and rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fleet.errors import ChoiceError

STEP = 1_000
"""An autoscale maximum is a multiple of it, and at least it
(https://learn.microsoft.com/azure/cosmos-db/concepts-limits)."""

Mode = Literal["autoscale", "manual", "serverless", "shared", "none"]
"""`shared`: a container uses its database's; `none`: a database that leaves it to its containers."""


@dataclass(frozen=True)
class Throughput:
    """Of a database, or of a container of it.

    Attributes:
        name: `database`, or `database/container`.
        mode: Where its request units come from.
        ru_s: Request units a second: the maximum where they scale by themselves; None where it has none of its own.
        floor_ru_s: The least that may be set, as the service states it: the largest of 1,000, a tenth of the highest
            ever set, and 10 for each GB; None where it states none.
        instant_ru_s: The most that takes effect at once; more takes hours and splits partitions, which is for good.
        pending: Whether a change is still under way.
    """

    name: str
    mode: Mode
    ru_s: int | None = None
    floor_ru_s: int | None = None
    instant_ru_s: int | None = None
    pending: bool = False

    @property
    def container(self) -> str | None:
        """Name of the container, None of a database."""
        return self.name.partition("/")[2] or None


@dataclass(frozen=True)
class Change:
    """Another maximum.

    Attributes:
        before: As it is.
        after: As it shall be.
    """

    before: Throughput
    after: Throughput

    @property
    def is_none(self) -> bool:
        """Whether it is so already."""
        return self.before.ru_s == self.after.ru_s

    @property
    def takes_hours(self) -> bool:
        """Whether the service has to split partitions first."""
        instant = self.before.instant_ru_s
        return instant is not None and (self.after.ru_s or 0) > instant


def change(found: Sequence[Throughput], container: str | None, maximum_ru_s: int, limit_ru_s: int) -> Change:
    """The change of one autoscale maximum.

    Args:
        found: The database and its containers.
        container: Whose; None for the database's own.
        maximum_ru_s: What it shall be.
        limit_ru_s: The most that the user's settings allow.

    Raises:
        ChoiceError: There is no such container, nothing to be set, or this value may not be set.
    """
    chosen = _chosen(found, container)
    if chosen.mode != "autoscale":
        raise _not_to_be_set(chosen, found)
    if chosen.pending:
        raise _refused(
            chosen, maximum_ru_s, "an earlier change is still under way", "wait for it: `cosmos scale` tells"
        )
    if maximum_ru_s < STEP or maximum_ru_s % STEP:
        below, above = max(STEP, maximum_ru_s // STEP * STEP), (maximum_ru_s // STEP + 1) * STEP
        near = f"{below:,} or {above:,}" if below < above else f"{STEP:,}"
        raise _refused(chosen, maximum_ru_s, f"an autoscale maximum is a multiple of {STEP:,} RU/s", f"choose {near}")
    if chosen.floor_ru_s is not None and maximum_ru_s < chosen.floor_ru_s:
        raise _refused(
            chosen,
            maximum_ru_s,
            f"the service allows no less than {chosen.floor_ru_s:,} RU/s here",
            "the floor is the largest of 1,000, a tenth of the highest maximum ever set, and 10 for each GB stored: it "
            "falls only with what is stored",
        )
    if maximum_ru_s > limit_ru_s:
        raise _refused(
            chosen,
            maximum_ru_s,
            f"the setting scale_limit allows {limit_ru_s:,} RU/s",
            f"look for a zero too many, or give --set scale_limit={maximum_ru_s}",
        )
    return Change(chosen, replace(chosen, ru_s=maximum_ru_s))


def _chosen(found: Sequence[Throughput], container: str | None) -> Throughput:
    for each in found:
        if each.container == container:
            return each
    names = ", ".join(each.container for each in found if each.container) or "none"
    raise ChoiceError(
        "set the maximum", f"{found[0].name}/{container}", why="there is no such container", hint=f"there are: {names}"
    )


def _not_to_be_set(chosen: Throughput, found: Sequence[Throughput]) -> ChoiceError:
    own = ", ".join(each.container for each in found if each.container and each.mode == "autoscale")
    kind = "container" if chosen.container else "database"
    reasons = {
        "serverless": ("a serverless account has no throughput: it is paid by the request", "nothing needs to be set"),
        "shared": ("the container uses its database's throughput", "leave out --container to set the database's"),
        "none": (
            "the database has no throughput of its own",
            f"give --container and one of: {own}" if own else "no container here scales by itself",
        ),
        "manual": (
            f"its throughput is set by hand, to {chosen.ru_s or 0:,} RU/s",
            f"change it to autoscale first: az cosmosdb sql {kind} throughput migrate --throughput-type autoscale",
        ),
    }
    why, hint = reasons[chosen.mode]
    return ChoiceError("set the maximum", chosen.name, why=why, hint=hint)


def _refused(chosen: Throughput, maximum_ru_s: int, why: str, hint: str) -> ChoiceError:
    return ChoiceError(f"set the maximum to {maximum_ru_s:,} RU/s", chosen.name, why=why, hint=hint)
