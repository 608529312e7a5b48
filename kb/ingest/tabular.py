"""Imports a table: every row becomes a record or is kept out with its reasons."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path

from pyoxigraph import NamedNode, Triple

from kb import canonical, document
from kb.errors import BadFile, DoesNotConform
from kb.ingest.build import Builder, Lines
from kb.ingest.known import Known
from kb.ingest.plan import Mapping
from kb.ingest.report import Intake, Problem, Row, quoted
from kb.ingest.table import Table
from kb.ns import ID
from kb.record import Record, subject

Progress = Callable[[int], None]
_NEAR = 0.75  # how like a column's name another must be to be taken for a slip of the pen


def read(path: Path, mapping: Mapping, known: Known, progress: Progress = lambda rows: None) -> Intake:
    """Map all rows of a table; a whole file that cannot be right raises BadFile, a wrong row is only kept out."""
    table = Table(path)
    intake = Intake(columns=table.columns)
    _check_columns(table, mapping, intake)
    builder, gathering = Builder(mapping, known), _Gathering(mapping, intake)
    for row in table:
        intake.rows += 1
        progress(intake.rows)
        lines, draft, iri = builder.build(row)
        if draft.problems:
            intake.reject(row, draft.problems)
        elif gathering.take(row, iri, lines):
            intake.notes += draft.notes
    if not intake.rows:
        raise BadFile(f"{path.name} has a header but no rows", "", "Add a row for each incident.")
    intake.records = [*gathering.shared_records(), *intake.records]
    return intake


class _Gathering:
    """The records of the rows so far, and those that several rows share: each row must say the same of them."""

    def __init__(self, mapping: Mapping, intake: Intake) -> None:
        self.mapping, self.intake = mapping, intake
        self.shared: dict[str, set[str]] = {}

    def take(self, row: Row, iri: str, groups: Lines) -> bool:
        """Add what a row gives, or reject the row; whether it was added."""
        own = groups.pop(iri, set())
        problems = [*self._doubled(row, iri), *self._contradictions(row, groups)]
        try:
            record = document.written(iri, own)
        except DoesNotConform as error:
            why = f"{error.what}: {error.why}"
            problems.append(Problem(row.number, row.line, self.mapping.key, "record", why, error.hint))
        if problems:
            self.intake.reject(row, problems)
            return False
        self.intake.records.append(record)
        self.intake.origin[iri] = row
        for owner, part in groups.items():
            self.shared.setdefault(owner, part)
            self.intake.makers.setdefault(owner, []).append(row)
        return True

    def shared_records(self) -> Iterator[Record]:
        """The records that rows share, sorted by IRI."""
        for iri, part in sorted(self.shared.items()):
            yield document.written(iri, part)

    def _doubled(self, row: Row, iri: str) -> Iterator[Problem]:
        if first := self.intake.origin.get(iri):
            key = self.mapping.key
            message = f"the id {quoted(row.cells.get(key, ''))} is already in {_place(first)}"
            yield Problem(row.number, row.line, key, "unique", message, "Give each row its own id, or remove one.")

    def _contradictions(self, row: Row, groups: Lines) -> Iterator[Problem]:
        for owner, part in groups.items():
            held = self.shared.get(owner)
            if held is None or held == part:
                continue
            (other,) = canonical.parse_ntriples(min(held ^ part))
            column = self.mapping.column_of(subject(other).removeprefix(ID), other.predicate.value)
            first = self.intake.makers[owner][0]
            message = f"{_place(first)} says something else of {owner.removeprefix(ID)} ({_said(other)})"
            yield Problem(row.number, row.line, column, "agreement", message, "Write the same in both rows.")


def _place(row: Row) -> str:
    return f"row {row.number}" + (f" (line {row.line})" if row.line else "")


def _said(triple: Triple) -> str:
    value = triple.object
    assert not isinstance(value, Triple)
    text = value.value.rpartition("#")[2] if isinstance(value, NamedNode) else value.value
    return f"{triple.predicate.value.replace('#', '/').rpartition('/')[2]} {quoted(text)}"


def _check_columns(table: Table, mapping: Mapping, intake: Intake) -> None:
    place = f"{table.path.name}, line {table.line}"
    strange = [name for name in table.columns if name and name not in mapping.columns]
    absent = [c.name for c in mapping.columns.values() if c.name not in table.columns]
    missing = sorted(c.name for c in mapping.columns.values() if (c.present or c.required) and c.name in absent)
    if missing:
        listed = ", ".join(missing[:8]) + (" …" if len(missing) > 8 else "")
        raise BadFile(f"{place}: missing columns: {listed}", f"{mapping.name} needs them", _hint(missing[0], table))
    for name in strange:
        # what the mapping calls almost the same would be lost without a word
        if meant := difflib.get_close_matches(name.casefold(), absent, 1, _NEAR):
            hint = f"Did you mean {meant[0]}? Rename the column, or remove it."
            raise BadFile(f"{place}: the mapping {mapping.name} has no column {quoted(name)}", "", hint)
    message = f"the mapping {mapping.name} does not use this column"
    for name in strange:
        intake.notes.append(Problem(0, table.line, name, "unused-column", message, fatal=False))
    if "" in table.columns:
        told = "a column without a name is not used"
        intake.notes.append(Problem(0, table.line, "", "unused-column", told, fatal=False))


def _hint(missing: str, table: Table) -> str:
    folded = {name.casefold(): name for name in table.columns}
    close = difflib.get_close_matches(missing.casefold(), folded, 1, 0.6)
    if close:
        return f"Is it the column {quoted(folded[close[0]])}? Rename it."
    return "Is this the right mapping for the file?"
