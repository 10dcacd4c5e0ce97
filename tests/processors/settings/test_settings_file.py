import os
import stat
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.errors import SettingsError
from processors.feedback.settings_file import with_thresholds, write_thresholds

NEW = {"spike": 12.5, "stuck": 130.0}

FILES = {
    "empty": ("", "[thresholds]\nspike = 12.5\nstuck = 130.0\n"),
    "no table yet": (
        'city = "denver" # here\n\n[limits]\ntemperatureC = [ -5, 5 ]\n',
        'city = "denver" # here\n\n[limits]\ntemperatureC = [ -5, 5 ]\n\n[thresholds]\nspike = 12.5\nstuck = 130.0\n',
    ),
    "no line end": ("page_rows = 5", "page_rows = 5\n[thresholds]\nspike = 12.5\nstuck = 130.0\n"),
    "a table": (
        "[thresholds] # ours\nspike = 9   # of May\nnoise = 4.0\n\n[limits]\n",
        "[thresholds] # ours\nspike = 12.5   # of May\nnoise = 4.0\nstuck = 130.0\n\n[limits]\n",
    ),
    "a table in the middle": (
        "[limits]\n[thresholds]\nstuck = 1_20.0\nspike = 8.0\n[columns]\n",
        "[limits]\n[thresholds]\nstuck = 130.0\nspike = 12.5\n[columns]\n",
    ),
    "inline": (
        "thresholds = { spike = 9.0, stuck = 120.0 } # ours\npage_rows = 5\n",
        "thresholds = { spike = 12.5, stuck = 130.0 } # ours\npage_rows = 5\n",
    ),
    "dotted": (
        "thresholds.spike = 9.0 # ours\npage_rows = 5\n",
        "thresholds.spike = 12.5 # ours\nthresholds.stuck = 130.0\npage_rows = 5\n",
    ),
    "CRLF": (
        '[thresholds]\r\nspike = 8.0\r\nstuck = 8.0\r\n[limits]\r\n# "é"\r\n',
        '[thresholds]\r\nspike = 12.5\r\nstuck = 130.0\r\n[limits]\r\n# "é"\r\n',
    ),
}


@pytest.mark.parametrize(("before", "after"), FILES.values(), ids=FILES)
def test_thresholds_take_their_place_and_all_else_stays(before, after):
    assert with_thresholds(before, NEW) == after


LINES = st.lists(
    st.sampled_from(
        [
            "",
            "  ",
            "# a # b",
            "\t# tab",
            'city = "x=[1]" # c',
            "every =  3_0",
            "[limits]",
            "[ columns ]",
            'timestamp="t"',
        ]
    ),
    unique_by=lambda line: line.strip().split("=")[0].strip(" #"),
    max_size=9,
)


@given(LINES, st.sampled_from(["[thresholds]", "[ 'thresholds' ] # t", None]), LINES, st.booleans())
def test_a_file_is_otherwise_as_it_was(above, table, below, ends):
    names = {line.strip() for line in above}
    lines = [
        *above,
        *([table, "spike = 9 #x"] if table else []),
        *(line for line in below if line.strip() not in names),
    ]
    text = "\n".join(lines) + ("\n" if ends and lines else "")
    changed = with_thresholds(text, {"spike": 12.5})
    expected = tomllib.loads(text)
    expected["thresholds"] = {**expected.get("thresholds", {}), "spike": 12.5}
    assert tomllib.loads(changed) == expected
    if table:
        assert changed == text.replace("spike = 9 #x", "spike = 12.5 #x")
    else:
        assert changed.startswith(text)
        assert changed.removeprefix(text).split() == ["[thresholds]", "spike", "=", "12.5"]


def test_a_new_file_is_made(tmp_path):
    path = tmp_path / "bacalhau-cosmos.toml"
    write_thresholds(path, NEW)
    assert tomllib.loads(path.read_text()) == {"thresholds": NEW}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_mode_and_owner_stay(tmp_path, mode):
    path = tmp_path / "own.toml"
    path.write_text("page_rows = 5\n")
    path.chmod(mode)
    owner = (10001, 10001) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    os.chown(path, *owner)
    write_thresholds(path, NEW)
    held = path.stat()
    assert (stat.S_IMODE(held.st_mode), held.st_uid, held.st_gid) == (mode, *owner)
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "real.toml", tmp_path / "bacalhau-cosmos.toml"
    path.write_text("page_rows = 5\n")
    link.symlink_to(path)
    write_thresholds(link, NEW)
    assert link.is_symlink()
    assert tomllib.loads(path.read_text()) == {"page_rows": 5, "thresholds": NEW}


def test_a_file_that_may_not_be_written_is_left_and_named(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("page_rows = 5\n")
    path.chmod(0o444)
    with pytest.raises(SettingsError, match=r"own\.toml.*read-only") as caught:
        write_thresholds(path, NEW)
    assert "without --apply" in caught.value.hint
    assert path.read_text() == "page_rows = 5\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_which_nothing_can_be_made_is_an_error_and_the_file_stays(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("page_rows = 5\n")
    (tmp_path / ".own.toml.new").mkdir()
    with pytest.raises(SettingsError, match="cannot write the thresholds"):
        write_thresholds(path, NEW)
    assert path.read_text() == "page_rows = 5\n"
