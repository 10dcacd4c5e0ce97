"""Job specs: finds one, fills it, and returns the exact request; pure after the read."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from submitter.errors import SpecError, UsageError, nearest
from submitter.template import Template, check, filled, placeholders

__all__ = ["Constraint", "JobSpec", "Template", "find", "placeholders", "render", "slug"]

MAX_BODY_BYTES = 900_000
"""The orchestrator accepts a larger job, and its node is then blocked for every later one: Bacalhau's bus takes 1 MiB
a message with all that goes around the job, and a delivery that fails is tried for ever (measured at 950 KB)."""

CITY = "city"
NAME = "name"
OPS = "ops"
DAEMON = "daemon"

_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Constraint:
    """What a node's label must fulfil: one of Bacalhau's selectors."""

    key: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class JobSpec:
    """A job as it is sent.

    Attributes:
        spec: Name of the spec.
        city: Label of its nodes.
        name: The job's; empty where Bacalhau is to choose one.
        type: `ops` (runs once on every node) or `daemon` (kept running there).
        engines: Of its tasks, in lower case.
        constraints: Which nodes it is for.
        publishes: Whether its executions leave results to fetch.
        body: The bytes of the request.
    """

    spec: str
    city: str
    name: str
    type: str
    engines: frozenset[str]
    constraints: tuple[Constraint, ...]
    publishes: bool
    body: bytes = field(repr=False)


def find(name: str, jobs_dir: Path | None = None) -> Template:
    """The spec of that name, or at that path.

    Args:
        name: Such as `ingest`; or a path, which has a slash or ends in .yaml or .yml.
        jobs_dir: Where to look; None means the checkout's `jobs`, then the copy in this package.

    Raises:
        SpecError: There is none, or it cannot be read.
    """
    if "/" in name or name.endswith((".yaml", ".yml")):
        return _read(Path(name))
    folders = [jobs_dir] if jobs_dir is not None else _own_folders()
    for folder in folders:
        if (path := folder / f"{name}.yaml").is_file():
            return _read(path)
    there = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    raise SpecError(
        "find the job spec",
        name,
        why=f"no {name}.yaml in {', '.join(map(str, folders)) or 'this install'}{nearest(name, there)}",
        hint=f"one of: {', '.join(there)}" if there else "name a file, or the folder of your specs with --jobs-dir",
    )


def slug(city: str) -> str:
    """The node label of a city: `New York` is `new-york`.

    Raises:
        UsageError: No label can be made of it.
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", city) if not unicodedata.combining(char))
    label = re.sub(r"[ _.-]+", "-", plain.casefold()).strip("-")
    if not _SLUG.fullmatch(label) or not city.isprintable():
        raise UsageError(
            "take the city",
            repr(city),
            why="a node label has letters, digits and hyphens, 63 at most, and begins and ends with no hyphen",
            hint="give the city as its nodes are labelled, for example new-york",
        )
    return label


def stamp(now: datetime) -> str:
    """The moment as it ends a job's name: with milliseconds, because a name that is there makes a job an update."""
    return f"{now:%Y%m%dt%H%M%S}{now.microsecond // 1000:03}z"


def render(
    template: Template, city: str, now: datetime, *, given: Mapping[str, str], offered: Mapping[str, str]
) -> JobSpec:
    """The job for one city.

    Args:
        template: See `find`.
        city: See `slug`.
        now: UTC; names a job that runs once.
        given: Values that the spec must have a place for.
        offered: Values for places that `given` leaves.

    Raises:
        SpecError: A value is missing, unknown or not allowed; the spec is no YAML, no job, or too large.
        UsageError: The city cannot be a label.
    """
    label = slug(city)
    wanted = placeholders(template.text, template.origin)
    _refuse_unknown(given, wanted, template)
    own = {NAME: f"{template.name}-{label}-{stamp(now)}"}
    values = {name: text for name, text in {**own, **offered, **given, CITY: label}.items() if name in wanted and text}
    if missing := [name for name, default in wanted.items() if default is None and name not in values]:
        raise SpecError(
            "fill the job spec",
            template.origin,
            why=f"no value for {', '.join(missing)}",
            hint=" ".join(f"--set {name}=..." for name in missing),
        )
    for name, text in values.items():
        check(name, text)
    return _job(template, label, filled(template, values))


def _refuse_unknown(given: Mapping[str, str], wanted: Mapping[str, str | None], template: Template) -> None:
    for name in given:
        if name == CITY:
            raise UsageError("take --set", name, why="a city has an option of its own", hint="--city NAME")
        if name not in wanted:
            raise SpecError(
                "set the value",
                name,
                why=f"{template.origin} has no such value{nearest(name, wanted)}",
                hint=f"one of: {', '.join(sorted(wanted.keys() - {CITY}))}",
            )


def _job(template: Template, city: str, job: dict[str, Any]) -> JobSpec:
    kind = str(_field(job, "Type") or "").lower()
    tasks = [task for task in _list(_field(job, "Tasks")) if isinstance(task, dict)]
    if kind not in (OPS, DAEMON) or not tasks:
        raise SpecError(
            "use the job spec",
            template.origin,
            why=f"its Type is {kind or 'missing'}" if tasks else "it has no Tasks",
            hint="submit sends jobs of Type ops or daemon; bacalhau job run sends others",
        )
    # A daemon keeps its name, and Bacalhau refuses the same job under the same name unless forced.
    request = {"Job": job, "Force": True} if kind == DAEMON else {"Job": job}
    publishers = [_type(task, "Publisher") for task in tasks]
    return JobSpec(
        spec=template.name,
        city=city,
        name=str(_field(job, "Name") or ""),
        type=kind,
        engines=frozenset(filter(None, (_type(task, "Engine") for task in tasks))),
        constraints=tuple(_constraints(job)),
        publishes=any(publisher not in ("", "noop") for publisher in publishers),
        body=_encoded(request, template),
    )


def _encoded(request: Mapping[str, Any], template: Template) -> bytes:
    """As bacalhau-apiclient's rest.py encodes it, so that what is shown is what is sent."""
    try:
        body = json.dumps(request, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise SpecError(
            "encode the job spec", template.origin, why=str(error), hint="put dates and the like in quotes"
        ) from error
    if len(body) > MAX_BODY_BYTES:
        raise SpecError(
            "send the job spec",
            template.origin,
            why=f"it takes {len(body):,} bytes, and a job above {MAX_BODY_BYTES:,} blocks its node for every later job",
            hint="bring large inputs by URL or by a path on the node, not inline",
        )
    return body


def _read(path: Path) -> Template:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError("read the job spec", str(path), why=why, hint="name a YAML file that is there") from error
    return Template(path.stem, str(path), text)


def _own_folders() -> list[Path]:
    package = Path(__file__).parent
    return [folder for folder in (package.parent / "jobs", package / "jobs") if folder.is_dir()]


def _constraints(job: Mapping[str, Any]) -> Iterator[Constraint]:
    for written in _list(_field(job, "Constraints")):
        if isinstance(written, dict):
            values = tuple(map(str, _list(_field(written, "Values"))))
            yield Constraint(str(_field(written, "Key")), str(_field(written, "Operator")).lower(), values)


def _type(task: Mapping[str, Any], part: str) -> str:
    found = _field(task, part)
    return str(_field(found, "Type") or "").lower() if isinstance(found, dict) else ""


def _list(written: object) -> list[Any]:
    """What is written as a list; anything else is for Bacalhau to refuse."""
    return written if isinstance(written, list) else []


def _field(mapping: Mapping[str, Any], name: str) -> Any:
    """Bacalhau reads names without regard to case."""
    return next((value for key, value in mapping.items() if str(key).lower() == name.lower()), None)
