"""What a plan foretold of a city's next run: written by `plan`, read by the run that starts where the plan did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from processors.files import write_whole

FILE = "plan.json"

VERSION = 1
"""Of the file."""

_AGAIN = "make it again with `bacalhau-cosmos plan`"

_Count = Annotated[int, Field(ge=0)]
_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What a run from these positions to the end of its databases was expected to come to.

    Attributes:
        made_at: UTC.
        positions: Database -> largest row id taken in when the plan was made, `model.BEFORE_FIRST` for none; without
            databases whose table was empty.
        form: In which readings were to leave (`form.Form.encode`): a run in another one is not what was planned.
        rows: That waited.
        documents: Container, by the name that it has in the account -> documents.
        request_units: None where the charges are not known.
        seconds: None where the throughput is not known.
    """

    made_at: AwareDatetime
    positions: Mapping[str, int]
    form: str
    rows: _Count
    documents: Mapping[str, _Count]
    request_units: _Amount | None
    seconds: _Amount | None

    def document(self) -> dict[str, object]:
        """The plan as reports tell it."""
        return {
            "madeAt": self.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "rows": self.rows,
            "documents": dict(self.documents),
            "requestUnits": self.request_units,
            "seconds": self.seconds,
        }


_FIELDS = {
    "madeAt": "made_at",
    "positions": "positions",
    "form": "form",
    "rows": "rows",
    "documents": "documents",
    "requestUnits": "request_units",
    "seconds": "seconds",
}
_PLANNED = TypeAdapter(Planned)


def write(folder: Path, planned: Planned) -> None:
    """The plan takes the place of the one before.

    Args:
        folder: The city's state: `<state>/<city>`.
        planned: What is foretold.

    Raises:
        OSError: The folder cannot be written.
    """
    whole = {"schemaVersion": VERSION, **planned.document(), "positions": dict(planned.positions), "form": planned.form}
    write_whole(folder / FILE, json.dumps(whole, ensure_ascii=False, indent=2).encode() + b"\n")


def read(folder: Path) -> tuple[Planned | None, tuple[str, ...]]:
    """The plan, None where there is none that can be used; and what to say of one that cannot."""
    path = folder / FILE
    try:
        content = json.loads(path.read_bytes())
        version = content.pop("schemaVersion")
        if version > VERSION:
            return None, (f"{FILE}: version {version} wrote it, this is {VERSION}: {_AGAIN}",)
        return _PLANNED.validate_json(
            json.dumps({_FIELDS[name]: value for name, value in content.items()}), strict=True
        ), ()
    except FileNotFoundError:
        return None, ()
    except OSError as exc:
        return None, (f"{FILE} cannot be read: {exc.strerror}",)
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, (f"{FILE} is damaged and is not compared with: {_AGAIN}",)
