"""Keys and tokens are in no output, error, report, file, log or `repr`, whatever goes wrong.

tests/integration/test_secrets.py looks at a real network: jobs, their history and logs, and command lines.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from processors import city
from processors.cosmos import Account
from processors.errors import SettingsError
from processors.settings import load
from submitter.client import Client
from submitter.config import orchestrator
from submitter.errors import SubmitError
from tests.harness import databases, oracle
from tests.harness.answering import Asked, serving
from tests.harness.databases import readings
from tests.harness.node import Node
from tests.harness.orchestrator import JOBS, NODES, Orchestrator, recorded

KEY = base64.b64encode(b"?>~recognisable account key\xfb\xff\xfe of many bytes").decode()
HASH_KEY = "recognisable/hash key+of=many%bytes"
TOKEN = "recognisable-token_of.a~caller"
SECRETS = (KEY, HASH_KEY, TOKEN)

COMMANDS = {
    "processors": "from processors.__main__ import main; sys.exit(main({arguments!r}))",
    "submitter": "from submitter.cli import app; app({arguments!r})",
}

LOUD = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
"""
"""All libraries write down all that they do."""


def forms(secret: str) -> set[bytes]:
    """How a secret could be written."""
    raw = secret.encode()
    decoded = base64.b64decode(secret) if secret == KEY else raw
    texts = {secret, quote(secret, safe=""), quote_plus(secret), quote(quote(secret, safe=""), safe=""), secret[:-2]}
    texts |= {base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    texts |= {decoded.hex(), repr(decoded)[2:-1], json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    return {decoded, *(text.encode() for text in texts)}


FORMS = {form: secret for secret in SECRETS for form in forms(secret)}


def assert_silent(*told: str | bytes) -> None:
    for text in told:
        content = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        found = {secret for form, secret in FORMS.items() if form in content}
        assert not found, content[:4000].decode(errors="replace")


def assert_silent_below(folder: Path) -> None:
    """Names and contents of all files but those that were given the secrets."""
    for path in folder.rglob("*"):
        assert_silent(str(path))
        if path.is_file() and path.name != "bacalhau-cosmos.toml":
            assert_silent(path.read_bytes())


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path)
    databases.create(node.database(), readings(5))
    return node


def told(
    node: Node, package: str, *arguments: str, before: str = LOUD, flags: tuple[str, ...] = (), **settings: object
) -> subprocess.CompletedProcess[str]:
    """What a command said, with every secret in its environment; nothing of it is a secret."""
    chosen = {"CITY": node.city, "KEY": KEY, "HASH_KEY": HASH_KEY, "HASH_FIELDS": '["model"]', **settings}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COSMOS_")}
    own = {f"COSMOS_{name}": str(value) for name, value in chosen.items() if value is not None}
    done = subprocess.run(
        [
            sys.executable,
            *flags,
            "-c",
            f"import sys\n{before}\n{COMMANDS[package].format(arguments=[*arguments])}",
        ],
        cwd=node.root,
        env={**inherited, **own, "BACALHAU_API_KEY": TOKEN},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert_silent(done.stdout, done.stderr)
    assert_silent_below(node.root)
    return done


def echo(asked: Asked) -> dict[str, str]:
    """An answer that says what was asked."""
    return {"code": "Any", "message": f"asked {asked.path} {asked.query} by {asked.headers}"}


def test_the_test_knows_a_secret_when_it_sees_one() -> None:
    for secret in SECRETS:
        for shown in (
            secret,
            quote(secret, safe=""),
            base64.b64encode(secret.encode()).decode(),
            f"{{'k': {secret!r}}}",
        ):
            with pytest.raises(AssertionError):
                assert_silent(f"Error: {shown}.")
    with pytest.raises(AssertionError):
        assert_silent(base64.b64decode(KEY))


@pytest.mark.parametrize("command", ["ingest", "verify"])
def test_a_pass_that_goes_well(node: Node, account: Account, command: str) -> None:
    done = told(node, "processors", command, ENDPOINT=account.endpoint, DATABASE=account.database)
    assert "DEBUG:" in done.stderr
    assert done.returncode == 0
    for container in ("readings", "runs"):
        assert_silent(json.dumps(oracle.documents(account, container)))


@pytest.mark.parametrize("status", [401, 403, 500])
def test_an_account_that_refuses(node: Node, status: int) -> None:
    with serving(lambda asked: (status, echo(asked), {})) as port:
        done = told(node, "processors", "ingest", ENDPOINT=f"http://127.0.0.1:{port}")
    assert done.returncode in (1, 3)
    assert str(status) in done.stdout


def test_an_account_that_is_not_there(node: Node) -> None:
    assert told(node, "processors", "ingest", ENDPOINT="http://127.0.0.1:1").returncode == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"KEY": KEY + "!"},
        {"KEY": f'"{KEY}"'},
        {"PAGE_ROWS": "many", "CITTY": KEY, "LIMITS": "{"},
        {"ENDPOINT": f"AccountEndpoint=https://a.example:443/;AccountKey={KEY};"},
        {"ENDPOINT": f"https://a.example:443;AccountKey={KEY}"},
        {"ENDPOINT": f"https://a.example;AccountKey={KEY};"},
        {"ENDPOINT": f"https://user:{TOKEN}@a.example"},
        {"ENDPOINT": f"https://user:{TOKEN}@a\u2100.example"},
    ],
)
def test_settings_that_do_not_hold(node: Node, settings: Mapping[str, str]) -> None:
    done = told(node, "processors", "ingest", **{"ENDPOINT": "http://127.0.0.1:1", **settings})
    assert done.returncode == 2
    assert "\nTry: " in done.stderr


@pytest.mark.parametrize(
    "content",
    [
        'key = "{key}"\nhash_key = 7\npage_rows = 0\nendpoint = ["{key}"]',
        'key = "{key}"\nhash_key = """{hash_key}',
        '[key]\nvalue = "{key}"',
        'endpoint = "AccountEndpoint=https://a/;AccountKey={key}"\nhash_keys = "{hash_key}"',
    ],
)
def test_a_file_of_settings_that_does_not_hold(node: Node, content: str) -> None:
    file = node.root / "bacalhau-cosmos.toml"
    file.write_text(content.format(key=KEY, hash_key=HASH_KEY))
    done = told(node, "processors", "ingest", KEY=None, HASH_KEY=None, HASH_FIELDS=None)
    assert done.returncode == 2


SABOTAGE = {
    "processors.cosmos": ("_credential", "processors"),
    "processors.sink": ("Sink.write", "processors"),
    "processors.transform.privacy": ("sanitize", "processors"),
    "submitter.client": ("Client._call", "submitter"),
}


@pytest.mark.parametrize("module", SABOTAGE)
def test_a_traceback(node: Node, account: Account, module: str) -> None:
    """An error that nobody expected, raised where a secret is at hand."""
    path, package = SABOTAGE[module]
    holder = f"sys.modules[{module!r}]" + "".join(f".{part}" for part in path.split(".")[:-1])
    broken = f"""
import asyncio, functools, {module}
def break_(*arguments, **named):
    raise ZeroDivisionError(f"{{arguments!r}} {{named!r}}")
assert hasattr({holder}, {path.split(".")[-1]!r})
setattr({holder}, {path.split(".")[-1]!r}, break_)
"""
    command = ("ingest",) if package == "processors" else ("submit", "--city", "denver")
    done = told(
        node,
        package,
        *command,
        before=LOUD + broken,
        flags=("-X", "dev"),
        ENDPOINT=account.endpoint,
        DATABASE=account.database,
    )
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("config", "show"), 0),
        (("cosmos", "check"), 3),
        (("cosmos", "create"), 3),
        (("query", "--city", "denver"), 3),
        (("run", "--set", f"key={KEY}"), 2),
        (("run", "--set", f"hash-key={HASH_KEY}"), 2),
        (("submit", "--city", "denver"), 3),
    ],
)
def test_commands(node: Node, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int) -> None:
    monkeypatch.setenv("BACALHAU_API_PORT", "1")  # a network of this machine may be up
    assert told(node, "submitter", *arguments, ENDPOINT="http://127.0.0.1:1").returncode == code


@pytest.mark.parametrize(
    "environment",
    [
        {"HOST": "edge.example", "KEY": TOKEN},
        {"HOST": f"ann:{TOKEN}@edge.example"},
        {"HOST": f"https://ann:{TOKEN}@edge.example"},
        {"USERNAME": "ann", "PASSWORD": TOKEN, "KEY": TOKEN},
        {"KEY": f"{TOKEN}\u00e9", "PORT": "x"},
    ],
)
def test_an_orchestrators_settings_that_do_not_hold(environment: Mapping[str, str]) -> None:
    with pytest.raises(SubmitError) as caught:
        orchestrator({f"BACALHAU_API_{name}": value for name, value in environment.items()}, None)
    assert_silent(str(caught.value), repr(caught.value), caught.value.hint, *chain(caught.value))


@pytest.mark.parametrize("status", [200, 401, 403, 500])
def test_calls_of_an_orchestrator(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], status: int
) -> None:
    """With every library at its loudest."""
    caplog.set_level("DEBUG")
    with Orchestrator() as there:
        place = orchestrator({"BACALHAU_API_KEY": TOKEN, "BACALHAU_API_PORT": str(there.port)}, None)
        there.answers("GET", NODES, recorded("nodes") if status == 200 else {"Message": "no"}, status=status)
        there.logs["e"] = [{"value": {"Type": 1, "Line": "{}\n"}}]
        with Client(place) as client:
            try:
                client.nodes()
            except SubmitError as error:
                assert_silent(str(error), repr(error), error.hint, *chain(error))
            assert [*client.log("j", "e")] == there.logs["e"]
            assert_silent(repr(client), repr(place), str(place))
        headers = [request.headers.get("authorization") for request in there.requests]
        assert headers == [f"Bearer {TOKEN}"] * 2
        assert {request.path for request in there.requests} == {NODES, f"{JOBS}/j/logs"}
    assert caplog.records
    assert_silent(caplog.text, *capfd.readouterr())


def chain(error: BaseException | None) -> Iterator[str]:
    """Texts of what it came from."""
    while error is not None:
        yield f"{error!r} {error} {error.args!r}"
        error = error.__cause__ or error.__context__


def test_values_that_hold_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"KEY": KEY, "HASH_KEY": HASH_KEY, "HASH_FIELDS": '["model"]'}.items():
        monkeypatch.setenv(f"COSMOS_{name}", value)
    loaded = load({"city": "denver", "endpoint": "https://a.documents.azure.com"})
    values: list[Any] = [loaded, loaded.settings, city.account(loaded.settings), city.recipe(loaded.settings)]
    assert city.account(loaded.settings).key == KEY
    assert city.recipe(loaded.settings).privacy.hash_key == HASH_KEY.encode()
    for value in values:
        assert_silent(repr(value), str(value), f"{value!r:s}")
    assert_silent(loaded.settings.model_dump_json(), str(loaded.settings.model_dump()))


def test_errors_about_settings_keep_no_secret_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSMOS_KEY", KEY)
    monkeypatch.setenv("COSMOS_ENDPOINT", f"AccountEndpoint=https://a:443/;AccountKey={KEY}")
    with pytest.raises(SettingsError) as caught:
        load({"page_rows": 0})
    assert_silent(*chain(caught.value))
