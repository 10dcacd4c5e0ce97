"""Columns of a sensor's table in the terms of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from processors import schema
from processors.errors import SourceError
from processors.schema import Kind

_SOURCES = {field.source: field.kind for field in schema.COLUMNS}


@dataclass(frozen=True)
class Column:
    """A column of the table, as a page carries it.

    Attributes:
        name: Name in a page: the contract's source name, or `extra.<name>`.
        sql: Quoted name in a statement. Qualified, because SQLite takes a bare quoted name that it does not
            know for a text.
        kind: What the values should be.
        affinity: SQLite's, by the declared type: which values the column can hold at all.
        known: Whether the contract has it.
    """

    name: str
    sql: str
    kind: Kind
    affinity: str
    known: bool


def matched(table: str, declared: Mapping[str, str], mapping: Mapping[str, str]) -> dict[str, Column]:
    """The columns of a table, by their name there: the contract's in its order, then the others.

    Args:
        table: What to call it in errors.
        declared: Column names with their declared types.
        mapping: Contract source names to column names, for those that differ.

    Raises:
        SourceError: A required or a mapped column is missing, or a name cannot be used.
    """
    by_folded = {folded(name): name for name in declared}
    why = _mistake(mapping, by_folded)
    if why:
        raise SourceError("map the columns", table, why=why, hint="correct the setting `columns`")
    claimed = {folded(name) for name in mapping.values()}
    wanted = {source: folded(mapping.get(source, source)) for source in _SOURCES}
    names = {
        source: by_folded[name]
        for source, name in wanted.items()
        if name in by_folded and (source in mapping or name not in claimed)
    }
    missing = [field.source for field in schema.REQUIRED if field.source not in names]
    if missing:
        raise SourceError(
            "read readings",
            table,
            why=f"it has no column {listed(missing)}; it has {listed(declared)}",
            hint=f'name the columns to use: `[columns] {missing[0]} = "..."` in bacalhau-cosmos.toml, '
            f'or COSMOS_COLUMNS=\'{{"{missing[0]}": "..."}}\'',
        )
    taken = set(names.values())
    others = [name for name in declared if name not in taken]
    clash = next((name for name in others if name.endswith(schema.ODD)), None)
    if clash is not None:
        raise SourceError(
            "read readings",
            table,
            why=f"the name of the column {clash} ends in {schema.ODD}, which marks odd values",
            hint="rename that column",
        )
    known = {name: _column(source, name, declared[name], _SOURCES[source]) for source, name in names.items()}
    unknown = {name: _column(schema.EXTRA + name, name, declared[name], None) for name in others}
    return known | unknown


def _mistake(mapping: Mapping[str, str], by_folded: Mapping[str, str]) -> str | None:
    unknown = sorted(set(mapping) - set(_SOURCES))
    if unknown:
        return f"no field of a reading is called {listed(unknown)}; there are {listed(_SOURCES)}"
    absent = [f"{name} (for {source})" for source, name in mapping.items() if folded(name) not in by_folded]
    if absent:
        return f"it has no column {listed(absent)}; it has {listed(by_folded.values())}"
    if len({folded(name) for name in mapping.values()}) < len(mapping):
        return "two fields are mapped to one column"
    return None


def _column(name: str, original: str, declared: str, kind: Kind | None) -> Column:
    return Column(
        name=name,
        sql=f"t.{quoted(original)}",
        kind=kind or _kind(declared),
        affinity=_affinity(declared),
        known=kind is not None,
    )


def _affinity(declared: str) -> str:
    """Column affinity by https://www.sqlite.org/datatype3.html#determination_of_column_affinity."""
    kind = declared.upper()
    if "INT" in kind:
        return "INTEGER"
    if any(word in kind for word in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if not kind or "BLOB" in kind:
        return "BLOB"
    return "REAL" if any(word in kind for word in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def _kind(declared: str) -> Kind:
    """What an unknown column is meant to hold. NUMERIC affinity alone says little: DATETIME has it too."""
    affinity, kind = _affinity(declared), declared.upper()
    if affinity == "INTEGER" or "BOOL" in kind:
        return "integer"
    return "real" if affinity == "REAL" or "NUMERIC" in kind or "DECIMAL" in kind else "text"


def quoted(name: str) -> str:
    """The name as an identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def folded(name: str) -> str:
    """The name as SQLite compares it: only ASCII letters are folded."""
    return name.encode("utf-8", "surrogateescape").lower().decode("utf-8", "surrogateescape")


def listed(names: Iterable[str]) -> str:
    """Names for a sentence."""
    return ", ".join(names) or "none"
