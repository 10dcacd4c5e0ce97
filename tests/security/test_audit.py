"""`make lint` says what is known against the locked packages, and says it where nothing can be known."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.answering import serving

ROOT = Path(__file__).parents[2]
LOCK = "six==1.17.0 --hash=sha256:" + "0" * 64 + "\n"

AFFECTED = {
    "package": {"name": "six", "ecosystem": "PyPI"},
    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}],
    "versions": ["1.17.0"],
}


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "tools")
    import audit  # noqa: PLC0415

    return audit


@contextmanager
def database(status: int, answer: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Options that make pip-audit ask a database of vulnerabilities that answers so."""
    with serving(lambda _: (status, answer, {})) as port:
        yield "--vulnerability-service", "osv", "--osv-url", f"http://127.0.0.1:{port}/"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text(LOCK)
    return path


def test_a_finding_fails_and_names_the_package(audit: Any, lock: Path) -> None:
    known = {"vulns": [{"id": "PYSEC-2026-1", "modified": "2026-01-01T00:00:00Z", "affected": [AFFECTED]}]}

    with database(200, known) as service:
        answer = audit.ask(service, [lock])

    assert answer.findings == ("six 1.17.0: PYSEC-2026-1, mended in 9.9",)
    assert "Error: six 1.17.0: PYSEC-2026-1" in audit.told(answer)


def test_no_finding_says_how_many_were_looked_up(audit: Any, lock: Path) -> None:
    with database(200, {}) as service:
        answer = audit.ask(service, [lock])

    assert audit.told(answer) == "audit: 1 packages, no known vulnerabilities"


def test_a_service_that_fails_is_no_clean_bill(audit: Any, lock: Path) -> None:
    with database(503, {}) as service:
        answer = audit.ask(service, [lock])

    assert audit.told(answer).startswith("audit: NOT DONE, no data on vulnerabilities can be had here (osv: ")


def test_an_index_that_knows_no_package_is_no_clean_bill(audit: Any) -> None:
    """pip-audit itself says "No known vulnerabilities found" then, with exit code 0."""
    skipped = [{"name": name, "skip_reason": "Dependency not found"} for name in ("six", "rich")]

    answer = audit.read(skipped, "pypi")

    assert answer.why == "pypi: it knows none of the 2 packages"


def test_packages_that_nothing_is_known_of_are_named(audit: Any) -> None:
    packages = [{"name": "six", "version": "1", "vulns": []}, {"name": "ours", "skip_reason": "not found"}]

    assert audit.told(audit.read(packages, "pypi")) == (
        "audit: 1 packages, no known vulnerabilities; nothing known of ours"
    )


def test_the_second_service_is_asked_where_the_first_has_no_answer(audit: Any) -> None:
    silent, known = audit.Answer(why="pypi: it knows none"), audit.Answer(looked_up=3)

    assert audit.first_answer([silent, known]) is known
    assert audit.first_answer([silent, silent]).why == "pypi: it knows none; pypi: it knows none"


def test_every_lock_is_audited_but_those_whose_pins_are_not_ours(audit: Any) -> None:
    there = {*ROOT.glob("[!.]*/**/requirements.lock")} | {ROOT / "requirements.lock"}

    left_out = {*there, ROOT / "tools" / "bootstrap.txt"} - {*audit.LOCKS}

    assert left_out == {
        ROOT / "infra" / "requirements.lock",
        ROOT / "tests" / "integration" / "sdk" / "requirements.lock",
    }
