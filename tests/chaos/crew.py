"""Carries out many plans, some at a time."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.chaos.perform import Outcome, perform
from tests.chaos.plan import Plan
from tests.chaos.zygote import Zygote

WORKERS = 2 * (os.cpu_count() or 1)
"""Plans at a time: one waits about as long as it works."""

_zygote: Zygote | None = None


def _prepare() -> None:
    global _zygote  # noqa: PLW0603
    _zygote = Zygote()


def _one(plan: Plan, endpoint: str) -> Outcome:
    assert _zygote is not None
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{plan.seed}-"))
    try:
        return perform(plan, _zygote, endpoint, folder / "node")
    finally:
        shutil.rmtree(folder)


def perform_all(plans: Iterable[Plan], endpoint: str) -> Iterator[Outcome]:
    """The outcome of each plan, in order.

    Args:
        plans: What to do.
        endpoint: Of an emulator.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, context, _prepare) as pool:
        futures = [pool.submit(_one, plan, endpoint) for plan in plans]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
