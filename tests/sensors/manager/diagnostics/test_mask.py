"""Secrets that are known or look like some are taken out of every text, whatever form they have there."""

from __future__ import annotations

import base64
import json
import random
import string
from urllib.parse import quote, quote_plus

import pytest

from sensors.manager.diagnostics.mask import MASK, masking, plain_value, secrets_of

KEY = base64.b64encode(b"?>~recognisable account key\xfb\xff\xfe of many bytes").decode()
SECRET = "pass/word+of=an%identity"
UNKNOWN = base64.b64encode(random.Random(7).randbytes(64)).decode()
"""An account key that nobody told us of."""


@pytest.mark.parametrize("secret", [KEY, SECRET])
@pytest.mark.parametrize(
    "form",
    [
        str,
        lambda s: quote(s, safe=""),
        lambda s: quote(s, safe="").lower(),
        quote_plus,
        lambda s: quote(quote(s, safe=""), safe=""),
        lambda s: json.dumps({"x": s}),
        lambda s: json.dumps({"x": s}).replace("/", "\\/"),
        repr,
        lambda s: repr(s.encode()),
        lambda s: s.rstrip("="),
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
        lambda s: s.encode().hex(),
        lambda s: s.encode().hex().upper(),
    ],
)
def test_no_form_of_a_known_secret_stays(secret: str, form: object) -> None:
    assert callable(form)
    written = form(secret)
    told = masking([secret])(f"before {written} after")
    assert MASK in told
    assert told.startswith("before ")
    assert told.endswith(" after")
    for part in (written[at : at + 12] for at in range(2, len(written) - 14)):
        assert part not in told


def test_the_bytes_behind_a_key_do_not_stay() -> None:
    raw = base64.b64decode(KEY)
    assert masking([KEY])(f"{raw.hex()} {raw!r}") == f"{MASK} b'{MASK}'"


@pytest.mark.parametrize(
    "text",
    [
        "AccountEndpoint=https://x.documents.azure.com:443/;AccountKey={};",
        "accountkey = {}",
        "AccountKey%3D{}&x",
        "SharedAccessKey={}",
        "https://x.blob.core.windows.net/c?sv=2024&sig={}&se=1",
        "type%3Dmaster%26ver%3D1.0%26sig%3D{}",
        "COSMOS_KEY={}",
        "AZURE_CLIENT_SECRET: {}",
        "export AZURE_CLIENT_SECRET='{}'",
        '{{"client_secret": "{}", "x": 1}}',
        'level=info msg="{{\\"accountKey\\": \\"{}\\"}}"',
        "Authorization: Bearer {}",
        "https://user:{}@host/path",
        "password = {}",
    ],
)
@pytest.mark.parametrize("secret", ["Hunter2hunter2hunter", "0123456789abcdef"])
def test_what_stands_where_secrets_do_is_masked_whatever_it_is(text: str, secret: str) -> None:
    told = masking([])(text.format(secret))
    assert secret not in told
    assert secret[4:] not in told
    assert MASK in told


@pytest.mark.parametrize("length", [64, 86, 88, 200])
@pytest.mark.parametrize("alphabet", ["+/", "-_", ""])
def test_what_looks_like_a_key_is_masked_wherever_it_is(length: int, alphabet: str) -> None:
    chars = string.ascii_letters + string.digits + alphabet
    for seed in range(50):
        key = "".join(random.Random(seed).choices(chars, k=length))
        assert masking([])(f"it said '{key}==' twice") == f"it said '{MASK}' twice"


def test_what_nobody_named_is_masked_in_addresses_too() -> None:
    assert masking([])(f"?k={quote(UNKNOWN, safe='')}&x") == f"?k={MASK}&x"
    assert masking([])(f"?k={quote(quote(UNKNOWN, safe=''), safe='')}&x") == f"?k={MASK}&x"
    assert masking([])(json.dumps({"a": UNKNOWN}).replace("/", "\\/")) == f'{{"a": "{MASK}"}}'
    assert masking([])(UNKNOWN) == MASK


def test_a_token_of_three_parts_is_masked_whole() -> None:
    assert masking([])("got eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0 end") == f"got {MASK} end"


def test_texts_without_a_secret_stay() -> None:
    texts = (
        "uploader-amsterdam: 1,204 rows in 3.2 s, 0 rejects",
        "archive/city=amsterdam/sensor=AMS_SENSOR001/date=2026-11-22/4oeyws4t2ej7-20.parquet",
        "cannot use the container: SensorData/readings: its partition key is /id",
        "partition key: /city",
        "http://127.0.0.1:8081/dbs at 2026-11-23T12:00:00.000000000Z",
        "sensor-manager@v20261123120000",
    )
    mask = masking([KEY, SECRET])
    assert [mask(text) for text in texts] == list(texts)


def test_json_stays_json() -> None:
    document = {"COSMOS_KEY": 'a"b\\c, d', "AccountKey": "x", "list": [KEY, "AccountKey=abc;x"], "token": ""}
    told = masking([KEY])(json.dumps(document, indent=2))
    assert json.loads(told) == {
        "COSMOS_KEY": MASK,
        "AccountKey": MASK,
        "list": [MASK, f"AccountKey={MASK};x"],
        "token": "",
    }


def test_what_a_secret_is() -> None:
    environment = {"COSMOS_KEY": "key-of-it", "HOME": "/home/me", "MY_PASSWORD": "short", "GITHUB_TOKEN": "ghp_123456"}
    filed = {"COSMOS_DATABASE": "SensorData", "WHATEVER": "hunter2hunter2", "AZURE_CLIENT_SECRET": "abcdefgh", "X": "y"}
    assert secrets_of(environment, filed) == {"key-of-it", "ghp_123456", "hunter2hunter2", "abcdefgh"}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("UPLOAD_INTERVAL", "30s", "30s"),
        ("ANOMALY_PROBABILITY", "0.05", "0.05"),
        ("ARCHIVE_FORMAT", "Parquet", "Parquet"),
        ("MAX_CITIES", "", ""),
        ("MAX_CITIES", "hunter", MASK),
        ("UPLOAD_INTERVAL", KEY, MASK),
        ("COSMOS_ENDPOINT", "http://127.0.0.1", MASK),
        ("WHATEVER", "5", MASK),
    ],
)
def test_only_counts_and_intervals_are_repeated(name: str, value: str, told: str) -> None:
    assert plain_value(name, value) == told
