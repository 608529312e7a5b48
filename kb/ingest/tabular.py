"""Imports a table: every row becomes a record or is kept out with its reasons."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path

from pyoxigraph import Triple

from kb import document
from kb.errors import BadFile
from kb.ingest.build import Builder, Finder
from kb.ingest.mapping import Mapping
from kb.ingest.report import Intake, Problem, Row
from kb.ingest.table import OWN, Table
from kb.record import Record, by_owner

Progress = Callable[[int], None]


def read(path: Path, mapping: Mapping, find: Finder, progress: Progress = lambda rows: None) -> Intake:
    """Map all rows of a table; a whole file that cannot be right raises BadFile, a wrong row is only kept out."""
    table = Table(path)
    intake = Intake()
    _check_columns(table, mapping, intake)
    builder = Builder(mapping, find)
    seen: dict[str, Row] = {}
    shared: dict[str, list[Triple]] = {}
    for row in table:
        intake.rows += 1
        progress(intake.rows)
        triples, cells, iri = builder.build(row)
        problems = cells.problems or list(_doubled(row, iri, seen, mapping))
        if problems:
            intake.reject(row, problems)
            continue
        seen[iri] = row
        intake.notes += cells.notes
        for owner, part in by_owner(triples).items():
            if owner == iri:
                intake.records.append(document.record(iri, part))
                intake.origin[iri] = row
            else:
                shared.setdefault(owner, part)
    intake.records = [*_shared(shared), *intake.records]
    if not intake.rows:
        raise BadFile(f"{path.name} has a header but no rows", "", "Add a row for each incident.")
    return intake


def _shared(shared: dict[str, list[Triple]]) -> Iterator[Record]:
    for iri, part in sorted(shared.items()):
        yield document.record(iri, part)


def _doubled(row: Row, iri: str, seen: dict[str, Row], mapping: Mapping) -> Iterator[Problem]:
    if iri in seen:
        first = seen[iri]
        place = f"row {first.number}" + (f" (line {first.line})" if first.line else "")
        yield Problem(
            row.number, row.line, mapping.key, "unique", f"the id {row.cells.get(mapping.key, '')!r} is already in {place}",
            "Give each row its own id, or remove one.",
        )  # fmt: skip


def _check_columns(table: Table, mapping: Mapping, intake: Intake) -> None:
    wanted = {c.name for c in mapping.columns.values() if c.present or c.required}
    missing = sorted(wanted - set(table.columns))
    if missing:
        close = difflib.get_close_matches(missing[0], table.columns, 1, 0.6)
        hint = f"Is it the column {close[0]!r}? Rename it." if close else "Is this the right mapping for the file?"
        listed = ", ".join(missing[:8]) + (" …" if len(missing) > 8 else "")
        raise BadFile(f"{table.path.name}, line 1: missing columns: {listed}", f"{mapping.name} needs them", hint)
    for name in table.columns:
        if name and name not in mapping.columns and not name.startswith(OWN):
            message = f"the mapping {mapping.name} does not use this column"
            intake.notes.append(Problem(0, 1, name, "unused-column", message, fatal=False))


