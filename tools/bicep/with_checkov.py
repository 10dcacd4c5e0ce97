"""What pycep and checkov say of a folder, as JSON on stdout; runs in an environment that has them, without ours.

Checkov's command asks a server of its maker for guidelines, and without a network takes 34 s (measured) to give up. Its
runner, called here, opens no connection. Most of its checks of Bicep are those of ARM, there once these are imported.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import checkov.arm.checks.resource  # noqa: F401 - its checks are registered by this
from checkov.bicep.runner import Runner
from checkov.runner_filter import RunnerFilter
from pycep import BicepParser


def main(folder: str) -> None:
    """Prints it."""
    logging.disable(logging.CRITICAL)
    unparsed = {}
    parser = BicepParser()
    for path in sorted(Path(folder).rglob("*.bicep")):
        try:
            parser.parse(text=path.read_text(encoding="utf-8"))
        except Exception as error:  # noqa: BLE001 - whatever its parser raises is a finding
            unparsed[str(path)] = str(error).splitlines()[0]
    report = Runner().run(root_folder=folder, runner_filter=RunnerFilter(framework=["bicep"]))
    sys.stdout.write(
        json.dumps(
            {
                "unparsed": unparsed | dict.fromkeys(report.parsing_errors, "checkov cannot parse it"),
                "passed": sorted({check.check_id for check in report.passed_checks}),
                "failed": [_told(check) for check in report.failed_checks],
                "skipped": [
                    _told(check) | {"reason": check.check_result.get("suppress_comment") or ""}
                    for check in report.skipped_checks
                ],
            }
        )
    )


def _told(check: Any) -> dict[str, object]:
    return {
        "id": check.check_id,
        "name": check.check_name,
        "path": check.file_abs_path,
        "line": check.file_line_range[0],
    }


if __name__ == "__main__":
    main(sys.argv[1])
