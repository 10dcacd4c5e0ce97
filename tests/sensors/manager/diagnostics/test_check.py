"""Checks are made side by side, none can break another, and the next steps come in order of importance."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sensors.errors import SensorsError
from sensors.manager.diagnostics.check import (
    USUAL,
    Check,
    Outcome,
    Part,
    Section,
    failed,
    guarded,
    masked,
    next_steps,
    ok,
    sections,
    skipped,
    warning,
    well,
)

LONG_S = 60.0


def broken() -> Iterator[Check]:
    yield ok("first", "fine")
    raise SensorsError("look", "something", why="it is gone", hint="bring it back")


def test_an_error_of_ours_is_a_failed_check_and_what_was_known_before_stays() -> None:
    found = sections([Part("A", broken), Part("B", lambda: [ok("x", "y")])], within_s=LONG_S)
    assert [section.title for section in found] == ["A", "B"]
    assert found[0].checks == (
        ok("first", "fine"),
        failed("A", "cannot look: something: it is gone", "bring it back"),
    )
    assert found[1].checks == (ok("x", "y"),)
    assert not well(found)


def test_any_other_error_is_a_bug_and_goes_up() -> None:
    def buggy() -> Iterator[Check]:
        yield ok("first", "fine")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sections([Part("A", buggy), Part("B", list)], within_s=LONG_S)


def test_a_part_that_hangs_keeps_what_it_found_and_holds_up_no_other() -> None:
    hangs, go_on = threading.Event(), threading.Event()

    def hanging() -> Iterator[Check]:
        yield ok("first", "fine")
        hangs.set()
        go_on.wait(LONG_S)
        yield ok("second", "too late")

    times = [0.0, 0.0]

    def clock() -> float:
        """Time is over as soon as the part hangs."""
        if times:
            return times.pop()
        assert hangs.wait(LONG_S)
        return LONG_S

    try:
        found = sections([Part("A", lambda: [ok("x", "y")]), Part("B", hanging)], within_s=LONG_S, clock=clock)
    finally:
        go_on.set()
    assert found[0].checks == (ok("x", "y"),)
    assert [check.name for check in found[1].checks] == ["first", "the rest"]
    assert found[1].checks[1].outcome is Outcome.FAILED
    assert "no answer within 60 s" in found[1].checks[1].found


def test_a_guarded_check_has_the_hint_of_its_error() -> None:
    def run() -> Check:
        raise SensorsError("read", "a file", why="no", hint="do this")

    assert guarded("it", run) == failed("it", "cannot read: a file: no", "do this")
    assert guarded("it", lambda: ok("it", "fine")) == ok("it", "fine")


def test_remedies_of_failures_come_first_then_those_of_warnings_each_once() -> None:
    found = [
        Section("A", (warning("w", "", "look after w"), failed("f", "", "mend f"))),
        Section("B", (failed("g", "", "mend g"), failed("f again", "", "mend f"), skipped("s", "no"))),
    ]
    assert next_steps(found) == ["mend f", "mend g", "look after w"]


def test_without_anything_to_mend_the_usual_steps_are_next() -> None:
    found = [Section("A", (ok("a", ""), skipped("b", "there is none")))]
    assert well(found)
    assert next_steps(found) == list(USUAL)
    assert len(USUAL) == 3


def test_warnings_do_not_fail() -> None:
    assert well([Section("A", (warning("w", "", "x"),))])


def test_every_text_is_masked() -> None:
    found = [Section("A", (failed("n-hush", "f-hush", "r-hush", ["l-hush", "hush"]),))]
    assert "hush" not in repr(masked(found, lambda text: text.replace("hush", "***")))
