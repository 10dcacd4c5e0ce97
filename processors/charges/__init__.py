"""What requests were charged, and what is learned from it: answers only, no formula.

`spent` has what a pass was charged (`Meter`, `Spent`): by container, by what was done, by class of size. `learned` has
what is known from all passes, in a frame of `SCHEMA` that the city's checkpoint keeps (`spending.learned`):

    known = learn(known, observed(meter.spent, endpoint=..., database=..., policies=..., at=...))
    charges = Learned(of_account(known, endpoint, database))
    charges.charge("readings", INSERT, sizes)      # request units of each document, null where it is not known

Null is unknown: nothing is extrapolated, and what has no charge is not guessed.
"""

from __future__ import annotations

from processors.charges.learned import SCHEMA, Learned, empty, is_sound, learn, observed, of_account, policy_of
from processors.charges.spent import DELETE, FAILED, INSERT, QUERY, REPLACE, Charge, Kind, Meter, Spent

__all__ = [
    "DELETE",
    "FAILED",
    "INSERT",
    "QUERY",
    "REPLACE",
    "SCHEMA",
    "Charge",
    "Kind",
    "Learned",
    "Meter",
    "Spent",
    "empty",
    "is_sound",
    "learn",
    "observed",
    "of_account",
    "policy_of",
]
