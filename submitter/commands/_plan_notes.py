"""What is to be said of a plan beside its numbers."""
# ruff: noqa: PLC0415 - processors and fleet are imported when they are used, so that help stays fast

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleet.plan.bill import Choice
    from processors.rehearsal.foresee import Foreseen
    from processors.settings import Settings

_LEARN = "no charge is read yet: run once, or give --probe, which writes 100 times at most and deletes what it wrote"
_LEARN_MORE = "some charges are not known yet: give --probe, or run once with these settings"


def notes_of(foreseen: "Foreseen", choice: "Choice") -> Iterator[str]:
    """What follows from the plan, for people.

    Args:
        foreseen: The city.
        choice: What is known of the account.
    """
    from fleet.plan.limits import manual_floor

    least_ru_s = manual_floor(0.0, choice.highest_ru_s)
    if choice.ru_s is not None and choice.ru_s < least_ru_s:
        yield f"{choice.ru_s:,} RU/s is below the least that can be had ({least_ru_s:,})"
    yield from _of_charges(foreseen)
    yield from _without_effect(foreseen.settings)
    yield from _of_the_month(foreseen)


def _of_charges(foreseen: "Foreseen") -> Iterator[str]:
    backlog = list(foreseen.backlog.values())
    month = [] if foreseen.coming is None else list(foreseen.coming.written.values())
    probed = foreseen.probed
    unstated = probed is not None and probed.request_units is None
    if unstated:
        yield "the service states no charges, so nothing could be learned of them"
    elif any(each.request_units is None for each in (*backlog, *month)):
        yield _LEARN if foreseen.learned_at is None else _LEARN_MORE
    for when, priced in (("what waits", backlog), ("a month", month)):
        unpriced = round(sum(each.unpriced for each in priced if each.request_units is not None))
        if unpriced:
            yield f"the charge of {unpriced:,} documents of {when} is not known and is left out"
    if probed is not None and probed.stays:
        yield "this identity may not delete what the probe wrote: it expires within a minute"


def _without_effect(settings: "Settings") -> Iterator[str]:
    """Settings that change nothing, so that a bill that stays the same is not taken for their effect."""
    if settings.send != "changes" and (settings.dead_band or settings.swinging_door):
        yield f"dead_band and swinging_door have no effect, for send is {settings.send}"
    if settings.bucket_rows == 1 and settings.bucket_seconds is not None:
        yield "bucket_seconds has no effect, for bucket_rows is 1"
    if settings.indexed:
        yield (
            "indexed changes no charge here, for charges are those of the index as it was: change it with `cosmos "
            "create --update`, then give --probe"
        )


def _of_the_month(foreseen: "Foreseen") -> Iterator[str]:
    if foreseen.coming is None:
        yield "too few rows tell how fast they come: a month is not known"
    elif foreseen.rates.stopped:
        yield "all writers have stopped: a month is reckoned at the rate at which they wrote last"
    if foreseen.settings.every is None:
        yield "`every` is not set: a pass each hour is reckoned with"
