import pytest

from processors.feedback.stored import by_score, counts
from processors.feedback.tune import LEAST_LABELS, MISSED_COST, Labels, proposed, rounded


def labelled(*, true=(), false=()):
    """As `by_score` gives it for one kind."""
    found = {}
    for score in true:
        found.setdefault(score, Labels()).true += 1
    for score in false:
        found.setdefault(score, Labels()).false += 1
    return found


def after(present, **scores):
    return proposed(labelled(**scores), present).after


def test_false_alarms_below_true_ones_are_spared_with_the_smallest_change_that_does():
    found = proposed(labelled(true=[30.0, 40.0], false=[8.5, 9.0, 12.34]), 8.0)
    assert found.after == 12.35
    assert (found.true, found.false, found.before) == (2, 3, 8.0)
    assert found.note == "spares 3 of 3 false alarms, misses 0 of 2 true ones"


def test_labels_in_any_order_give_the_same():
    assert after(8.0, false=[12.34, 8.5, 9.0], true=[40.0, 30.0]) == 12.35


@pytest.mark.parametrize(("false", "expected"), [(MISSED_COST, 8.0), (MISSED_COST + 1, 10.01)])
def test_a_true_alarm_is_missed_only_for_more_false_ones_than_it_weighs(false, expected):
    assert after(8.0, true=[9.0], false=[10.0] * false) == expected


def test_of_thresholds_that_cost_the_same_the_lowest_is_taken():
    assert after(8.0, true=[10.0], false=[9.0, *[11.0] * MISSED_COST]) == 9.001


def test_a_false_alarm_with_the_score_of_a_true_one_is_not_spared():
    assert after(8.0, true=[9.0], false=[9.0] * (LEAST_LABELS - 1)) == 8.0


def test_too_few_labels_change_nothing_and_say_so():
    found = proposed(labelled(false=[9.0] * (LEAST_LABELS - 1)), 8.0)
    assert found.after == 8.0
    assert found.note == "too few labels of alarms that reach 8: 4, not 5"
    assert after(8.0, false=[9.0] * LEAST_LABELS) == 9.001


def test_labels_of_alarms_that_the_present_threshold_spares_do_not_count():
    assert proposed(labelled(false=[7.0] * 9, true=[9.0]), 8.0).note.startswith("too few labels")
    assert after(8.0, false=[*[6.0] * 9, *[9.0] * 5], true=[7.0] * 9) == 9.001


def test_a_kind_without_labels_stays():
    found = proposed({}, 8.0)
    assert (found.before, found.after, found.note) == (8.0, 8.0, "no labels")


def test_true_labels_alone_lower_nothing_and_say_why():
    found = proposed(labelled(true=[9.0] * 9), 8.0)
    assert found.after == 8.0
    assert "below 8 nothing is stored" in found.note


def test_a_threshold_is_at_most_doubled():
    assert after(8.0, false=[9.0, 15.99, 1e6, 1e6, 1e6]) == 16.0
    assert after(8.0, false=[16.0] * 9) == 8.0


def test_a_kind_without_a_threshold_to_set_is_not_tuned():
    found = proposed(labelled(false=[0.1] * 9), None)
    assert (found.before, found.after, found.false) == (None, None, 9)


@pytest.mark.parametrize(
    ("score", "expected"), [(9.999, 10.0), (99.99, 100.0), (12.34, 12.35), (120.0, 120.1), (1234.0, 1235.0)]
)
def test_the_next_threshold_is_one_that_a_stored_score_does_not_reach(score, expected):
    assert after(score * 0.75, false=[score] * LEAST_LABELS) == expected


def test_labels_are_counted_by_kind_and_score():
    found = by_score(
        [
            {"alarmKind": "spike", "label": "true", "score": 12.341},
            {"alarmKind": "spike", "label": "false-alarm", "score": 12.339},
            {"alarmKind": "stuck", "label": "false-alarm", "score": 121},
        ]
    )
    assert found == {"spike": {12.34: Labels(1, 1)}, "stuck": {121.0: Labels(0, 1)}}


@pytest.mark.parametrize(
    "damage", [{"score": None}, {"score": "9"}, {"score": True}, {"score": -1.0}, {"label": "maybe"}, {"label": None}]
)
def test_a_label_that_says_nothing_is_left_out(damage):
    assert by_score([{"alarmKind": "spike", "label": "true", "score": 9.0, **damage}]) == {}


def test_alarms_are_counted_before_and_after_and_a_higher_threshold_of_theirs_is_known():
    proposals = {"spike": proposed(labelled(false=[9.0] * 5), 8.0), "stuck": proposed({}, 120.0)}
    alarms = [
        {"kind": "spike", "score": 20.0, "threshold": 12.0},
        {"kind": "spike", "score": 7.0, "threshold": 6.0},
        {"kind": "spike", "score": 9.0, "threshold": 8.0},
        {"kind": "stuck", "score": 121.0, "threshold": 100.0},
        {"kind": "limit", "score": 0.1, "threshold": 1e-9},
        {"kind": "spike", "score": None, "threshold": 8.0},
    ]
    found = counts(alarms, proposals)
    assert (found["spike"].before, found["spike"].after, found["spike"].judged_at) == (2, 1, 12.0)
    assert (found["stuck"].before, found["stuck"].after, found["stuck"].judged_at) == (1, 1, 100.0)
    assert (found["limit"].before, found["limit"].after) == (1, 1)


def test_scores_have_four_figures():
    assert [rounded(score) for score in (12.3449, 1e-9, 123456.0)] == [12.34, 1e-9, 123500.0]
