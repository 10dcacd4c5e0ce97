"""The processor as a process, on a node that has an identity and no key."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from processors.cosmos import Account
from tests.harness import databases, oracle
from tests.harness.databases import readings
from tests.harness.entra import Tokens
from tests.harness.node import Node
from tests.harness.strict import StrictCosmos
from tests.identity.conftest import SECRET
from tests.security.certificates import Certificate

PROGRAM = """
import logging, socket, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
found = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: found(
    "127.0.0.1" if str(host).endswith(".example") else host, *rest, **more
)
from processors.__main__ import main
sys.exit(main(["ingest"]))
"""
"""With every library at its loudest."""


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path / "node")
    databases.create(node.database(), readings(50))
    return node


def ran(node: Node, account: Account, authority: Certificate) -> subprocess.CompletedProcess[str]:
    own: Mapping[str, object] = {
        "ENDPOINT": account.endpoint,
        "DATABASE": account.database,
        "KEY": "",
        "CITY": node.city,
        "DATA": node.data,
        "STATE": node.state,
        "ARCHIVE": node.archive,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COSMOS_")}
    settings = {f"COSMOS_{name}": str(value) for name, value in own.items()}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**inherited, **settings, "SSL_CERT_FILE": str(authority.file)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.usefixtures("principal")
def test_rows_arrive_and_neither_secret_nor_token_is_told(
    node: Node, account: Account, elsewhere: StrictCosmos, authority: Certificate, tokens: Tokens
) -> None:
    done = ran(node, elsewhere.account, authority)
    assert done.returncode == 0, done.stderr
    assert len(oracle.documents(account, "readings")) == 50
    assert "DEBUG:" in done.stderr
    assert_silent(done, node, tokens)


@pytest.mark.usefixtures("principal")
def test_who_has_no_token_is_told_why_and_not_by_the_secret(
    node: Node, elsewhere: StrictCosmos, authority: Certificate, tokens: Tokens
) -> None:
    tokens.refused = (401, "AADSTS7000215: Invalid client secret provided.")
    done = ran(node, elsewhere.account, authority)
    assert done.returncode == 3
    assert "Try: AZURE_CLIENT_SECRET is not a secret of AZURE_CLIENT_ID" in done.stderr
    assert_silent(done, node, tokens)


def assert_silent(done: subprocess.CompletedProcess[str], node: Node, tokens: Tokens) -> None:
    written = [path.read_bytes() for path in node.root.rglob("*") if path.is_file()]
    for text in (SECRET, *tokens.issued):
        assert text not in done.stdout + done.stderr
        assert not any(text.encode() in content for content in written)
