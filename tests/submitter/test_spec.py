import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from submitter import spec
from submitter.errors import SpecError, UsageError
from submitter.spec import MAX_BODY_BYTES, Template, find, placeholders, render, slug

NOW = datetime(2026, 11, 22, 4, 55, 0, 123_456, tzinfo=UTC)
TEXT = """
Name: '{{or (index . "name") ""}}'
Type: ops
Constraints:
  - {Key: city, Operator: "=", Values: ['{{.city}}']}
Tasks:
  - Engine: {Type: docker, Params: {Image: 'box:{{or (index . "tag") "1"}}'}}
    Timeouts:
      ExecutionTimeout: {{or (index . "timeout") "600"}}
"""


def rendered(text=TEXT, city="Denver", given=(), offered=()):
    return render(Template("t", "t.yaml", text), city, NOW, given=dict(given), offered=dict(offered))


def job(*arguments, **values):
    return json.loads(rendered(*arguments, **values).body)["Job"]


def test_placeholders_have_names_and_defaults():
    assert placeholders(TEXT) == {"name": "", "city": None, "tag": "1", "timeout": "600"}
    assert placeholders('{{or (index . "a") "x"}} {{ .a }}') == {"a": None}


def test_a_job_that_runs_once_is_named_for_spec_city_and_moment():
    made = rendered()
    assert made.name == "t-denver-20261122t045500123z"
    assert (made.spec, made.city, made.type, made.engines, made.publishes) == (
        "t",
        "denver",
        "ops",
        {"docker"},
        False,
    )
    assert json.loads(made.body) == {
        "Job": {
            "Name": made.name,
            "Type": "ops",
            "Constraints": [{"Key": "city", "Operator": "=", "Values": ["denver"]}],
            "Tasks": [
                {"Engine": {"Type": "docker", "Params": {"Image": "box:1"}}, "Timeouts": {"ExecutionTimeout": 600}}
            ],
        }
    }


def test_a_daemon_keeps_its_name_and_is_forced():
    text = TEXT.replace("Type: ops", "Type: daemon").replace('\'{{or (index . "name") ""}}\'', "'t-{{.city}}'")
    made = rendered(text)
    assert made.name == "t-denver"
    assert json.loads(made.body)["Force"] is True


def test_given_comes_before_offered_before_the_default():
    assert job(given={"tag": "3"}, offered={"tag": "2"})["Tasks"][0]["Engine"]["Params"]["Image"] == "box:3"
    assert job(offered={"tag": "2", "other": "x"})["Tasks"][0]["Engine"]["Params"]["Image"] == "box:2"
    assert job(given={"tag": ""}, offered={"tag": "2"})["Tasks"][0]["Engine"]["Params"]["Image"] == "box:1"


def test_a_text_that_looks_like_yaml_stays_text():
    text = TEXT.replace("box:", "")
    for value in ("true", "no", "1", "~", "a: b", "# x", "- y", "&a *b", "{c: d}", "0x10", "2026-11-22"):
        assert job(text, given={"tag": value})["Tasks"][0]["Engine"]["Params"]["Image"] == value


def test_braces_of_yaml_are_no_placeholder():
    assert job("{Type: ops, Tasks: [{Env: {A: {B: '{{.city}}'}}}]}")["Tasks"][0]["Env"]["A"]["B"] == "denver"


@pytest.mark.parametrize("city", ["denver", "Denver", " DENVER "])
def test_a_city_is_a_label(city):
    assert rendered(city=city).city == "denver"


@pytest.mark.parametrize(
    ("city", "label"), [("New York", "new-york"), ("São Paulo", "sao-paulo"), ("St. Louis", "st-louis"), ("a_1", "a-1")]
)
def test_slugs(city, label):
    assert slug(city) == label


@pytest.mark.parametrize("city", ["", " ", "-", "東京", "a/b", "a'b", 'a"', "a\nb", "{{x}}", "x" * 64, "a:b"])
def test_what_is_no_label_is_no_city(city):
    with pytest.raises(UsageError, match="cannot take the city"):
        rendered(city=city)


@pytest.mark.parametrize("value", ["a'b", 'a"b', "a\nb", "a\\b", "a\tb", "\x00", "{{.x}}", "}}", "\x1b[0m", "\u2028"])
def test_values_that_bacalhau_would_read_otherwise_are_refused(value):
    for values in ({"given": {"tag": value}}, {"offered": {"tag": value}}):
        with pytest.raises(SpecError, match="cannot take the value"):
            rendered(**values)


def test_an_unknown_value_is_an_error_with_the_nearest_name():
    with pytest.raises(SpecError, match=r"timeot: t\.yaml has no such value, did you mean timeout") as caught:
        rendered(given={"timeot": "1"})
    assert caught.value.hint == "one of: name, tag, timeout"
    with pytest.raises(UsageError, match="a city has an option of its own"):
        rendered(given={"city": "x"})


def test_a_missing_value_is_an_error_that_names_it():
    with pytest.raises(SpecError, match="no value for image") as caught:
        rendered(TEXT + "Meta: {a: '{{.image}}'}")
    assert caught.value.hint == "--set image=..."
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "other", ["{{city}}", "{{- .city}}", "{{.city | upper}}", '{{or (index . "a") .b}}', "{{ .a", '{{env "HOME"}}']
)
def test_any_other_template_is_refused(other):
    with pytest.raises(SpecError, match="is no placeholder that submit knows"):
        rendered(TEXT + f"# {other}")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a: x-{{.city}}", "not quoted"),
        ("a: [{{.city}}-x]", "not quoted"),
        ("a: |\n  {{.city}}", "not quoted"),
        ("a: {{.city}}", "'denver' is no integer"),
        ('a: {{or (index . "n") "01"}}', "'01' is no integer"),
        ("'{{.city}}': {{.city}}", "is no integer"),
    ],
)
def test_a_placeholder_stands_in_a_quoted_text_or_is_an_integer(line, told):
    with pytest.raises(SpecError, match=told):
        rendered(f"{TEXT}Meta:\n  " + line.replace("\n", "\n  "))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "cannot read the job spec"),
        ("", "no YAML mapping"),
        ("- a", "no YAML mapping"),
        ("a: 1\n---\nb: 2", "cannot read the job spec"),
        ("a: !!python/object:os.system x", "cannot read the job spec"),
        ("Type: batch\nTasks: [{}]", "Type is batch"),
        ("Tasks: [{}]", "Type is missing"),
        ("Type: ops", "no Tasks"),
        ("Type: ops\nTasks: x", "no Tasks"),
        ("Type: ops\nTasks: [{a: 2026-11-22}]", "line 2: '2026-11-22' is no timestamp of JSON; put texts in quotes"),
        ("Type: ops\nTasks: [{a: .nan}]", "line 2: '.nan' is no number of JSON"),
        ("a: &a [*a]\nType: ops\nTasks: [{a: 1}]", r"line 1: \*a names nothing that is complete before it"),
    ],
)
def test_what_is_no_job_is_refused(text, told):
    with pytest.raises(SpecError, match=told):
        rendered(text)


def test_a_spec_that_would_block_its_node_is_refused():
    def of(size):
        return rendered(TEXT + f"Meta: {{a: {'x' * size}}}")

    room = MAX_BODY_BYTES - len(of(0).body) + len("null") - len('""')
    assert len(of(room).body) == MAX_BODY_BYTES
    with pytest.raises(SpecError, match="blocks its node"):
        of(room + 1)


def test_constraints_and_results_are_known():
    made = rendered(TEXT + "constraints: []\n" + "Priority: 1")
    assert [(one.key, one.operator, one.values) for one in made.constraints] == [("city", "=", ("denver",))]
    assert rendered(TEXT + "    Publisher: {Type: local}\n").publishes
    assert not rendered(TEXT + "    Publisher: {Type: ''}\n").publishes


def test_specs_are_found_by_name_and_by_path(tmp_path: Path, monkeypatch):
    (tmp_path / "own.yaml").write_text("a: 1")
    assert find("own", tmp_path).text == "a: 1"
    assert find(str(tmp_path / "own.yaml")).name == "own"
    monkeypatch.chdir(tmp_path)
    assert find("own.yaml").origin == "own.yaml"
    with pytest.raises(SpecError, match=r"no onw.yaml in .*, did you mean own") as caught:
        find("onw", tmp_path)
    assert caught.value.hint == "one of: own"
    with pytest.raises(SpecError, match="No such file"):
        find("./missing.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff")
    with pytest.raises(SpecError, match="decode"):
        find("bytes", tmp_path)


def test_an_install_has_its_own_copy(tmp_path: Path, monkeypatch):
    package = tmp_path / "submitter"
    (package / "jobs").mkdir(parents=True)
    (package / "jobs" / "own.yaml").write_text("packaged")
    monkeypatch.setattr(spec, "__file__", str(package / "spec.py"))
    assert find("own").text == "packaged"
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "own.yaml").write_text("checkout")
    assert find("own").text == "checkout"


def test_the_default_spec_is_there():
    assert placeholders(find("ingest").text)["city"] is None
