import json

import pytest


def shown(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_shows_each_setting_with_its_origin(cli, home, monkeypatch):
    monkeypatch.setenv("COSMOS_DATABASE", "FromEnvironment")
    monkeypatch.setenv("COSMOS_COORDINATE_DECIMALS", "3")
    (home / "bacalhau-cosmos.toml").write_text(
        'coordinate_decimals = 2\ntable = "rows"\nlimits = {temperatureC = [-5, 5]}\n'
    )
    told = shown(cli("config", "show", "--set", "page-rows=5", "--set", 'drop_fields=["latitude"]'))
    assert told["database"] == {"value": "FromEnvironment", "origin": "environment"}
    assert told["coordinate_decimals"] == {"value": 3, "origin": "environment"}
    assert told["table"] == {"value": "rows", "origin": "bacalhau-cosmos.toml"}
    assert told["limits"]["value"] == {"temperatureC": [-5, 5]}
    assert told["page_rows"] == {"value": 5, "origin": "flag"}
    assert told["drop_fields"]["value"] == ["latitude"]
    assert told["container"] == {"value": "readings", "origin": "default"}


def test_a_table_has_one_line_a_setting(cli):
    lines = cli("config", "show", "--output", "table").stdout.splitlines()
    assert lines[0].split() == ["name", "value", "origin"]
    assert ["page_rows", "20000", "default"] in [line.split() for line in lines]
    assert len(lines) == len(shown(cli("config", "show"))) + 1


def test_secrets_are_masked_when_there_are_any(cli, monkeypatch):
    assert shown(cli("config", "show"))["key"]["value"] == ""
    monkeypatch.setenv("COSMOS_KEY", "c2VjcmV0")
    result = cli("config", "show")
    assert shown(result)["key"] == {"value": "******", "origin": "environment"}
    assert "c2VjcmV0" not in result.output + cli("config", "show", "--output", "table").output


def test_a_connection_string_is_refused_as_an_endpoint_and_not_repeated(cli, monkeypatch):
    monkeypatch.setenv("COSMOS_ENDPOINT", "AccountEndpoint=https://x/;AccountKey=c2VjcmV0;")
    result = cli("config", "show")
    assert result.exit_code == 2
    assert "endpoint = ****** (environment): " in result.stderr
    assert "c2VjcmV0" not in result.output + result.stderr


@pytest.mark.parametrize(
    ("content", "named"),
    [('page_rows = "many"', "page_rows"), ("page_row = 5", "did you mean page_rows"), ("= 1", "TOML")],
)
def test_settings_that_do_not_hold_are_an_error_with_every_problem(cli, home, monkeypatch, content, named):
    monkeypatch.setenv("COSMOS_DATABAES", "x")
    (home / "own.toml").write_text(content)
    result = cli("config", "show", "--config", "own.toml")
    assert result.exit_code == 2
    assert named in result.stderr
    assert "COSMOS_DATABASE" in result.stderr
    assert "\nTry: " in result.stderr


def test_a_file_that_was_named_must_be_there(cli):
    result = cli("config", "show", "--config", "missing.toml")
    assert result.exit_code == 2
    assert "missing.toml" in result.stderr
