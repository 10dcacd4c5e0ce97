"""What a check found, and what to do about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sensors.errors import SensorsError

AGAIN = (
    "run `bacalhau-cosmos sensors diagnostics` once more; if the same part does not answer, a disk or the network hangs"
)
USUAL = (
    "`bacalhau-cosmos sensors monitor` shows what each sensor and uploader does",
    "`bacalhau-cosmos sensors logs uploader-CITY` shows what an uploader says",
    "`bacalhau-cosmos sensors query --all` counts the readings here and in Cosmos DB",
)
"""Next steps when there is nothing to mend."""


class Outcome(StrEnum):
    """Of a check; only a failed one makes the whole fail."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: What was looked at.
        outcome: How it is.
        found: What is so; of a skipped one, why it was not looked at.
        remedy: What to do, one sentence; empty when it is well or was skipped.
        lines: The last that a container said; else empty.
    """

    name: str
    outcome: Outcome
    found: str
    remedy: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """The checks of one group."""

    title: str
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Part:
    """A group of checks that are still to be made; `checks` gives each when it is known."""

    title: str
    checks: Callable[[], Iterable[Check]]


def ok(name: str, found: str, lines: Sequence[str] = ()) -> Check:
    """A check that found all well."""
    return Check(name, Outcome.OK, found, lines=tuple(lines))


def warning(name: str, found: str, remedy: str, lines: Sequence[str] = ()) -> Check:
    """A check that found what may become a failure, or hides one."""
    return Check(name, Outcome.WARNING, found, remedy, tuple(lines))


def failed(name: str, found: str, remedy: str, lines: Sequence[str] = ()) -> Check:
    """A check that found what does not work."""
    return Check(name, Outcome.FAILED, found, remedy, tuple(lines))


def skipped(name: str, why: str) -> Check:
    """A check that could not be made, or has nothing to look at."""
    return Check(name, Outcome.SKIPPED, why)


def guarded(name: str, run: Callable[[], Check]) -> Check:
    """The check; an error of ours in it is its failure, with the error's hint."""
    try:
        return run()
    except SensorsError as error:
        return failed(name, str(error), error.hint)


def sections(parts: Sequence[Part], *, within_s: float, clock: Callable[[], float] = time.monotonic) -> list[Section]:
    """All parts in order, made at once; of one that hangs, what was known by then and that it hung.

    Args:
        parts: To make. An error of ours in one is a failed check; any other is raised here.
        within_s: For all of them together.
        clock: Seconds, never falling.
    """
    running = [_Running(part) for part in parts]
    until_s = clock() + within_s
    for each in running:
        each.thread.start()
    for each in running:
        each.thread.join(max(0.0, until_s - clock()))
    return [each.section(within_s) for each in running]


def well(found: Sequence[Section]) -> bool:
    """Whether nothing failed."""
    return not any(check.outcome is Outcome.FAILED for section in found for check in section.checks)


def next_steps(found: Sequence[Section]) -> list[str]:
    """Each remedy once: of failures before those of warnings, and causes before effects, as the sections are."""
    checks = [check for section in found for check in section.checks if check.remedy]
    ordered = sorted(checks, key=lambda check: check.outcome is not Outcome.FAILED)
    return list(dict.fromkeys(check.remedy for check in ordered)) or list(USUAL)


def masked(found: Sequence[Section], mask: Callable[[str], str]) -> list[Section]:
    """The same with every text through `mask`."""
    return [
        replace(
            section,
            checks=tuple(
                replace(
                    check,
                    name=mask(check.name),
                    found=mask(check.found),
                    remedy=mask(check.remedy),
                    lines=tuple(map(mask, check.lines)),
                )
                for check in section.checks
            ),
        )
        for section in found
    ]


@dataclass
class _Running:
    """A part in a thread of its own: no deadline of ours reaches into a call to a disk that hangs."""

    part: Part
    done: list[Check] = field(default_factory=list)
    bug: BaseException | None = None

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=f"diagnose {self.part.title}", daemon=True)

    def _run(self) -> None:
        try:
            for check in self.part.checks():
                self.done.append(check)
        except SensorsError as error:
            self.done.append(failed(self.part.title, str(error), error.hint))
        except BaseException as error:  # noqa: BLE001 - raised by `section`, in the thread that can tell it
            self.bug = error

    def section(self, within_s: float) -> Section:
        if self.bug is not None:
            raise self.bug
        late = [failed("the rest", f"no answer within {within_s:g} s", AGAIN)] if self.thread.is_alive() else []
        return Section(self.part.title, (*self.done, *late))
