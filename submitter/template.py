"""Placeholders of a job spec, and how they are filled: a value cannot become YAML.

A spec is a Bacalhau template with two forms of placeholder and no other: `{{.name}}`, which must be given, and
`{{or (index . "name") "default"}}`. Bacalhau fills the text; here the parsed document is filled. Both give the same
job because a placeholder stands inside a quoted text, or alone as an integer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from submitter import document
from submitter.errors import SpecError

_NAME = r"[A-Za-z_]\w*"
_PLACEHOLDER = re.compile(
    rf"\{{\{{\s*(?:\.(?P<required>{_NAME})"
    rf'|or\s+\(index\s+\.\s+"(?P<optional>{_NAME})"\)\s+"(?P<default>[^"\\{{}}\n]*)")\s*\}}\}}'
)
_OTHER = re.compile(r"\{\{.*|[\ue000\ue001]")
_MARK = re.compile("\ue000(\\d+)\ue001")
"""What stands for a placeholder while the text is parsed: characters that mean nothing, to YAML or to anybody."""
_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}")


@dataclass(frozen=True)
class Template:
    """A spec as it was read.

    Attributes:
        name: Of the file, without folder and suffix.
        origin: Where it was read, for messages.
        text: With its placeholders.
    """

    name: str
    origin: str
    text: str


def placeholders(text: str, origin: str = "the text") -> dict[str, str | None]:
    """Names in the order of the text, each with its default; None means that a value must be given.

    Raises:
        SpecError: Something else has double braces.
    """
    if other := _OTHER.search(_PLACEHOLDER.sub("", text)):
        raise SpecError(
            "read the job spec",
            origin,
            why=f"{other[0].strip()[:80]!r} is no placeholder that submit knows",
            hint='use {{.name}} or {{or (index . "name") "default"}}',
        )
    found: dict[str, str | None] = {}
    for match in _PLACEHOLDER.finditer(text):
        if match["required"]:
            found[match["required"]] = None
        else:
            found.setdefault(match["optional"], match["default"])
    return found


def check(name: str, value: str) -> None:
    """Refuses what Bacalhau, which puts values into the text, would read as something else than a value.

    Raises:
        SpecError: It has quotes, backslashes, line breaks, control characters or double braces.
    """
    bad = sorted({char for char in value if char in "'\"\\" or not char.isprintable()})
    if bad or "{{" in value or "}}" in value:
        raise SpecError(
            "take the value",
            f"{name}={value!r}",
            why=f"it has {' '.join(map(repr, bad)) or 'double braces'}",
            hint="quotes, backslashes, line breaks, control characters and double braces are not allowed in values",
        )


def filled(template: Template, values: Mapping[str, str]) -> dict[str, Any]:
    """The document, its placeholders replaced; where the value is empty or missing, by the default.

    Raises:
        SpecError: It is no YAML mapping, or a placeholder stands where a value could change what the YAML means.
    """
    texts: list[str] = []

    def mark(match: re.Match[str]) -> str:
        texts.append(values.get(match["required"] or match["optional"]) or match["default"] or "")
        return f"\ue000{len(texts) - 1}\ue001"

    try:
        found = document.load(_PLACEHOLDER.sub(mark, template.text), lambda scalar: _fill(scalar, texts, template))
    except document.DocumentError as error:
        why = " ".join(_MARK.sub("...", str(error)).split())
        raise SpecError("read the job spec", template.origin, why=why, hint="correct its YAML") from error
    if not isinstance(found, dict):
        raise SpecError("read the job spec", template.origin, why="it is no YAML mapping", hint="see jobs/ingest.yaml")
    return found


def _fill(scalar: Any, texts: list[str], template: Template) -> None:
    if not _MARK.search(scalar.value):
        return
    value = _MARK.sub(lambda match: texts[int(match[1])], scalar.value)
    if scalar.style not in ("'", '"'):
        where = f"{template.origin}, line {scalar.start_mark.line + 1}"
        if scalar.style or not _MARK.fullmatch(scalar.value):
            raise SpecError(
                "fill the job spec",
                where,
                why="a placeholder stands in a text that is not quoted",
                hint="put the whole text in quotes",
            )
        if not _INTEGER.fullmatch(value):
            raise SpecError("fill the job spec", where, why=f"{value!r} is no integer", hint="give a whole number")
        scalar.tag = scalar.tag or "tag:yaml.org,2002:int"
    scalar.value = value
