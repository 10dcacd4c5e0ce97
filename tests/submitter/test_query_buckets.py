"""The command line tells of readings, however they are stored."""

import pytest

from tests.submitter.test_query import read

COMMANDS = [
    ["query"],
    ["query", "--city", "denver", "--limit", "4"],
    ["query", "--sensor", "S1", "--since", "2026-11-20T10:00:05Z", "--before", "2026-11-20T10:00:15Z"],
    ["query", "--city", "denver", "--since", "2026-11-20T10:00:15Z", "--count"],
    ["query", "--count"],
    ["query", "--anomalies"],
    ["anomalies", "tune", "--city", "denver"],
]


@pytest.fixture
def told(cli, connected, write, monkeypatch):
    """What each command says when readings are stored so; each form has a database and a state of its own."""
    write("denver", "S1", *({"temperature": 4000.0 if number == 11 else 20.0} for number in range(23)))
    write("denver", "S2", *({} for _ in range(5)))
    assert connected.endpoint

    def tell(name, *options):
        monkeypatch.setenv("COSMOS_DATABASE", f"{connected.database}-{name}")
        assert cli("cosmos", "create").exit_code == 0
        result = cli("run", "--city", "denver", "--state", name, "--archive", f"{name}-archive", *options)
        assert result.exit_code == 0, result.stderr
        generations = "generation"
        answers = [read(cli(*command)) for command in COMMANDS]
        for answer in answers:
            for each in answer if isinstance(answer, list) else ():
                each.pop(generations)
                each["id"] = each["id"].partition("-")[2]
                each.pop("readingId", None)
        groups = [
            {key: group[key] for key in ("sensorId", "day", "documents", "newest")}
            for group in read(cli("query", "--analyze"))["groups"]
        ]
        documents = read(cli("query", "--sql", "SELECT VALUE COUNT(1) FROM c"))
        return [*answers, groups], documents

    return tell


@pytest.mark.parametrize("stage", ["sanitized", "raw"])
def test_the_same_is_told_of_buckets_as_of_readings(told, stage):
    alone, documents = told("alone", "--set", f"stage={stage}")
    bucketed, buckets = told("bucketed", "--set", f"stage={stage}", "--set", "bucket_rows=7")
    assert (documents, buckets) == ([28], [5])
    for command, one, other in zip([*COMMANDS, ["query", "--analyze"]], alone, bucketed, strict=True):
        if isinstance(one, list):
            assert sorted(one, key=str) == sorted(other, key=str), command
        else:
            assert one == other, command
