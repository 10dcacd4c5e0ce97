"""Tokens end, runs go on: a week on one connection, and endpoints that are down when a new token is due."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from processors import identity
from processors.cosmos import Account
from processors.errors import EndpointError
from processors.model import Documents
from processors.sink import Sink, open_sink
from tests.harness import oracle
from tests.harness.entra import Tokens
from tests.harness.strict import StrictCosmos
from tests.identity.conftest import Guard

HOUR_S = 3_600
WEEK_S = 7 * 24 * HOUR_S
EARLY_S = 300
"""So long before a token ends a new one is asked for (azure-core 1.41, `_should_refresh_token`)..."""
JITTER_S = 60
"""... or up to so much later, drawn for each token."""

DOWN = (503, "AADSTS90033: A transient error has occurred. Please try again.")


class Clock:
    """Unix seconds that pass when told to, everywhere in this process."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        self._real = time.time

    def __call__(self) -> float:
        return self._real() + self._ahead_s

    def pass_(self, seconds: float) -> None:
        self._ahead_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens(now=clock)


@pytest.fixture
def guard(elsewhere: StrictCosmos) -> Guard:
    assert isinstance(elsewhere.plan, Guard)
    return elsewhere.plan


@contextmanager
def sink(elsewhere: StrictCosmos, *, budget_s: float = 20.0) -> Iterator[Sink]:
    with open_sink(elsewhere.account, budget_s=budget_s) as opened:
        yield opened


def write(opened: Sink, number: int) -> None:
    key = ("denver", "s1", "2026-11")
    item = {"id": f"r{number}", "city": key[0], "sensorId": key[1], "month": key[2]}
    written = opened.write("readings", [Documents(key, [item], [100])])
    assert (written.documents, written.refused) == (1, ())


@pytest.mark.usefixtures("principal")
@pytest.mark.parametrize("lifetime_s", [HOUR_S, 24 * HOUR_S])
def test_a_week_on_one_connection(
    elsewhere: StrictCosmos, tokens: Tokens, guard: Guard, clock: Clock, lifetime_s: int
) -> None:
    tokens.lifetime_s = lifetime_s
    step_s = 700
    with sink(elsewhere) as opened:
        for number in range(WEEK_S // step_s):
            write(opened, number)
            clock.pass_(step_s)
    assert guard.refused == []
    # One that lives for two hours or more is replaced when half of that is over, others shortly before their end.
    renewed_s = lifetime_s / 2 if lifetime_s >= 2 * HOUR_S else lifetime_s - EARLY_S
    assert WEEK_S / (renewed_s + step_s) <= len(guard.seen) <= WEEK_S / (renewed_s - step_s) + 1


@pytest.mark.usefixtures("principal")
def test_a_new_token_is_asked_for_minutes_before_the_end_and_not_before(
    elsewhere: StrictCosmos, guard: Guard, clock: Clock
) -> None:
    with sink(elsewhere) as opened:
        write(opened, 0)
        clock.pass_(HOUR_S - EARLY_S - 10)
        write(opened, 1)
        assert len(guard.seen) == 1
        clock.pass_(JITTER_S + 20)
        write(opened, 2)
        assert len(guard.seen) == 2


@pytest.mark.usefixtures("principal")
def test_while_the_token_endpoint_is_down_the_old_token_does(
    elsewhere: StrictCosmos, tokens: Tokens, guard: Guard, clock: Clock
) -> None:
    with sink(elsewhere) as opened:
        write(opened, 0)
        clock.pass_(HOUR_S - EARLY_S + JITTER_S + 1)
        tokens.refused = DOWN
        asked = len(tokens.asked)
        write(opened, 1)
        assert len(tokens.asked) > asked
        assert len(guard.seen) == 1
        tokens.refused = None
        clock.pass_(31)  # it is not asked again within 30 s
        write(opened, 2)
        assert len(guard.seen) == 2
    assert guard.refused == []


@pytest.mark.usefixtures("principal")
# Who ends while TLS is waiting for the other side's goodbye leaves its socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_token_endpoint_that_says_nothing_does_not_stop_the_run(
    elsewhere: StrictCosmos, tokens: Tokens, guard: Guard, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(identity.LIMITS, "read_timeout", 0.2)
    with sink(elsewhere) as opened:
        write(opened, 0)
        clock.pass_(HOUR_S - EARLY_S + JITTER_S + 1)
        tokens.hold = threading.Event()
        try:
            write(opened, 1)
        finally:
            tokens.hold.set()
    gc.collect()
    assert len(guard.seen) == 1
    assert guard.refused == []


@pytest.mark.usefixtures("principal")
@pytest.mark.parametrize(
    ("refused", "retryable", "hint"),
    [
        (DOWN, True, "what gives out this machine's tokens"),
        ((401, "AADSTS7000222: The provided client secret keys are expired."), False, "az ad app"),
        # Of Cosmos, 400 says that it will never take the document; of a token endpoint it says nothing of documents.
        ((400, "AADSTS700016: Application with identifier 'application' was not found in the directory 'City'."), False,
         "az ad app list"),
    ],
)  # fmt: skip
def test_when_no_new_token_comes_in_time_the_run_ends_and_no_document_is_refused(
    account: Account,
    elsewhere: StrictCosmos,
    tokens: Tokens,
    clock: Clock,
    refused: tuple[int, str],
    retryable: bool,
    hint: str,
) -> None:
    with sink(elsewhere, budget_s=0.5) as opened:
        write(opened, 0)
        clock.pass_(HOUR_S + 1)
        tokens.refused = refused
        with pytest.raises(EndpointError) as caught:
            write(opened, 1)
        assert refused[1][:20] in str(caught.value)
        assert hint in caught.value.hint
        assert caught.value.retryable is retryable
        tokens.refused = None
        write(opened, 2)
    assert set(oracle.documents(account, "readings")) == {"r0", "r2"}


@pytest.mark.usefixtures("principal")
def test_a_token_that_ended_before_its_time_is_told_and_the_next_run_has_another(
    elsewhere: StrictCosmos, tokens: Tokens, guard: Guard
) -> None:
    """As where this machine's clock was put back, or the token revoked: by our clock it still holds."""
    with sink(elsewhere) as opened:
        write(opened, 0)
        for token in tokens.issued:
            tokens.issued[token] = 0
        with pytest.raises(
            EndpointError, match=r"401: .* token has been expired since .* Current server time"
        ) as caught:
            write(opened, 1)
    assert caught.value.retryable  # so runs that go on do so
    assert "run again" in caught.value.hint
    with sink(elsewhere) as opened:
        write(opened, 2)
    assert len(guard.seen) == 2
