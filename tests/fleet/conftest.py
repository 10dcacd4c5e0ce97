"""A control plane elsewhere, and who may ask it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fleet.scale import open_scaler
from submitter.cli import app
from tests.harness.arm import DATABASE, GROUP, NAME, SUBSCRIPTION, Account, autoscale, control_plane
from tests.harness.entra import Tokens
from tests.identity.conftest import MANAGEMENT_HOST, authority, login, principal, tls, tokens

__all__ = ["authority", "login", "principal", "tls", "tokens"]

Cli = Callable[..., Result]


@pytest.fixture
def arm() -> Account:
    """A database whose containers share its throughput, but for one that has its own."""
    shared, readings = autoscale(4_000, floor=1_000, instant=10_000), autoscale(6_000, floor=1_000, instant=10_000)
    return Account(throughput={"": shared, "readings": readings})


@pytest.fixture
def scale(
    arm: Account,
    tokens: Tokens,
    tls: ssl.SSLContext,
    principal: None,  # noqa: ARG001 - somebody has to ask
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cli]:
    """Runs `cosmos scale` in this process; the control plane is `arm`."""
    for name in [name for name in os.environ if name.startswith("COSMOS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSMOS_ENDPOINT", f"https://{NAME}.documents.azure.com:443/")
    monkeypatch.setenv("COSMOS_DATABASE", DATABASE)
    monkeypatch.setenv("COSMOS_SUBSCRIPTION", SUBSCRIPTION)
    monkeypatch.setenv("COSMOS_RESOURCE_GROUP", GROUP)
    with control_plane(arm, tokens, tls, MANAGEMENT_HOST) as address:
        monkeypatch.setattr("fleet.scale.open_scaler", partial(open_scaler, endpoint=address, poll_s=0))
        yield lambda *arguments: CliRunner().invoke(app, ["cosmos", "scale", *arguments])
