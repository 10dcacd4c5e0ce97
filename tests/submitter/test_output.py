import csv
import io
import json
import tracemalloc

import pytest

from submitter.output import MEASURED_ROWS, plain, show_pairs, show_rows


def test_an_array_is_one_json_document_however_many_rows(capsys):
    for rows in ([], [{"a": 1}], [{"a": 1}, 2, "ä", None]):
        show_rows(iter(rows), "json")
        assert json.loads(capsys.readouterr().out) == rows


def test_a_csv_has_the_columns_of_all_rows_and_cells_read_back(capsys):
    rows = [{"a": 'x,\n"y"', "b": 1}, {"c": {"d": [1]}, "a": None}, {"b": 2.5, "c": True}]
    show_rows(iter(rows), "csv")
    told = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert told == [["a", "b", "c"], ['x,\n"y"', "1", ""], ["", "", '{"d": [1]}'], ["", "2.5", "true"]]


def test_a_table_is_aligned_and_cannot_drive_the_terminal(capsys):
    show_rows([{"name": "\x1b[31mred\n", "n": 1}, {"name": "日本", "n": 250}, {"name": "x"}], "table")
    assert capsys.readouterr().out.splitlines() == [
        "name             n",
        "\\x1b[31mred\\n    1",
        "日本           250",
        "x",
    ]


def test_a_table_has_the_columns_asked_for_that_there_are(capsys):
    show_rows([{"a": 1, "b": 2}, {"b": 3}], "table", columns=("b", "z", "a"))
    assert capsys.readouterr().out.splitlines() == ["b  a", "2  1", "3"]


def test_pairs_are_aligned(capsys):
    show_pairs([("a", 1), ("long", None), ("c", "x\ty")])
    assert capsys.readouterr().out == "a     1\nlong\nc     x\\ty\n"


def test_plain_keeps_what_is_printed():
    assert plain("Zürich 日本 ½") == "Zürich 日本 ½"


class Discard(io.TextIOBase):
    def write(self, text):
        return len(text)


@pytest.mark.parametrize("how", ["table", "json", "csv"])
def test_rows_are_not_kept(monkeypatch, how):
    monkeypatch.setattr("sys.stdout", Discard())
    rows = ({"number": number, "text": f"{number:01000}"} for number in range(20 * MEASURED_ROWS))
    tracemalloc.start()
    try:
        show_rows(rows, how)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2_000_000


@pytest.mark.parametrize("how", ["json", "csv", "table"])
def test_half_a_character_can_be_printed(capsys, how):
    """A report in JSON can say \\ud800, and no output can."""
    show_rows([{"a\ud800": "b\udfff"}], how)
    told = capsys.readouterr().out
    assert told.encode().isascii()
    if how == "json":
        assert json.loads(told) == [{"a\ud800": "b\udfff"}]
