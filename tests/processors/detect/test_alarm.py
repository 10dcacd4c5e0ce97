from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from processors import checkpoint
from processors.detect.alarm import ALARM, MEMORY, SILENCE_ROWS, TELLING, raise_alarms
from processors.detect.contract import FINDING
from processors.detect.rare import HALF_LIFE, RISE_BITS
from processors.schema import SENSOR_ID

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Finding = tuple[int, str, str, float, float]
"""Row, measure, kind, score, threshold."""

IN_BITS = frozenset({"surprise", "joint"})
EMPTY = pl.DataFrame(schema=MEMORY)
NONE_FOUND: list[Finding] = []


def found(findings: Iterable[Finding]) -> pl.DataFrame:
    rows = [
        {"row": row, "measure": measure, "kind": kind, "value": 1.0, "score": score, "threshold": threshold}
        for row, measure, kind, score, threshold in findings
    ]
    return pl.DataFrame(rows, schema=FINDING)


def rule(row: int, kind: str = "spike", measure: str = "voltageV", score: float = 9.0) -> Finding:
    return (row, measure, kind, score, 8.0)


def bits(row: int, excess: float = 0.0) -> Finding:
    return (row, "voltageV", "surprise", 14.0 + excess, 14.0)


def raised(build: Build, findings: Sequence[Finding], rows: int = 1_000, sensors: str = "s") -> list[tuple[int, str]]:
    """Number from 0 and kind of the rows that raise an alarm."""
    frame = build([{SENSOR_ID: sensors[number % len(sensors)]} for number in range(rows)])
    alarms, _ = raise_alarms(frame, found(findings), EMPTY, IN_BITS)
    assert alarms.schema == pl.Schema(ALARM)
    return [(row_id - 1, kind) for row_id, kind in alarms.select("rowId", "kind").rows()]


def test_a_rule_raises_an_alarm_when_it_begins_and_again_after_a_silence(conformed: Build) -> None:
    long = [rule(row) for row in range(10, 400)]
    again = [rule(399 + SILENCE_ROWS), rule(400 + 2 * SILENCE_ROWS)]
    assert raised(conformed, [*long, *again]) == [(10, "spike"), (400 + 2 * SILENCE_ROWS, "spike")]


def test_a_rule_begins_for_each_measure_by_itself(conformed: Build) -> None:
    long = [rule(row) for row in range(10, 400)]
    assert raised(conformed, [*long, rule(300, measure="humidityPct")]) == [(10, "spike"), (300, "spike")]
    assert raised(conformed, [*long, rule(300, "limit")]) == [(10, "spike"), (300, "limit")]


def test_what_is_found_in_the_silence_is_part_of_the_alarm_before(conformed: Build) -> None:
    after = 10 + SILENCE_ROWS
    assert raised(conformed, [rule(10), rule(after, "limit"), bits(after, 50.0)]) == [(10, "spike")]
    assert raised(conformed, [rule(10), rule(after + 1, "limit")]) == [(10, "spike"), (after + 1, "limit")]


def test_the_silence_of_a_sensor_is_its_own_and_counts_its_own_rows(conformed: Build) -> None:
    findings = [rule(10), rule(11), rule(10 + 2 * SILENCE_ROWS, "limit"), rule(13 + 2 * SILENCE_ROWS, "limit")]
    assert raised(conformed, findings, sensors="ab") == [(10, "spike"), (11, "spike"), (13 + 2 * SILENCE_ROWS, "limit")]


def test_bits_must_exceed_their_threshold_by_more_with_each_alarm_of_late(conformed: Build) -> None:
    step = SILENCE_ROWS + 1
    assert raised(conformed, [bits(step * n) for n in range(5)]) == [(0, "surprise")]
    rising = [bits(step * n, RISE_BITS * n) for n in range(5)]
    assert raised(conformed, rising) == [(step * n, "surprise") for n in range(5)]
    flat = [bits(step * n, RISE_BITS * 0.9) for n in range(5)]
    assert raised(conformed, flat) == [(0, "surprise")]


def test_alarms_of_rules_count_too_and_rules_are_not_held_back_by_them(conformed: Build) -> None:
    step = SILENCE_ROWS + 1
    assert raised(conformed, [rule(0), bits(step, RISE_BITS / 2)]) == [(0, "spike")]
    many = [rule(2 * step * n) for n in range(4)]
    assert raised(conformed, many) == [(2 * step * n, "spike") for n in range(4)]


def test_an_alarm_of_late_is_forgotten_by_halves(conformed: Build) -> None:
    later = HALF_LIFE + 10
    assert raised(conformed, [bits(0), bits(later, 0.51 * RISE_BITS)], rows=later + 1) == [
        (0, "surprise"),
        (later, "surprise"),
    ]
    assert raised(conformed, [bits(0), bits(later, 0.49 * RISE_BITS)], rows=later + 1) == [(0, "surprise")]


def alarm_of(build: Build, findings: Sequence[Finding]) -> dict[str, Any]:
    alarms, _ = raise_alarms(build([{}] * 500), found(findings), EMPTY, IN_BITS)
    return alarms.row(-1, named=True)


def test_the_kind_that_explains_most_names_the_alarm_and_the_others_stand_beside(conformed: Build) -> None:
    kinds = [*TELLING]
    random.Random(1).shuffle(kinds)
    alarm = alarm_of(conformed, [rule(5, kind) for kind in kinds])
    assert (alarm["kind"], alarm["also"]) == (TELLING[0], [f"voltageV {kind}" for kind in TELLING[1:]])


def test_of_one_kind_the_measure_furthest_over_its_threshold_names_the_alarm(conformed: Build) -> None:
    alarm = alarm_of(conformed, [rule(5), rule(5, measure="humidityPct", score=1e6 / 3), rule(5, measure="pressurePa")])
    assert (alarm["measure"], alarm["score"]) == ("humidityPct", 333_300.0)
    assert alarm["also"] == ["pressurePa spike", "voltageV spike"]


def test_what_went_on_before_does_not_name_an_alarm(conformed: Build) -> None:
    alarm = alarm_of(conformed, [*(rule(row, "limit") for row in range(300)), rule(200, "drift")])
    assert (alarm["rowId"], alarm["kind"], alarm["also"]) == (201, "drift", ["voltageV limit"])


@pytest.mark.parametrize("seed", range(12))
def test_any_split_gives_the_same_alarms_and_the_same_memory(conformed: Build, seed: int) -> None:
    source = random.Random(seed)
    rows = conformed([{SENSOR_ID: source.choice("abc")} for _ in range(1_500)])
    drawn: list[Finding] = []
    for row in range(1_500):
        if row % 300 < 60 and source.random() < 0.2:
            drawn.append(bits(row, source.random() * 2))
        if row % 500 > 400:
            drawn += [rule(row, kind) for kind in TELLING[:6] if source.random() < 0.05]
    whole, memory = raise_alarms(rows, found(drawn), EMPTY, IN_BITS)
    parts, carried = [], EMPTY
    cuts = sorted(source.choices(range(1_501), k=9))
    for start, end in zip([0, *cuts], [*cuts, 1_500], strict=True):
        own = [(row - start, *more) for row, *more in drawn if start <= row < end]
        alarms, carried = raise_alarms(rows[start:end], found(own), carried, IN_BITS)  # type: ignore[arg-type]
        carried = pl.read_ipc(io.BytesIO(checkpoint._pack(carried)))
        parts.append(alarms)
    assert len(whole) > 5
    assert pl.concat(parts).equals(whole)
    assert carried.equals(memory)


@pytest.mark.parametrize("apart", [SILENCE_ROWS, SILENCE_ROWS + 1])
@pytest.mark.parametrize("cut", [301, 350, 300 + SILENCE_ROWS, 301 + SILENCE_ROWS])
def test_a_rule_begins_after_as_many_rows_in_another_call(conformed: Build, apart: int, cut: int) -> None:
    """The alarm before is long past: what counts is when the rule found something last."""
    rows = conformed([{}] * 500)
    drawn = [rule(row) for row in (100, 200, 300, 300 + apart)]
    _, memory = raise_alarms(rows[:cut], found(each for each in drawn if each[0] < cut), EMPTY, IN_BITS)
    after = [(row - cut, *more) for row, *more in drawn if row >= cut]
    alarms, _ = raise_alarms(rows[cut:], found(after), memory, IN_BITS)  # type: ignore[arg-type]
    whole, _ = raise_alarms(rows, found(drawn), EMPTY, IN_BITS)
    begins = [] if apart == SILENCE_ROWS else [301 + apart]
    assert whole["rowId"].to_list() == [101, *begins]
    assert alarms["rowId"].to_list() == begins if cut <= 300 + apart else alarms.is_empty()


def test_the_memory_is_bounded(conformed: Build) -> None:
    rows = conformed([{SENSOR_ID: "ab"[number % 2]} for number in range(4_000)])
    drawn = [rule(row, kind) for row in range(0, 4_000, 7) for kind in TELLING[:6]]
    _, memory = raise_alarms(rows, found(drawn), EMPTY, IN_BITS)
    assert len(memory) == 2 * (1 + 6)
    _, later = raise_alarms(rows, found(NONE_FOUND), memory, IN_BITS)
    assert later.select(SENSOR_ID, "kind", "seen").rows() == [("a", "", 4_000), ("b", "", 4_000)]


def test_nothing(conformed: Build) -> None:
    alarms, memory = raise_alarms(conformed([]), found(NONE_FOUND), EMPTY, IN_BITS)
    assert (alarms.schema, len(alarms), memory.schema, len(memory)) == (pl.Schema(ALARM), 0, pl.Schema(MEMORY), 0)
