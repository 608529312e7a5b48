"""Imports a table: every row becomes a record or is kept out with its reasons."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
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
from kb.record import Record, local_name, subject

Progress = Callable[[int], None]
_NEAR = 0.75  # how like a column's name another must be to be taken for a slip of the pen


@dataclass(slots=True)
class Prior:
    """What earlier rows of the same file, mapped elsewhere, settled: row and line of each record; texts of shared ones.

    It names only what a part of the file asks about.
    """

    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    shared: dict[str, tuple[str, int, int]] = field(default_factory=dict)


def read(path: Path, mapping: Mapping, known: Known, progress: Progress = lambda rows: None) -> Intake:
    """Map all rows of a table; a whole file that cannot be right raises BadFile, a wrong row is only kept out."""
    table, intake = begin(path, mapping)
    take(table, intake, Builder(mapping, known), progress=progress)
    if not intake.rows:
        raise empty(path)
    return intake


def begin(path: Path, mapping: Mapping) -> tuple[Table, Intake]:
    """Open a table, check that its columns are those of the mapping, and prepare an intake without rows."""
    table = Table(path)
    intake = Intake(columns=table.columns)
    _check_columns(table, mapping, intake)
    return table, intake


def empty(path: Path) -> BadFile:
    """The error of a table without rows."""
    return BadFile(f"{path.name} has a header but no rows", "", "Add a row for each incident.")


def take(
    rows: Iterable[Row], intake: Intake, builder: Builder, prior: Prior | None = None,
    progress: Progress = lambda rows: None,
) -> None:  # fmt: skip
    """Map rows into an intake: a row becomes records, or is rejected with its problems."""
    gathering = _Gathering(builder.mapping, intake, prior or Prior())
    for row in rows:
        intake.rows += 1
        progress(intake.rows)
        lines, draft, iri = builder.build(row)
        intake.named.add(iri or ID + draft.fill(builder.mapping.record, local_name))
        if draft.problems:
            intake.reject(row, draft.problems)
        elif gathering.take(row, iri, lines):
            intake.notes += draft.notes
    intake.records = [*gathering.shared_records(), *intake.records]


class _Gathering:
    """The records of the rows so far, and those that several rows share: each row must say the same of them."""

    def __init__(self, mapping: Mapping, intake: Intake, prior: Prior) -> None:
        self.mapping, self.intake, self.prior = mapping, intake, prior
        self.shared = {iri: _lines(text) for iri, (text, _, _) in prior.shared.items()}

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
        for iri in sorted(self.intake.makers):
            yield document.written(iri, self.shared[iri])

    def _doubled(self, row: Row, iri: str) -> Iterator[Problem]:
        if first := self._first(iri):
            key = self.mapping.key
            message = f"the id {quoted(row.cells.get(key, ''))} is already in {_place(*first)}"
            yield Problem(row.number, row.line, key, "unique", message, "Give each row its own id, or remove one.")

    def _first(self, iri: str) -> tuple[int, int] | None:
        """Row and line of the row that made this record already."""
        row = self.intake.origin.get(iri)
        return (row.number, row.line) if row else self.prior.rows.get(iri)

    def _contradictions(self, row: Row, groups: Lines) -> Iterator[Problem]:
        for owner, part in groups.items():
            held = self.shared.get(owner)
            if held is None or held == part:
                continue
            (other,) = canonical.parse_ntriples(min(held ^ part))
            column = self.mapping.column_of(subject(other).removeprefix(ID), other.predicate.value)
            earlier = self.prior.shared.get(owner)
            first = earlier[1:] if earlier else (self.intake.makers[owner][0].number, self.intake.makers[owner][0].line)
            message = f"{_place(*first)} says something else of {owner.removeprefix(ID)} ({_said(other)})"
            yield Problem(row.number, row.line, column, "agreement", message, "Write the same in both rows.")


def _lines(text: str) -> set[str]:
    return {f"{line}\n" for line in text.split("\n") if line}  # not splitlines: literals may hold U+2028


def _place(row: int, line: int) -> str:
    return f"row {row}" + (f" (line {line})" if line else "")


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
