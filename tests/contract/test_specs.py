"""Every spec of `jobs/`: what is rendered, that Bacalhau takes it, and that both sides mean the same by it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from network import checks
from network.layout import slug_of as network_slug_of
from processors.identity import NONE
from processors.names import slug_of
from processors.settings import PREFIX, Settings
from sensors.cities import slug_of as sensors_slug_of
from submitter import spec
from submitter.spec import JobSpec, Template, placeholders
from tests.harness.fleet import environment

JOBS = Path(__file__).parents[2] / "jobs"
SPECS = sorted(path.stem for path in JOBS.glob("*.yaml"))
NOW = datetime(2026, 11, 22, 4, 55, tzinfo=UTC)

SECRET = {"COSMOS_KEY", "COSMOS_ENDPOINT", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"}

AGENT = {"IDENTITY_ENDPOINT", "IMDS_ENDPOINT"}
"""Where the agent of Azure Arc is."""


def template(name: str) -> Template:
    return spec.find(name, JOBS)


def rendered(name: str, **values: str) -> JobSpec:
    return spec.render(template(name), "New York", NOW, given=values, offered={})


def job(found: JobSpec) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(found.body)["Job"]
    return parsed


def test_there_are_specs() -> None:
    assert SPECS == ["ingest", "ingest-arc", "ingest-daemon", "inspect", "simulate", "verify"]


@pytest.mark.parametrize("name", SPECS)
def test_golden_request(name: str, golden: Callable[[str, str], None]) -> None:
    request = json.loads(rendered(name).body)
    golden(f"job-{name}.json", json.dumps(request, indent=2) + "\n")


@pytest.mark.parametrize("name", SPECS)
def test_labels_and_constraint_are_of_the_city(name: str) -> None:
    made = job(rendered(name))
    assert made["Labels"] == {"app": "bacalhau-cosmos", "city": "new-york", "spec": name}
    assert made["Constraints"] == [{"Key": "city", "Operator": "=", "Values": ["new-york"]}]
    assert made["Type"] in {"ops", "daemon"}


@pytest.mark.parametrize("name", SPECS)
def test_resources_and_timeouts_are_set(name: str) -> None:
    (task,) = job(rendered(name))["Tasks"]
    assert set(task["Resources"]) == {"CPU", "Memory"}
    assert task["Timeouts"]["QueueTimeout"] > 0
    assert ("ExecutionTimeout" in task["Timeouts"]) is (job(rendered(name))["Type"] == "ops")
    assert task["Network"]["Type"] in {"Host", "None"}


@pytest.mark.parametrize("name", SPECS)
def test_variables_are_settings_and_their_defaults_are_the_same(name: str) -> None:
    (task,) = job(rendered(name))["Tasks"]
    settings = {f"{PREFIX}{field.upper()}": field for field in Settings.model_fields}
    defaults = placeholders(template(name).text)
    for variable, text in task["Env"].items():
        assert variable in settings or variable.startswith("AZURE_") or variable in AGENT
        assert text == f"env:{variable}" or variable not in SECRET
        field = settings.get(variable, "")
        if defaults.get(field) and name != "ingest-daemon":
            assert text == str(Settings.model_fields[field].default)


def test_the_daemon_differs_from_the_pass_in_what_makes_it_one() -> None:
    once, forever = job(rendered("ingest")), job(rendered("ingest-daemon"))
    own = {"COSMOS_EVERY": "30s", "COSMOS_START_DELAY": "5s"}
    assert forever["Tasks"][0]["Env"] == {**once["Tasks"][0]["Env"], **own}
    assert forever["Name"] == "ingest-daemon-new-york"
    assert re.fullmatch(r"ingest-new-york-20261122t045500\d*z", once["Name"])


def test_a_node_of_azure_arc_gets_the_same_job_but_for_its_identity() -> None:
    plain, arc = (job(rendered(name))["Tasks"][0] for name in ("ingest", "ingest-arc"))
    agent, tokens = "http://localhost:40342", "/var/opt/azcmagent/tokens"
    own = {"IDENTITY_ENDPOINT": f"{agent}/metadata/identity/oauth2/token", "IMDS_ENDPOINT": agent}
    mine = {name: value for name, value in plain["Env"].items() if not name.startswith("AZURE_")}
    assert arc["Env"] == {**mine, **own, "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"}
    mount = {"Type": "localDirectory", "Params": {"SourcePath": tokens}}
    assert arc["InputSources"] == [*plain["InputSources"], {"Target": tokens, "Source": mount}]
    assert arc["Network"] == {"Type": "Host"}


@pytest.mark.parametrize("name", [name for name in SPECS if name not in ("inspect", "simulate")])
def test_no_variable_of_an_identity_but_three_must_be_set_on_the_node(name: str) -> None:
    """A name that a node has not fails the job, so what is new is a value of the job."""
    environment = job(rendered(name))["Tasks"][0]["Env"]
    named = {variable for variable, text in environment.items() if text == f"env:{variable}"}
    assert named - {"COSMOS_ENDPOINT", "COSMOS_KEY", "COSMOS_NODE_FOLDER"} <= {
        "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET",
    }  # fmt: skip
    given = {"certificate": "/node/c.pem", "token_file": "/node/t", "authority": "https://login.example"}
    if name != "ingest-arc":
        assert environment["AZURE_CLIENT_CERTIFICATE_PATH"] == environment["AZURE_FEDERATED_TOKEN_FILE"] == NONE
        told = job(rendered(name, **given))["Tasks"][0]["Env"]
        assert told["AZURE_CLIENT_CERTIFICATE_PATH"] == "/node/c.pem"
        assert told["AZURE_FEDERATED_TOKEN_FILE"] == "/node/t"
        assert told["AZURE_AUTHORITY_HOST"] == "https://login.example"


@pytest.mark.parametrize("name", ["inspect", "verify"])
def test_what_only_looks_gets_the_folder_read_only(name: str) -> None:
    (source,) = job(rendered(name))["Tasks"][0]["InputSources"]
    assert "ReadWrite" not in source["Source"]["Params"]


@pytest.mark.parametrize("city", ["New York", "new_york", "DENVER", "São Paulo", "Zürich", "st.-john"])
def test_a_label_finds_the_folder_that_it_is_made_from(city: str) -> None:
    label = spec.slug(city)
    assert slug_of(city) == network_slug_of(city) == slug_of(label) == sensors_slug_of(label) == label


@pytest.mark.network
@pytest.mark.parametrize("name", SPECS)
def test_bacalhau_takes_it(name: str, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps(job(rendered(name))))
    assert _bacalhau(tmp_path, "job", "validate", str(file)).strip().endswith("OK")


@pytest.mark.network
@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("values", [{}, {"image": "localhost:5000/other:1", "data": "/mnt/a b", "sensors": "7"}])
def test_bacalhau_run_makes_the_same_job(name: str, values: dict[str, str], tmp_path: Path) -> None:
    found = template(name)
    values = {key: text for key, text in values.items() if key in placeholders(found.text)}
    ours = rendered(name, **values)
    own = {"name": ours.name} if "name" in placeholders(found.text) else {}
    options = [word for key, text in {**values, **own, "city": ours.city}.items() for word in ("-V", f"{key}={text}")]
    output = _bacalhau(tmp_path, "job", "run", "--dry-run", *options, str(JOBS / f"{name}.yaml"))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    text = plain[plain.index("Constraints:") :].replace("Operator: =", "Operator: '='")  # else a tag
    theirs = yaml.safe_load(text)
    assert _bare(theirs) == _bare(job(ours))


def _bare(value: Any) -> Any:
    """Without what Bacalhau adds to every job: empty fields, and the state of a job that has none."""
    if isinstance(value, dict):
        inner = {key: _bare(part) for key, part in value.items() if key != "State"}
        return {key: part for key, part in inner.items() if part not in (None, "", 0, [], {})}
    return [_bare(part) for part in value] if isinstance(value, list) else value


def _bacalhau(home: Path, *arguments: str) -> str:
    own = {"BACALHAU_DIR": str(home / "cli"), "BACALHAU_DISABLEANALYTICS": "true", "BACALHAU_API_PORT": "1"}
    done = subprocess.run(
        [checks.bacalhau(), *arguments], env=environment(**own), capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout
