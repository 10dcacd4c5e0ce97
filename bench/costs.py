"""`make bench-costs`: a plan, and what the run that it foretells is charged; writes the figures of docs/cost.md."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench.data import CITY, Databases, Shape
from fleet.plan.bill import Choice
from fleet.plan.prices import read
from processors.city import passes
from processors.containers import RUNS, making
from processors.cosmos import Account
from processors.rehearsal.foresee import foresee
from processors.report import Report
from processors.settings import Settings
from processors.world import Silent, World
from submitter.commands._plan_document import document_of
from submitter.commands._plan_load import planned_of, seconds_of
from submitter.commands._plan_table import show
from tests.harness import emulator
from tests.harness.strict import StrictCosmos

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"

SHAPE = Shape(6 * 8_640, 6, 10.0)
"""Six sensors, a reading in ten seconds each, for a day."""

SEED = 8
RU_S = 1_000
EVERY_S = 60.0


def main() -> int:
    """Writes the page."""
    scratch = Path(tempfile.mkdtemp(prefix="bench-costs-"))
    try:
        with emulator.serving() as endpoint:
            account = Account(endpoint, "", "costs")
            making.create(account)
            with StrictCosmos(account, seed=SEED) as strict:
                table, compared = _measured(scratch, strict)
    finally:
        shutil.rmtree(scratch)
    _write("plan", f"```text\n{table}```")
    _write("run", compared)
    return 0


def _measured(scratch: Path, strict: StrictCosmos) -> tuple[str, str]:
    settings = Settings(
        endpoint=strict.account.endpoint,
        database=strict.account.database,
        city=CITY,
        data=Databases(scratch).data(SHAPE),
        state=scratch / "state",
        archive=scratch / "archive",
        every=EVERY_S,
    )
    foreseen = foresee(settings, World(), probing=True)
    seconds = seconds_of(foreseen, RU_S)
    document = document_of(foreseen, read(), Choice(RU_S), seconds, [])
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        show(document)
    once = settings.model_copy(update={"every": None})
    (report,) = passes(once, World(), Silent())
    plan = planned_of(foreseen, seconds)
    lines = [
        ("documents", f"{sum(plan.documents.values()):,}", f"{_documents(report):,}"),
        ("request units", _number(plan.request_units), _number(report.spent.request_units)),
        *(
            (f"of {name}", _number(foreseen.backlog[name].request_units), _number(_charged(report, name)))
            for name in foreseen.backlog
            if name != RUNS
        ),
    ]
    return _trimmed(told.getvalue()), _table(("", "plan", "run"), lines)


def _documents(report: Report) -> int:
    taken = report.taken
    return taken.readings + taken.aggregates + taken.anomalies


def _charged(report: Report, container: str) -> float:
    return sum(charge.request_units for (name, _), charge in report.spent.totals().items() if name == container)


def _number(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:,.0f}"


def _trimmed(table: str) -> str:
    """Without hazards and notes, which the page tells in its own words."""
    return table.partition("\nHAZARDS")[0] + "\n"


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    rows = [head, ("---", "---:", "---:"), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _write(part: str, text: str) -> None:
    begin, end = f"<!-- {part}: written by make bench-costs -->", f"<!-- end of {part} -->"
    head, rest = PAGE.read_text(encoding="utf-8").split(begin)
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
