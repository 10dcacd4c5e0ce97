"""The score of `joint` as it is defined, row after row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import numpy as np

from processors.detect.joint import TAIL_WEIGHT
from processors.detect.joint.blocks import BLOCK_ROWS
from processors.detect.joint.spread import CLIP, FEWEST_ROWS, WEIGHT
from processors.detect.joint.tail import FROM, TO
from processors.detect.joint.usual import FAST, SLOW
from processors.detect.spike import SMALLEST_SPREAD
from processors.schema import MEASURE_NAMES

FLOORS = [SMALLEST_SPREAD[name] for name in MEASURE_NAMES]
SIZE = len(FLOORS)


def distances(values: Sequence[float | None]) -> list[tuple[float, float] | None]:
    """Of one measure: how far each value is from the slow and from the fast average before it."""
    last: list[float] = []
    averages: tuple[float, float, float] | None = None
    found: list[tuple[float, float] | None] = []
    filled = None
    for value in values:
        if value is not None and averages is not None:
            slow, once, twice = averages
            ahead = 2 * once - twice + FAST / (1 - FAST) * (once - twice)
            found.append((value - slow, value - ahead))
        else:
            found.append(None)
        filled = filled if value is None else value
        if value is not None:
            three = [*last[-2:], value]
            middle = median(three) if len(three) == 3 else max(three)
            slow, once, twice = averages or (middle, middle, middle)
            once += FAST * (middle - once)
            averages = (slow + SLOW * (middle - slow), once, twice + FAST * (once - twice))
        if filled is not None:
            last.append(filled)
    return found


def scored(rows: Sequence[tuple[float | None, ...]]) -> list[float | None]:
    """Of the rows of one sensor: bits, null where unknown."""
    from_both = [distances([row[i] for row in rows]) for i in range(SIZE)]
    known, logs = np.zeros(SIZE), np.zeros((SIZE, 2))
    used, products, tails = np.zeros(SIZE), np.zeros((SIZE, SIZE)), np.zeros(2)
    scores: list[float | None] = []
    for begin in range(0, len(rows), BLOCK_ROWS):
        block = range(begin, min(begin + BLOCK_ROWS, len(rows)))
        enough = known >= FEWEST_ROWS * WEIGHT
        counts = np.where(known > 0, known, 1)
        scales = np.maximum(np.exp(logs.min(axis=1) / counts + (np.euler_gamma + math.log(2)) / 2), FLOORS)
        fast = logs[:, 1] < logs[:, 0]
        clipped = np.zeros((len(block), SIZE))
        of_block = np.zeros(SIZE), np.zeros((SIZE, 2)), np.zeros(SIZE), np.zeros(2)
        for place, number in enumerate(block):
            here = np.full(SIZE, np.nan)
            for i in range(SIZE):
                if (both := from_both[i][number]) is None:
                    continue
                of_block[0][i] += 1
                of_block[1][i] += [math.log(abs(distance) + FLOORS[i] / 16) for distance in both]
                if enough[i]:
                    here[i] = both[int(fast[i])]
                    of_block[2][i] += 1
                    clipped[place, i] = scales[i] * max(-CLIP, min(CLIP, here[i] / scales[i]))
            score = bits(here, used, products)
            if score is not None and FROM <= score < TO:
                of_block[3][:] += 1, score - FROM
            scores.append(score if score is None else own(score, *(tails / TAIL_WEIGHT)))
        for average, latest, weight in (
            (known, of_block[0], WEIGHT),
            (logs, of_block[1], WEIGHT),
            (used, of_block[2], WEIGHT),
            (products, clipped.T @ clipped, WEIGHT),
            (tails, of_block[3], TAIL_WEIGHT),
        ):
            average[...] = average + weight * (latest - average)
    return scores


def bits(here: np.ndarray, used: np.ndarray, products: np.ndarray) -> float | None:
    """-log2 of the chance of a distance like this; the floors only matter in the test of constants."""
    which = np.flatnonzero(~np.isnan(here) & (used >= FEWEST_ROWS * WEIGHT))
    if len(which) < 2:
        return None
    covariance = (products / np.sqrt(np.outer(used, used) + (used == 0)))[np.ix_(which, which)]
    remembered = used[which].min() / WEIGHT
    plain = here[which] @ np.linalg.solve(covariance, here[which])
    square = remembered * math.log1p(plain / remembered)
    half, degrees = square / 2, len(which)
    if degrees % 2 == 0:
        return half / math.log(2) - math.log2(1 + half if degrees == 4 else 1)
    terms = {3: 1.0, 5: 1 + square / 3}[degrees] * math.sqrt(2 * square / math.pi)
    tail = math.erfc(math.sqrt(half)) * math.exp(half) if half < 300 else 1 / math.sqrt(math.pi * half)
    return half / math.log(2) - math.log2(tail + terms)


def own(score: float, rare: float, excess: float) -> float:
    """Bits above `FROM` in units of the tail of late."""
    expected = 1 / math.log(2) - (TO - FROM) / (2 ** (TO - FROM) - 1)
    stretch = max(1.0, (excess + 64 * expected) / (rare + 64) / expected)
    return FROM + (score - FROM) / stretch if score > FROM else score
