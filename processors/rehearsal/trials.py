"""Other forms of the same readings: what they would come to, without detecting anything again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from processors.document import Origin
from processors.form import Form
from processors.model import Batch
from processors.pipeline import Recipe, Sender
from processors.pipeline.let_go import Judged, LetGo, waiting
from processors.pipeline.send import Sent
from processors.rehearsal.counting import Counted, Counting


class Trial:
    """One form, with what it carries from batch to batch.

    Args:
        recipe: Of the run, in the form that is tried.
        sink: Counts what leaves.
    """

    def __init__(self, recipe: Recipe, sink: Counting) -> None:
        self._form = recipe.form
        self._sender = Sender(sink, recipe)
        self._sink = sink
        self._carried: dict[Origin, Mapping[str, pl.DataFrame]] = {}

    def send(self, batch: Batch, judged: Judged, windows: pl.DataFrame) -> Sent:
        """What comes of a batch in this form; what waits is kept here."""
        origin = judged.origin
        own = replace(judged, carried=self._carried.get(origin, {}), form=self._form)
        sent = self._sender.send(batch, own, windows)
        self._carried[origin] = sent.carried
        return sent

    def counted(self) -> Counted:
        """What has left."""
        return self._sink.counted()

    def waiting_rows(self) -> int:
        """Readings that have not left."""
        return sum(rest.count for _, rest in self._waiting())

    def show(self) -> None:
        """What waits is counted, too."""
        for origin, rest in self._waiting():
            self._sender.readings(rest, origin, self._carried[origin])

    def _waiting(self) -> list[tuple[Origin, LetGo]]:
        found = ((origin, waiting(carried)) for origin, carried in self._carried.items())
        return [(origin, rest) for origin, rest in found if rest is not None]


class Trials:
    """Sends the same batches in each of several forms; see `pipeline.Sends`.

    Args:
        recipe: Of the run.
        sinks: Form -> counts what leaves in it; the first is that of the run.
    """

    def __init__(self, recipe: Recipe, sinks: Sequence[tuple[Form, Counting]]) -> None:
        self.trials = [Trial(replace(recipe, form=form), sink) for form, sink in sinks]

    def send(self, batch: Batch, judged: Judged, windows: pl.DataFrame) -> Sent:
        """What came of the first form."""
        first, *_ = [trial.send(batch, judged, windows) for trial in self.trials]
        return first
