"""How fast a container takes request units, learned from its answers alone.

Nothing is known, and nothing is paced, until a request is throttled. Then a rate is kept, in request units a second:
requests are spaced by what they are expected to cost, and made small enough that the grain is fine. The rate is cut
when a request is throttled and rises again meanwhile, in two ways: by a step that is the same for every process that
writes documents like ours, so that those who share a budget come to equal shares (additive increase, multiplicative
decrease: Chiu and Jain, 1989); and, the longer nothing is throttled, by a growing share of itself, so that a budget
that was raised is found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GRAIN = 0.3
"""A request has so many times the root of the documents that the rate allows in a second: small ones, so that a refusal
costs little and comes soon, and not too many."""

MOST_PER_S = 200
"""Requests a second: what sixteen in flight can do where an answer takes 80 ms. Above that they are larger instead."""

CUT = 0.2
"""Share of the rate that is given up when a request is throttled."""

FLOOR = 0.6
"""Share of the rate that is left at least, however little was taken since the last cut; and a document a second."""

STEP = 0.8
"""The rate, in documents a second, rises by so many times its own root in each second."""

CALM_S = 3.0
GROWTH = 0.02
MOST_GROWTH = 0.5
"""After `CALM_S` without throttling the rate also rises by `GROWTH` of itself a second, after twice that time by four
times as much, and so on up to `MOST_GROWTH`."""

SHORTEST_S = 1.0
"""A rate is measured over so long at least: a container saves up what was not used for about a second."""

REST_S = 5.0
"""After a longer rest the first rate is measured anew: what was not asked for says nothing of what is allowed."""

_WEIGHT = 0.1


@dataclass(frozen=True)
class Sent:
    """What was known when a request was sent.

    Attributes:
        documents: In it.
        expected: Its charge, 0 while none is known.
        cuts: How often the rate had been cut.
        limited: Whether it had to wait for the rate.
    """

    documents: int
    expected: float
    cuts: int
    limited: bool


class Pace:
    """See the module. It outlives connections: what was learned in one pass holds in the next.

    Attributes:
        rate: Request units a second that may be spent, None as long as nothing was throttled.
        cuts: How often the rate was cut.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self.cuts = 0
        self._document: float | None = None
        self._began_s: float | None = None
        self._last_s = 0.0
        self._spent = 0.0
        self._calm_s = 0.0

    def size(self, most: int) -> int:
        """Documents that a request should have, at most `most` of them."""
        if self.rate is None or self._document is None:
            return most
        a_second = self.rate / self._document
        return max(1, min(most, int(max(GRAIN * math.sqrt(a_second), a_second / MOST_PER_S))))

    def expected(self, documents: int) -> float:
        """Charge of so many documents, 0 while none is known."""
        return documents * (self._document or 0.0)

    def begins(self, now_s: float) -> None:
        """A request is sent; time is measured from the first one, or from the first after a rest."""
        if self._began_s is None or (self.rate is None and now_s - self._last_s > REST_S):
            self._spent, self._began_s = 0.0, now_s
        self._last_s = now_s

    def taken(self, sent: Sent, charge: float, now_s: float) -> None:
        """The service took the request.

        Args:
            sent: What was known when it was sent.
            charge: Its request units; 0 where the service states none, and nothing is learned from that.
            now_s: Seconds, never falling.
        """
        if not charge:
            return
        self._last_s = now_s
        each = charge / sent.documents
        self._document = each if self._document is None else self._document + _WEIGHT * (each - self._document)
        self._spent += charge
        if self.rate is None:
            if self.cuts:
                self._measure(now_s)
        elif sent.limited and sent.cuts == self.cuts:
            self._rise(charge / self.rate)

    def throttled(self, sent: Sent, until_s: float) -> None:
        """The service refused the request for now; requests that were under way together count once.

        Args:
            sent: What was known when it was sent.
            until_s: When the service may take requests again.
        """
        if sent.cuts != self.cuts:
            return
        self.cuts += 1
        self._calm_s = 0.0
        if self.rate is None:
            if self._spent:
                self._measure(until_s)
            return
        seconds = self._seconds(until_s)
        measured = self._spent / seconds if seconds >= SHORTEST_S else self.rate
        self.rate = max(self._document or 0.0, self.rate * FLOOR, min(self.rate, measured) * (1 - CUT))
        self._spent, self._began_s = 0.0, until_s

    def _measure(self, now_s: float) -> None:
        """The first rate: what was taken since the first request."""
        measured = self._spent / max(SHORTEST_S, self._seconds(now_s))
        self.rate = max(self._document or 0.0, measured * (1 - CUT))
        self._spent, self._began_s = 0.0, now_s

    def _seconds(self, now_s: float) -> float:
        """Over which `_spent` was spent."""
        return 0.0 if self._began_s is None else now_s - self._began_s

    def _rise(self, seconds: float) -> None:
        assert self.rate is not None
        assert self._document is not None
        self._calm_s += seconds
        share = min(MOST_GROWTH, GROWTH * (self._calm_s / CALM_S) ** 2) if self._calm_s > CALM_S else 0.0
        self.rate += seconds * (STEP * math.sqrt(self.rate * self._document) + share * self.rate)
