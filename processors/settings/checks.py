"""What values of settings may be; a wrong one is a `ValueError` that says what is right."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from pydantic import SecretStr

from processors.budget import parse as parse_budget
from processors.containers import NEVER, ORDERED, roles
from processors.detect.limit import DEFAULT_LIMITS
from processors.detect.thresholds import DEFAULT_THRESHOLDS
from processors.discover import is_folder_name
from processors.endpoint import problem
from processors.form import is_step
from processors.schema import COLUMNS, DESCRIPTIONS, MEASURE_NAMES
from processors.timestamps import is_zone

_PATH = re.compile(r"(/(\w+|\[\]))+", re.ASCII)
_SUBSCRIPTION = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_TTL_S = 2**31 - 1


def endpoint(endpoint: str) -> str:
    """A URL of an account or of an emulator on this machine, or nothing."""
    if endpoint and (why := problem(endpoint)):
        raise ValueError(why)
    return endpoint


def folder_name(name: str) -> str:
    """The name of a folder, or nothing."""
    if name and not is_folder_name(name):
        raise ValueError("not the name of a folder")
    return name


def zone(name: str) -> str:
    """An IANA time zone."""
    if not is_zone(name):
        raise ValueError("not an IANA time zone such as UTC or Europe/Berlin")
    return name


def listed(names: Iterable[str]) -> str:
    """Names for a sentence of pydantic's, which takes no half of a character, as JSON can write one."""
    return ", ".join(names).encode(errors="backslashreplace").decode()


def contract_names(columns: dict[str, str]) -> dict[str, str]:
    """Names of the contract."""
    names = [field.source for field in COLUMNS]
    if unknown := sorted(columns.keys() - set(names)):
        raise ValueError(f"no such column of the contract: {listed(unknown)}; there are {', '.join(names)}")
    return columns


def private_fields(names: tuple[str, ...]) -> tuple[str, ...]:
    """Fields that can be hidden."""
    known = [field.name for field in DESCRIPTIONS]
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"cannot be hidden: {listed(unknown)}; these can: {', '.join(known)}")
    return names


def limits(given: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Lower and upper limits of measures."""
    if unknown := sorted(given.keys() - DEFAULT_LIMITS.keys()):
        raise ValueError(f"no such measure: {listed(unknown)}; there are {', '.join(DEFAULT_LIMITS)}")
    if empty := sorted(name for name, (low, high) in given.items() if not low < high):
        raise ValueError(f"the lower limit is not below the upper one: {listed(empty)}")
    return given


def bounds(bounds: dict[str, float]) -> dict[str, float]:
    """Bounds of measures, above 0."""
    if unknown := sorted(bounds.keys() - set(MEASURE_NAMES)):
        raise ValueError(f"no such measure: {listed(unknown)}; there are {', '.join(MEASURE_NAMES)}")
    if wrong := sorted(name for name, bound in bounds.items() if not bound > 0):
        raise ValueError(f"not above 0: {listed(wrong)}")
    return bounds


def resolution(resolution: dict[str, float]) -> dict[str, float]:
    """Steps that measures can be rounded to."""
    if unknown := sorted(resolution.keys() - set(MEASURE_NAMES)):
        raise ValueError(f"no such measure: {listed(unknown)}; there are {', '.join(MEASURE_NAMES)}")
    if wrong := sorted(name for name, step in resolution.items() if not is_step(step)):
        raise ValueError(f"no step above 0 of nine digits at most, such as 0.01: {listed(wrong)}")
    return resolution


def thresholds(thresholds: dict[str, float]) -> dict[str, float]:
    """Scores above 0 of kinds of anomalies."""
    if unknown := sorted(thresholds.keys() - DEFAULT_THRESHOLDS.keys()):
        raise ValueError(f"no such kind: {listed(unknown)}; there are {', '.join(DEFAULT_THRESHOLDS)}")
    if wrong := sorted(kind for kind, score in thresholds.items() if not score > 0):
        raise ValueError(f"not above 0: {listed(wrong)}")
    return thresholds


def by_role(names: Collection[str]) -> None:
    """Passes when all are names of containers."""
    if unknown := sorted(set(names) - set(roles())):
        raise ValueError(f"no such container: {listed(unknown)}; there are {', '.join(roles())}")


def indexed(indexed: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Paths of containers, with those that `query` orders by."""
    by_role(indexed)
    paths = [path for each in indexed.values() for path in each]
    if wrong := [path for path in paths if not _PATH.fullmatch(path)]:
        raise ValueError(f"not a path of properties such as /observedAt: {listed(wrong)}")
    if twice := sorted({path for each in indexed.values() for path in each if each.count(path) > 1}):
        raise ValueError(f"given twice: {listed(twice)}")
    missing = [path for role, paths in indexed.items() for path in ORDERED.get(role, ()) if path not in paths]
    if missing:
        raise ValueError(f"`query` orders by it, so it has to be indexed: {listed(missing)}")
    return indexed


def ttl(ttl_s: dict[str, int]) -> dict[str, int]:
    """Seconds of containers, or never."""
    by_role(ttl_s)
    if wrong := sorted(role for role, each in ttl_s.items() if each != NEVER and not 0 < each <= _LONGEST_TTL_S):
        raise ValueError(f"neither from 1 to {_LONGEST_TTL_S} seconds nor never: {listed(wrong)}")
    return ttl_s


def subscription(name: str) -> str:
    """The id of a subscription, or nothing."""
    if name and not _SUBSCRIPTION.fullmatch(name):
        raise ValueError(
            "not an id such as 00000000-0000-0000-0000-000000000000, as `az account show --query id` prints it"
        )
    return name


def resource_group(name: str) -> str:
    """As Azure takes it: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules."""
    if re.fullmatch(r"[\w.()-]{0,90}", name) is None or name.endswith("."):
        raise ValueError("not a name of letters, digits and . _ - ( ), of 90 at most and without a . at its end")
    return name


def budget(text: str) -> str:
    """A budget as `budget.parse` reads it."""
    parse_budget(text)
    return text


def as_text(value: object) -> object:
    """A number as text, for files write one without quotes."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def subfolder(name: str) -> str:
    """A folder below the working folder."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise ValueError("not a folder below the working folder: no leading / and no ..")
    return name


def utf8_text(secret: SecretStr) -> SecretStr:
    """A secret that is UTF-8 text."""
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("it has bytes that are no UTF-8 text") from None  # the cause would repeat it
    return secret
