"""What a city would cost, from what is foretold of its documents: pure functions of plain values.

    prices      what a request unit, a hundred of them a second, and a gigabyte cost
    traffic     what there is to write: now, and in each month from now on
    bill        a month, serverless, manual and autoscale
    limits      when partitions are full, and what throughput there has to be at least
    lint        what will go wrong, or cost more than it should

Nothing here knows what a request costs: charges come with the traffic, or are not known.
"""

from __future__ import annotations
