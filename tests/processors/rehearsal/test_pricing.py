"""What is priced, and what is too much to be left out."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from processors.charges import INSERT, REPLACE, SCHEMA, Learned
from processors.rehearsal.counting import WRITES
from processors.rehearsal.pricing import price

AT = datetime(2026, 11, 23, tzinfo=UTC)

Write = tuple[str, str, str, int, float]


def learned(*known: tuple[str, str, int]) -> Learned:
    """Documents of these containers, operations and sizes were charged 10 RU each."""
    rows = [("e", "d", container, "p", operation, "", 0, 1, size, 10.0, AT) for container, operation, size in known]
    return Learned(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def priced(known: Learned, *writes: Write) -> dict[str, float | None]:
    found = price(pl.DataFrame(writes, schema=WRITES, orient="row"), known)
    return {name: each.request_units for name, each in found.items()}


READINGS: Write = ("readings", INSERT, "", 500, 1_000.0)


def test_what_is_known_is_summed() -> None:
    known = learned(("readings", INSERT, 500), ("readings", REPLACE, 500))
    assert priced(known, READINGS, ("readings", REPLACE, "", 500, 5.0)) == {"readings": 10_050.0}


def test_a_container_of_which_nothing_is_known_has_no_price() -> None:
    known = learned(("readings", INSERT, 500))
    assert priced(known, READINGS, ("runs", INSERT, "", 500, 1.0)) == {"readings": 10_000.0, "runs": None}


def test_few_documents_of_many_bytes_are_not_left_out() -> None:
    known = learned(("readings", INSERT, 500))
    large: Write = ("readings", INSERT, "", 500_000, 5.0)
    assert priced(known, READINGS, large) == {"readings": None}


@pytest.mark.parametrize(("documents", "whole"), [(10.0, 10_000.0), (11.0, None)])
def test_a_hundredth_of_the_bytes_is_left_out(documents: float, whole: float | None) -> None:
    known = learned(("readings", INSERT, 500))
    assert priced(known, ("readings", INSERT, "", 500, 1_000.0), ("readings", REPLACE, "", 500, documents)) == {
        "readings": whole
    }


def test_little_of_all_may_be_much_of_a_container() -> None:
    known = learned(("readings", INSERT, 500), ("anomalies", INSERT, 500))
    few = [("anomalies", INSERT, "", 500, 2.0), ("anomalies", REPLACE, "", 500, 2.0)]
    assert priced(known, READINGS, *few) == {"readings": 10_000.0, "anomalies": 20.0}
    assert price(pl.DataFrame([READINGS, *few], schema=WRITES, orient="row"), known)["anomalies"].unpriced == 2.0


def test_nothing_is_written() -> None:
    assert priced(learned()) == {}
