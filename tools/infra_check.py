"""Parses and checks `infra/azure/` and says what is wrong, a line each; Azure is asked nothing."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bicep import outside
from bicep.check import check

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".tools" / "infra-venv" / ("Scripts" if os.name == "nt" else "bin") / "python"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", nargs="?", type=Path, default=ROOT / "infra" / "azure")
    folder = options.parse_args().folder.resolve()
    try:
        found = check(folder, lambda path: outside.ask(PYTHON, path))
    except outside.OutsideError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    for finding in found:
        print(f"Error: {finding.shown(ROOT)}", file=sys.stderr)
    if not found:
        files = len([*folder.rglob("*.bicep"), *folder.rglob("*.bicepparam")])
        print(f"infra-check: {files} files parsed and checked, nothing is wrong; nothing was deployed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
