from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest

from processors.sink.concurrency import Limiter, Place


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """To its end, or red within seconds: a place that is lost would wait for ever."""
    asyncio.run(asyncio.wait_for(scenario, timeout=5))


async def hold(limiter: Limiter, count: int) -> tuple[AsyncExitStack, list[Place]]:
    stack = AsyncExitStack()
    return stack, [await stack.enter_async_context(limiter.place()) for _ in range(count)]


async def settle() -> None:
    """Let every task run until it waits for something."""
    for _ in range(20):
        await asyncio.sleep(0)


async def free_places(limiter: Limiter) -> int:
    """How many more requests may start now."""
    stack = AsyncExitStack()
    started = [asyncio.create_task(stack.enter_async_context(limiter.place())) for _ in range(limiter.most + 1)]
    await settle()
    count = sum(task.done() for task in started)
    for task in started:
        task.cancel()
    await asyncio.gather(*started, return_exceptions=True)
    await stack.aclose()
    return count


async def run_round(limiter: Limiter) -> None:
    """As many successful requests as there are places, together."""
    held, places = await hold(limiter, limiter.limit)
    for place in places:
        place.taken()
    await held.aclose()


def test_never_more_than_the_limit_at_once() -> None:
    async def scenario() -> None:
        limiter = Limiter(start=3)
        held, _ = await hold(limiter, 2)
        assert await free_places(limiter) == 1
        await held.aclose()
        assert await free_places(limiter) == 3

    run(scenario())


def test_a_waiting_request_starts_when_another_ends() -> None:
    async def scenario() -> None:
        limiter = Limiter(start=1)
        held, _ = await hold(limiter, 1)
        waiting = asyncio.create_task(hold(limiter, 1))
        await settle()
        assert not waiting.done()
        await held.aclose()
        second, _ = await waiting
        await second.aclose()

    run(scenario())


def test_throttling_halves_the_limit_and_withholds_places_that_are_given_back() -> None:
    async def scenario() -> None:
        limiter = Limiter(start=8)
        held, places = await hold(limiter, 8)
        places[0].throttled()
        assert limiter.limit == 4
        assert await free_places(limiter) == 0
        await held.aclose()
        assert await free_places(limiter) == 4

    run(scenario())


def test_requests_that_were_in_flight_together_cut_once() -> None:
    async def scenario() -> None:
        limiter = Limiter(start=8)
        held, places = await hold(limiter, 8)
        for place in places:
            place.throttled()
        assert limiter.limit == 4
        await held.aclose()
        held, places = await hold(limiter, 4)
        for place in places:
            place.throttled()
        assert limiter.limit == 2
        await held.aclose()

    run(scenario())


def test_never_falls_below_the_least() -> None:
    async def scenario() -> None:
        limiter = Limiter(start=3, least=2)
        for _ in range(5):
            held, places = await hold(limiter, 1)
            places[0].throttled()
            await held.aclose()
        assert limiter.limit == 2
        assert await free_places(limiter) == 2

    run(scenario())


def test_rises_by_one_a_round_up_to_the_most() -> None:
    async def scenario() -> None:
        limiter = Limiter(start=2, most=4)
        limits = []
        for _ in range(5):
            await run_round(limiter)
            limits.append(limiter.limit)
        assert limits == [3, 4, 4, 4, 4]
        assert await free_places(limiter) == 4

    run(scenario())


def test_rises_again_after_it_fell() -> None:
    async def scenario() -> None:
        limiter = Limiter(start=8, most=16)
        held, places = await hold(limiter, 8)
        places[0].throttled()
        await held.aclose()
        for _ in range(12):
            await run_round(limiter)
        assert limiter.limit == 16
        assert await free_places(limiter) == 16

    run(scenario())


def test_a_rise_while_places_are_withheld_gives_one_of_them_back() -> None:
    async def scenario() -> None:
        limiter = Limiter(start=4, most=4)
        held, places = await hold(limiter, 4)
        places[0].throttled()
        places[1].taken()
        places[2].taken()
        assert limiter.limit == 3
        await held.aclose()
        assert await free_places(limiter) == 3

    run(scenario())


def test_a_request_that_fails_or_is_cancelled_gives_its_place_back() -> None:
    async def scenario() -> None:
        limiter = Limiter(start=1)
        with pytest.raises(RuntimeError):
            async with limiter.place():
                raise RuntimeError
        held, _ = await hold(limiter, 1)
        waiting = asyncio.create_task(hold(limiter, 1))
        await settle()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await held.aclose()
        assert await free_places(limiter) == 1

    run(scenario())


@pytest.mark.parametrize(("start", "least", "most"), [(0, 0, 1), (4, 5, 8), (9, 1, 8)])
def test_refuses_bounds_that_contradict_each_other(start: int, least: int, most: int) -> None:
    with pytest.raises(ValueError, match="least <= start <= most"):
        Limiter(start=start, least=least, most=most)
