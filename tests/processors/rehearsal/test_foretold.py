"""Plans of cities that were drawn by chance, against what a run then sends and is charged."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from statistics import median

from processors.city import passes
from processors.containers import RUNS
from processors.rehearsal.foresee import Foreseen, foresee
from processors.settings import Settings
from processors.world import Silent, World
from submitter.commands._plan_load import seconds_of
from tests.harness.strict import Exchange, StrictCosmos
from tests.processors.rehearsal.conftest import Town
from tests.throttling import replay

RU = 0.05
DURATION = 0.2
RUNS_TO_KNOW = 5
DOCUMENTS = 800
CONTAINERS = ("readings", "aggregates", "anomalies", RUNS)


def still() -> World:
    """Reading takes no time, so that a plan's seconds are those of the throughput alone."""
    return World(clock=lambda: 0.0)


def run(settings: Settings, strict: StrictCosmos) -> Sequence[Exchange]:
    """The batches of a run that took in all there is."""
    before = len(strict.batches)
    (report,) = passes(settings, World(), Silent())
    assert report.exit_code == 0, report.errors
    return strict.batches[before:]


def told(foreseen: Foreseen) -> dict[str, int]:
    return {name: round(each.inserts + each.replaces) for name, each in foreseen.backlog.items()}


def sent(requests: Sequence[Exchange]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for request in requests:
        assert request.status == 200
        found[request.container] += len(request.ids)
    return dict(found)


def known(foreseen: Foreseen) -> float:
    amounts = [each.request_units for name, each in foreseen.backlog.items() if name != RUNS]
    assert None not in amounts, foreseen.backlog
    return sum(amount or 0.0 for amount in amounts)


def assert_foretold(foreseen: Foreseen, requests: Sequence[Exchange], seed: str) -> None:
    assert told(foreseen) == sent(requests)
    charged = sum(request.charge for request in requests if request.container != RUNS)
    foretold = known(foreseen)
    assert abs(foretold - charged) <= RU * charged
    ru_s = max(20, round(charged / random.Random(seed).uniform(60, 240)))
    takes_s = seconds_of(foreseen, ru_s)
    # In the mean of chance: far below 400 RU/s, which is the least that Azure gives, a pace may be found late.
    took_s = median(replay.seconds(requests, ru_s, seed=number) for number in range(5))
    assert takes_s is not None
    assert abs(takes_s - took_s) <= DURATION * took_s


def grow(drawn: Town, settings: Settings) -> None:
    """So much that sending it takes a minute or more: what a pace needs to be found is little beside that."""
    documents = 0
    while documents < DOCUMENTS:
        drawn.grow(drawn.dice.randint(500, 1_200))
        documents = sum(told(foresee(settings, still(), probing=False)).values())


def test_a_probe_foretells_the_first_run(drawn: Town, charging: StrictCosmos, seed: int) -> None:
    settings = drawn.node.settings(charging.account, **drawn.settings)
    grow(drawn, settings)
    foreseen = foresee(settings, still(), probing=True)
    probed = len(charging.batches)
    requests = run(settings, charging)
    assert len(charging.batches) == probed + len(requests)
    assert_foretold(foreseen, requests, f"{seed} first")


def test_history_alone_foretells_the_next_run(drawn: Town, charging: StrictCosmos, seed: int) -> None:
    settings = drawn.node.settings(charging.account, **drawn.settings)
    grow(drawn, settings)
    for _ in range(RUNS_TO_KNOW):  # what was shown is replaced: known once documents of such sizes were
        run(settings, charging)
        grow(drawn, settings)
        before = len(charging.exchanges)
        foreseen = foresee(settings, still(), probing=False)
        assert len(charging.exchanges) == before
        if all(each.request_units is not None for each in foreseen.backlog.values()):
            break
    assert_foretold(foreseen, run(settings, charging), f"{seed} next")
