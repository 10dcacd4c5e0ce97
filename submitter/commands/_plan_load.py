"""What is foreseen of a city, as the values that its plan is reckoned from."""
# ruff: noqa: PLC0415 - processors and fleet are imported when they are used, so that help stays fast

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleet.plan.lint import Shape
    from fleet.plan.traffic import Load, Traffic
    from processors.containers.definition import Definition
    from processors.planned import Planned
    from processors.rehearsal.foresee import Coming, Foreseen
    from processors.rehearsal.pricing import Priced


def load_of(foreseen: "Foreseen", coming: "Coming | None") -> "Load":
    """The city's load.

    Args:
        foreseen: The city.
        coming: In a month, as it is foreseen or with a lever; None where that is not known.
    """
    from fleet.plan.traffic import Load, Sensor

    sensors = [Sensor(name, sizes, share) for name, (share, sizes) in foreseen.sensors.items()]
    backlog = _traffic(foreseen, foreseen.backlog, foreseen.rehearsal.counted.kept_bytes)
    month = _nothing_known(foreseen) if coming is None else _traffic(foreseen, coming.written, coming.kept_bytes)
    return Load(backlog, month, foreseen.pass_s, sensors)


def shape_of(foreseen: "Foreseen") -> "Shape":
    """What the city's documents look like."""
    from fleet.plan.lint import Shape
    from fleet.plan.traffic import total
    from processors.rehearsal.queried import queried

    readings = foreseen.settings.container
    counted, sampled = foreseen.rehearsal.counted, foreseen.sampled
    requests = counted.requests.get(readings, 0)
    rows = foreseen.rehearsal.report.taken.rows
    spent = [each.request_units for each in foreseen.backlog.values()]
    return Shape(
        largest={
            name: max(counted.largest.get(name, 0), sampled.largest.get(name, 0))
            for name in {**sampled.largest, **counted.largest}
        },
        odd_ids=counted.odd_ids,
        long_keys=counted.long_keys,
        indexed={each.name: each.indexed for each in _containers(foreseen)},
        queried=queried(readings),
        page_rows=foreseen.settings.page_rows,
        request_units_a_row=total(spent, rows) if rows else None,
        documents_a_request=counted.documents(readings) / requests if requests else None,
    )


def seconds_of(foreseen: "Foreseen", ru_s: int | None) -> float | None:
    """Seconds that the backlog takes; None where a charge or the throughput is not known."""
    from fleet.plan.duration import seconds

    each = {name: _of_a_document(priced) for name, priced in foreseen.backlog.items()}
    steps = [(container, documents, each[container]) for container, documents in foreseen.rehearsal.counted.steps]
    if ru_s is None or any(charge is None for _, _, charge in steps):
        return None
    spent = [(container, documents * (charge or 0.0)) for container, documents, charge in steps]
    return seconds(spent, ru_s, foreseen.rehearsal.seconds)


def _of_a_document(priced: "Priced") -> float | None:
    documents = priced.inserts + priced.replaces
    return None if priced.request_units is None or not documents else priced.request_units / documents


def planned_of(foreseen: "Foreseen", seconds: float | None) -> "Planned":
    """What the next run compares itself with; as its report, without what the report itself comes to."""
    from fleet.plan.traffic import total
    from processors.city import form
    from processors.containers import RUNS
    from processors.planned import Planned

    backlog = {name: each for name, each in foreseen.backlog.items() if name != RUNS}
    spent = total([each.request_units for each in backlog.values()])
    return Planned(
        made_at=foreseen.made_at,
        positions=foreseen.rehearsal.positions,
        form=form(foreseen.settings).encode(),
        rows=foreseen.rehearsal.report.taken.rows,
        documents={name: round(each.inserts + each.replaces) for name, each in backlog.items()},
        request_units=None if spent is None else round(spent, 2),
        seconds=None if seconds is None else round(seconds, 3),
    )


def _traffic(foreseen: "Foreseen", priced: "Mapping[str, Priced]", kept_bytes: Mapping[str, float]) -> "list[Traffic]":
    """Of each container of the account, also of those to which nothing goes."""
    from fleet.plan.traffic import Traffic

    return [
        Traffic(
            each.name,
            kept_bytes.get(each.name, 0.0),
            priced[each.name].request_units if each.name in priced else 0.0,
            each.default_ttl_s,
        )
        for each in _containers(foreseen)
    ]


def _nothing_known(foreseen: "Foreseen") -> "list[Traffic]":
    from fleet.plan.traffic import Traffic

    return [Traffic(each.name, None, None, each.default_ttl_s) for each in _containers(foreseen)]


def _containers(foreseen: "Foreseen") -> "Sequence[Definition]":
    from processors.city import account
    from processors.containers.definition import wanted

    return wanted(account(foreseen.settings))
