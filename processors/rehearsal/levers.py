"""Settings that make a bill smaller, each with what it costs in what one has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from processors.form import Form

BUCKET_ROWS = 60


@dataclass(frozen=True)
class Lever:
    """Another form.

    Attributes:
        name: The settings that make it.
        price: What one has no longer, or otherwise.
        form: That it makes.
    """

    name: str
    price: str
    form: Form


def levers(form: Form) -> Sequence[Lever]:
    """What can be changed in a form, the first being what loses nothing.

    Args:
        form: Of the settings.
    """
    if form.stage == "aggregated":
        return ()
    found = []
    if form.bucket_rows == 1:
        found.append(
            Lever(
                f"bucket_rows={BUCKET_ROWS}",
                "nothing: a reading is seen when its bucket is full, or after `hold`",
                replace(form, bucket_rows=BUCKET_ROWS),
            )
        )
    found.append(
        Lever(
            "stage=aggregated",
            "readings are in the archive only; each minute and each anomaly is in Cosmos",
            Form(stage="aggregated"),
        )
    )
    return found
