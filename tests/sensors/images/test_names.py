"""What images are called."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from sensors.errors import RequestError
from sensors.images.names import check_tag, is_ours, repository_of, time_tag


@pytest.mark.parametrize(
    ("registry", "organisation", "name"),
    [
        ("", "", "bacalhau-cosmos/sensors"),
        ("ghcr.io", "", "ghcr.io/bacalhau-cosmos/sensors"),
        ("localhost:5000", "my-team", "localhost:5000/my-team/bacalhau-cosmos/sensors"),
        ("ghcr.io/", "/team/", "ghcr.io/team/bacalhau-cosmos/sensors"),
        ("", "me", "me/bacalhau-cosmos/sensors"),
    ],
)
def test_a_name_begins_with_the_registry_and_the_organisation(registry: str, organisation: str, name: str) -> None:
    assert repository_of("sensors", registry=registry, organisation=organisation) == name
    assert is_ours(name)
    assert is_ours(f"{name}:v1")


@pytest.mark.parametrize(
    ("registry", "organisation", "variable"),
    [
        ("https://ghcr.io", "", "DOCKER_REGISTRY=https://ghcr.io"),
        ("ghcr io", "", "DOCKER_REGISTRY="),
        ("", "My-Team", "DOCKER_ORG=My-Team"),
        ("", "--pull", "DOCKER_ORG="),
        ("", "a:b", "DOCKER_ORG="),
    ],
)
def test_a_prefix_that_docker_would_not_take_is_refused_by_its_variable(
    registry: str, organisation: str, variable: str
) -> None:
    with pytest.raises(RequestError, match=variable) as refused:
        repository_of("sensors", registry=registry, organisation=organisation)
    assert "such as" in refused.value.hint


@pytest.mark.parametrize(
    "name", ["my/sensors:v1", "python:3.11", "x/bacalhau-cosmos:v1", "not-bacalhau-cosmos/sensors:v1"]
)
def test_other_names_are_not_ours(name: str) -> None:
    assert not is_ours(name)


@pytest.mark.parametrize("tag", ["v1.2", "1", "_x", "A" * 128, "0.1.0-1adc3a101f8f"])
def test_a_tag_is_what_docker_takes(tag: str) -> None:
    assert check_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", ".x", "-x", "a b", "a:b", "a/b", "A" * 129, "é", "x\n"])
def test_any_other_tag_is_refused(tag: str) -> None:
    with pytest.raises(RequestError, match="cannot tag the images: ") as refused:
        check_tag(tag)
    assert "v1.2" in refused.value.hint


@pytest.mark.parametrize("tag", ["latest", "LATEST"])
def test_latest_is_refused_with_the_reason(tag: str) -> None:
    with pytest.raises(RequestError, match="moves from build to build") as refused:
        check_tag(tag)
    assert "leave --tag out" in refused.value.hint


def test_the_tag_of_a_time_is_in_utc_and_in_order() -> None:
    evening = datetime(2026, 11, 20, 20, 5, 9, tzinfo=timezone(timedelta(hours=-8)))
    assert time_tag(evening) == "v20261121040509"
    assert check_tag(time_tag(evening)) < time_tag(evening + timedelta(seconds=1))
