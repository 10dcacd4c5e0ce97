"""Throughput: what a greedy client gets is what was given."""

from __future__ import annotations

import random

import pytest

from tests.harness.strict.bucket import Bucket


class Time:
    now_s = 1000.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def greedy(bucket: Bucket, time: Time, charges: list[float], latency_s: float = 0.0) -> tuple[float, int]:
    """Units that were spent, and how often it was told to wait, by one who waits just as long as advised."""
    spent, throttled = 0.0, 0
    for charge in charges:
        while wait_ms := bucket.wait_ms():
            throttled += 1
            time.sleep(wait_ms / 1000)
        bucket.spend(charge)
        spent += charge
        time.sleep(latency_s)
    return spent, throttled


@pytest.mark.parametrize("rate", [400.0, 1000.0, 10_000.0])
@pytest.mark.parametrize("largest", [5.0, 800.0, 5000.0])
def test_a_greedy_client_gets_the_rate_and_one_second_at_once(rate: float, largest: float) -> None:
    dice = random.Random(f"{rate} {largest}")
    charges = [dice.uniform(1, largest) for _ in range(max(20, int(20 * rate / largest)))]
    time = Time()
    started_s = time.now_s
    spent, _ = greedy(Bucket(rate, time.clock), time, charges)
    taken_s = time.now_s - started_s
    assert spent - largest <= rate * (taken_s + 1) + 1e-6 * spent
    # Advice is in whole milliseconds, and may be one too long.
    assert spent >= rate * (taken_s + 1) - largest - rate * 0.002 * len(charges)


def test_who_stays_below_the_rate_never_waits() -> None:
    time = Time()
    assert greedy(Bucket(400.0, time.clock), time, [7.9] * 5000, latency_s=0.02)[1] == 0


def test_a_request_that_costs_more_than_a_second_is_admitted_and_its_debt_is_paid_first() -> None:
    time = Time()
    bucket = Bucket(400.0, time.clock)
    assert bucket.wait_ms() == 0
    bucket.spend(2000.0)
    assert bucket.wait_ms() == 4001
    time.sleep(4.0)
    assert bucket.wait_ms() == 1
    time.sleep(0.001)
    assert bucket.wait_ms() == 0


def test_idleness_is_worth_one_second_and_no_more() -> None:
    time = Time()
    bucket = Bucket(400.0, time.clock)
    time.sleep(1000)
    bucket.spend(400.0)
    assert bucket.wait_ms() == 1


def test_a_new_rate_begins_with_a_second() -> None:
    time = Time()
    bucket = Bucket(400.0, time.clock)
    bucket.spend(4000.0)
    bucket.rate = 1000.0
    bucket.spend(500.0)
    assert bucket.wait_ms() == 0
    bucket.spend(600.0)
    assert bucket.wait_ms() == 101
    bucket.rate = 1000.0
    assert bucket.wait_ms() == 101
    bucket.rate = None
    bucket.spend(1e9)
    assert bucket.wait_ms() == 0
