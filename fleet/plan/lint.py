"""What will go wrong, or cost more than it should, seen before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fleet.plan.limits import GB, PHYSICAL_RU_S, SERVERLESS_RU_S, storage_gb
from fleet.plan.traffic import DAY_S, MONTH_S, NEVER, Load

ITEM_BYTES = 2 * 1024 * 1024
NEAR = 0.8
"""Share of a limit from which on it is told."""

HOT_SHARE, HOT_SENSORS = 0.5, 4
"""One sensor of so many with more than so much of the documents."""

FEW = 10
"""Documents of a request in the mean, below which answers, not request units, decide how long it takes."""

LONG_BATCH_S = 120.0
"""A batch that takes longer to send is sent again, at twice the price, when a run is stopped in it."""

YEARS_GB = 100.0
"""A container without expiry that gets to so much in a year."""


@dataclass(frozen=True)
class Hazard:
    """Something to mend before the bill comes.

    Attributes:
        name: What it is, always in these words.
        subject: Where.
        why: What is the matter, with its numbers.
        hint: What to try.
    """

    name: str
    subject: str
    why: str
    hint: str


@dataclass(frozen=True)
class Shape:
    """What documents look like.

    Attributes:
        largest: Container -> bytes of its largest document.
        odd_ids: Container -> documents whose id the service refuses.
        long_keys: Container -> documents whose partition key the service refuses.
        indexed: Container -> paths that it indexes.
        queried: Container -> properties by which this program finds documents of it.
        page_rows: Rows of a batch.
        request_units_a_row: None where it is not known.
        documents_a_request: In the mean, in the container with most requests; None for none.
    """

    largest: Mapping[str, int]
    odd_ids: Mapping[str, int] = field(default_factory=dict)
    long_keys: Mapping[str, int] = field(default_factory=dict)
    indexed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    queried: Mapping[str, frozenset[str]] = field(default_factory=dict)
    page_rows: int = 20_000
    request_units_a_row: float | None = None
    documents_a_request: float | None = None


def hazards(load: Load, shape: Shape, ru_s: float | None) -> Sequence[Hazard]:
    """All there are; those that lose data come first.

    Args:
        load: What there is to write.
        shape: Of the documents.
        ru_s: Throughput that was given.
    """
    return [
        *_items(shape),
        *_ids(shape),
        *_partitions(load, ru_s),
        *_serverless(load),
        *_expiry(load),
        *_pages(shape, ru_s),
        *_indexes(shape),
    ]


def _items(shape: Shape) -> Iterator[Hazard]:
    for container, size in shape.largest.items():
        if size >= NEAR * ITEM_BYTES:
            fate = "the service refuses it" if size > ITEM_BYTES else "a little more, and the service refuses it"
            yield Hazard(
                "large item",
                container,
                f"the largest document has {size:,} of {ITEM_BYTES:,} bytes: {fate}",
                "make buckets smaller (bucket_rows), or drop long texts (drop_fields)",
            )


def _ids(shape: Shape) -> Iterator[Hazard]:
    for container, count in shape.odd_ids.items():
        yield Hazard(
            "forbidden id",
            container,
            f"{count:,} documents have an id with / \\ ? # or more than 1,023 bytes: the service refuses them",
            "report it: ids are made so that this cannot be",
        )
    for container, count in shape.long_keys.items():
        yield Hazard(
            "long partition key",
            container,
            f"{count:,} documents have a city or sensor id of more than 2,048 bytes: the service refuses them",
            "give the sensor a shorter id where it is written",
        )


def _partitions(load: Load, ru_s: float | None) -> Iterator[Hazard]:
    hottest = max(load.sensors, key=lambda each: each.share, default=None)
    if hottest is not None and len(load.sensors) >= HOT_SENSORS and hottest.share > HOT_SHARE:
        yield Hazard(
            "hot partition",
            hottest.name,
            f"it brings {hottest.share:.0%} of the documents of {len(load.sensors)} sensors, all to one logical "
            "partition a month",
            "let it say less (send, bucket_rows), or give its parts sensor ids of their own",
        )
    rate = load.request_units_a_second
    if rate is not None and rate >= NEAR * PHYSICAL_RU_S:
        yield Hazard(
            "hot partition",
            "the city",
            f"{rate:,.0f} RU/s of the {PHYSICAL_RU_S:,.0f} that one physical partition takes",
            "use a lever of this plan, or write the city as two",
        )
    if ru_s is not None and ru_s > PHYSICAL_RU_S:
        yield Hazard(
            "throughput that cannot be used",
            "the city",
            f"{ru_s:,.0f} RU/s, and a city's documents share a physical partition, which takes {PHYSICAL_RU_S:,.0f}",
            "set no more, unless other cities write at the same time",
        )


def _serverless(load: Load) -> Iterator[Hazard]:
    for each in load.month:
        rate = 0.0 if each.request_units is None else each.request_units / MONTH_S
        if rate >= NEAR * SERVERLESS_RU_S:
            yield Hazard(
                "too much for serverless",
                each.container,
                f"{rate:,.0f} RU/s of the {SERVERLESS_RU_S:,.0f} that a serverless container has",
                "pay for throughput, manual or autoscale, or use a lever of this plan",
            )


def _expiry(load: Load) -> Iterator[Hazard]:
    later = storage_gb(load, 12)
    for each in load.month:
        gb = later[each.container]
        if each.ttl_s == NEVER and each.bytes and gb is not None and gb >= YEARS_GB:
            months = YEARS_GB * GB / each.bytes
            yield Hazard(
                "nothing expires",
                each.container,
                f"{gb:,.0f} GB in a year, each paid for every month, and autoscale may not go below 10 RU/s for each",
                f"let documents expire (TTL) before {months * MONTH_S / DAY_S:,.0f} days; the archive keeps them",
            )


def _pages(shape: Shape, ru_s: float | None) -> Iterator[Hazard]:
    if shape.documents_a_request is not None and shape.documents_a_request < FEW and shape.page_rows < 1_000:
        yield Hazard(
            "page size",
            f"page_rows = {shape.page_rows}",
            f"a request has {shape.documents_a_request:.1f} documents in the mean, and could have 100: answers decide "
            "how long it takes",
            "leave page_rows at its default",
        )
    if ru_s is None or shape.request_units_a_row is None:
        return
    batch_s = shape.page_rows * shape.request_units_a_row / ru_s
    if batch_s > LONG_BATCH_S:
        yield Hazard(
            "page size",
            f"page_rows = {shape.page_rows}",
            f"a batch takes {batch_s:,.0f} s at {ru_s:,.0f} RU/s; what was sent of it is sent again when a run is "
            "stopped meanwhile",
            f"set page_rows to {max(100, int(60 * ru_s / shape.request_units_a_row) // 100 * 100)}",
        )


def _indexes(shape: Shape) -> Iterator[Hazard]:
    for container, paths in shape.indexed.items():
        queried = shape.queried.get(container, frozenset())
        unused = [path for path in paths if path.strip("/").split("/")[0] not in queried]
        if unused:
            yield Hazard(
                "index that nothing queries",
                container,
                f"{', '.join(unused)}: each adds to the charge of each write, and no query of this program has it in "
                "a condition or an order",
                "leave it out of the container's indexing policy, unless queries of your own need it",
            )
