"""Wrong pipelines that the harness must find: the order of effects changed, ids by chance, an answer swallowed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.zygote import ROOT


@dataclass(frozen=True)
class Mutant:
    """A change of the processor's source.

    Attributes:
        name: What is wrong with it.
        file: Below `processors`.
        edits: Text -> what takes its place; each is there exactly once.
    """

    name: str
    file: str
    edits: tuple[tuple[str, str], ...]

    def write(self, folder: Path) -> Path:
        """A copy of the processor with the change, in the folder, for `Zygote`."""
        shutil.copytree(ROOT / "processors", folder / "processors", ignore=shutil.ignore_patterns("__pycache__"))
        path = folder / "processors" / self.file
        text = path.read_text(encoding="utf-8")
        for old, new in self.edits:
            assert text.count(old) == 1, f"mutant {self.name!r}: {self.file} has {text.count(old)} times:\n{old}"
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        return folder


_ARCHIVE = (
    "        archive.write(batch, branch.position, conformed.valid, rejects, ends, recipe.form, sent.left, private)\n"
)
_ADVANCE = "        checkpoint.advance(database.sensor, branch, {**refined.carried, **sent.carried}, refined.windows)\n"
_SEND = "        sent = self._sender.send(batch, judged, windows)\n"

MUTANTS = (
    Mutant(
        "checkpoint before archive",
        "pipeline/__init__.py",
        (
            (_ARCHIVE, "        start = branch.position\n"),
            (_ADVANCE, _ADVANCE + _ARCHIVE.replace("branch.position", "start")),
        ),
    ),
    Mutant(
        "archive before sink",
        "pipeline/__init__.py",
        (
            (_SEND, _ARCHIVE.replace("rejects,", "conformed.rejects,").replace("sent.left", "None") + _SEND),
            (_ARCHIVE, ""),
        ),
    ),
    Mutant(
        "an id by chance",
        "document/__init__.py",
        (
            ("import hashlib\n", "import hashlib\nimport secrets\n"),
            (
                'return rows.with_columns(pl.format("{}-{}", _prefix(rows, origin), ROW_ID).alias(ID))',
                "return rows.with_columns(pl.format('{}-{}', pl.lit(secrets.token_hex(8)), ROW_ID).alias(ID))",
            ),
        ),
    ),
    Mutant(
        "a swallowed 424",
        "sink/answer.py",
        (
            (
                "    return Answer(error.status_code, cosmos.charge(headers), advice_s, refused, error)\n",
                "    return Answer(TAKEN, 0.0, advice_s, refused, done=[(201, 0.0)] * len(batch.items))\n",
            ),
        ),
    ),
)
