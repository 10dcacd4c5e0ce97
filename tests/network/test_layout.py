import pytest

from network import layout as module
from network.errors import RequestError
from network.layout import MOST_NODES, layout_of, nodes_of, prepare_data


def test_each_city_gets_its_nodes(layout):
    nodes = nodes_of(layout, ["São Paulo", "NEW_YORK", "St. Louis"], 2)
    labels = ("sao-paulo", "new-york", "st-louis")
    assert [node.name for node in nodes] == [f"{label}-{number}" for label in labels for number in (1, 2)]
    assert [node.city for node in nodes] == ["sao-paulo"] * 2 + ["new-york"] * 2 + ["st-louis"] * 2
    assert nodes[0].folder == layout.data / "sao-paulo-1"


@pytest.mark.parametrize("city", ["", " ", "東京", "a/b", "..", "x" * 51, 'a"b', "a\nb/c"])
def test_a_name_that_makes_no_label_is_refused(layout, city):
    with pytest.raises(RequestError, match="cannot name a node") as refusal:
        nodes_of(layout, [city], 1)
    assert refusal.value.exit_code == 2


def test_two_names_with_one_label_are_refused(layout):
    with pytest.raises(RequestError, match="'New York' has the same label"):
        nodes_of(layout, ["New York", "new-york"], 1)


def test_more_nodes_than_a_machine_takes_are_refused(layout):
    assert len(nodes_of(layout, ["a", "b"], MOST_NODES // 2)) == MOST_NODES
    with pytest.raises(RequestError, match=str(MOST_NODES + 2)):
        nodes_of(layout, ["a", "b"], MOST_NODES // 2 + 1)


@pytest.mark.parametrize("name", ["a*b", "a:b", "[a]", "a{b}", "a?"])
def test_a_folder_that_bacalhau_reads_as_a_pattern_is_refused(tmp_path, name):
    with pytest.raises(RequestError, match="pattern"):
        layout_of(tmp_path / name)


def test_a_folder_of_somebody_else_is_refused(layout):
    layout.refuse_strange_folder()
    layout.folder.mkdir()
    layout.refuse_strange_folder()
    (layout.folder / "thesis.txt").touch()
    with pytest.raises(RequestError, match="something else"):
        layout.refuse_strange_folder()
    layout.lock.touch()
    layout.refuse_strange_folder()


def test_data_folders_are_for_the_containers_user_and_keep_what_they_have(layout, monkeypatch):
    owners = {}
    monkeypatch.setattr(module.os, "chown", lambda path, user, group: owners.update({path: (user, group)}))
    nodes = nodes_of(layout, ["denver"], 1)
    kept = layout.data / "denver-1" / "data" / "kept"
    kept.parent.mkdir(parents=True)
    kept.touch()
    prepare_data(layout, nodes)
    folders = [layout.data, nodes[0].folder, *(nodes[0].folder / name for name in ("data", "state", "archive"))]
    assert owners == dict.fromkeys(folders, (10001, 10001))
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o750}
    assert kept.exists()
