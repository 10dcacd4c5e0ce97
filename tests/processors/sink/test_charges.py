"""Request units, as the answers state them: in sum, by what was done, and of what came to nothing."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from processors.charges import DELETE, FAILED, INSERT, REPLACE, Meter
from processors.cosmos import Account
from processors.errors import EndpointError
from processors.sink import open_sink
from tests.harness.sinks import CHARGE, Time, group, write
from tests.harness.strict import Answer, StrictCosmos
from tests.harness.strict.faults import on_batches, throttled


def test_request_units_are_those_of_all_answers(strict: StrictCosmos) -> None:
    refused = Answer(207, [{"statusCode": 424}, {"statusCode": 400}, {"statusCode": 424}], {CHARGE: "2.5"})
    strict.plan = on_batches({0}, refused)
    written = write(strict.account, group(3), group(1, "s2"))
    assert written.request_units == pytest.approx(2.5 + sum(request.charge for request in strict.batches))
    before = len(strict.batches)
    strict.plan = on_batches({before}, replace(throttled(), headers={CHARGE: "0.5"}))
    written = write(strict.account, group(3))
    assert written.request_units == pytest.approx(0.5 + sum(request.charge for request in strict.batches[before:]))


def totals(meter: Meter) -> dict[str, tuple[int, int]]:
    """Operation -> documents and bytes."""
    return {operation: (told.documents, told.bytes) for (_, operation), told in meter.spent.totals().items()}


def charged(meter: Meter, *operations: str) -> float:
    found = meter.spent.totals()
    return sum(found["readings", operation].request_units for operation in operations)


@pytest.mark.parametrize("draw", range(3))
def test_charges_are_told_by_what_was_done(account: Account, draw: int) -> None:
    """Each as the service states it; the seed says what the account charges."""
    seed = random.SystemRandom().randrange(1_000_000)
    some, all_ = group(150, text="x" * 40 * draw), group(250, text="x" * 40 * draw)
    inserted, written, deleted = Meter(), Meter(), Meter()
    with StrictCosmos(account, seed=seed) as strict:
        sent = []
        for meter, act in (
            (inserted, lambda sink: sink.write("readings", [some])),
            (written, lambda sink: sink.write("readings", [all_])),
            (deleted, lambda sink: sink.delete("readings", [all_], lambda _: None)),
        ):
            before = len(strict.batches)
            with open_sink(strict.account, meter=meter) as sink:
                act(sink)
            sent.append(sum(request.charge for request in strict.batches[before:]))
            assert meter.spent.request_units == pytest.approx(sent[-1]), f"seed {seed}"
            assert meter.spent.requests == len(strict.batches) - before
    assert totals(inserted) == {INSERT: (150, sum(some.sizes))}
    assert totals(written) == {REPLACE: (150, sum(some.sizes)), INSERT: (100, sum(all_.sizes[150:]))}
    assert totals(deleted) == {DELETE: (250, sum(all_.sizes))}
    # A batch of both tells them apart: what was replaced cost about twice what was inserted, which cost as before.
    each = charged(inserted, INSERT) / 150
    assert charged(written, INSERT) / 100 == pytest.approx(each, rel=0.02), f"seed {seed}"
    assert 1.7 < charged(written, REPLACE) / 150 / each < 2.3, f"seed {seed}"


def test_attempts_that_came_to_nothing_are_in_the_sum(strict: StrictCosmos) -> None:
    refused = Answer(207, [{"statusCode": 424}, {"statusCode": 400}, {"statusCode": 424}], {CHARGE: "2.5"})
    meter = Meter()
    strict.plan = on_batches({0}, refused)
    with open_sink(strict.account, **Time().options, meter=meter) as sink:
        sink.write("readings", [group(3)])
        strict.plan = on_batches({2, 3}, replace(throttled(), headers={CHARGE: "0.5"}))
        sink.write("readings", [group(3, "s2")])
    assert charged(meter, FAILED) == pytest.approx(2.5 + 2 * 0.5)
    done = [number for number in range(len(strict.batches)) if number not in {0, 2, 3}]
    assert charged(meter, INSERT) == pytest.approx(sum(strict.batches[number].charge for number in done))
    assert totals(meter)[INSERT][0] == 5
    assert meter.spent.requests == len(strict.batches)


def test_what_was_charged_before_an_error_is_known(strict: StrictCosmos) -> None:
    meter = Meter()
    strict.plan = on_batches({1}, Answer(403, {"message": "no"}, {CHARGE: "1.25"}))
    with open_sink(strict.account, **Time().options, meter=meter) as sink:
        sink.write("readings", [group(100)])
        with pytest.raises(EndpointError):
            sink.write("readings", [group(3, "s2")])
    assert meter.spent.request_units == pytest.approx(strict.batches[0].charge + 1.25)
    assert totals(meter)[FAILED][0] == 3
