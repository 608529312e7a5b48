"""What an import has to say about its input: problems that keep a row out, and notes that do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kb.record import Record

_QUOTED = 60  # characters of a cell that a message repeats: a cell may hold megabytes


class Unfit(Exception):
    """A value breaks a rule: `rule` names it, `hint` is the next step."""

    def __init__(self, rule: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.rule, self.message, self.hint = rule, message, hint


def quoted(text: str) -> str:
    """The beginning of a text from outside as a message may show it: quoted, one line, nothing unprintable."""
    return repr(text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one row, or one record of an RDF file: where, which rule, and the next step.

    `row` counts data rows from 1 (0 when a whole column or a record is meant); `line` is the physical line in the
    file (0 when the format has none); `fatal` keeps the row out.
    """

    row: int
    line: int
    column: str
    rule: str
    message: str
    hint: str = ""
    fatal: bool = True
    record: str = ""

    def place(self) -> str:
        """`row 17 (line 21), column lat`; empty when nothing but the file is known."""
        row = f"row {self.row}" + (f" (line {self.line})" if self.line else "") if self.row else ""
        record = f"record {self.record}" if self.record and not self.row else ""
        return ", ".join(part for part in (row, record, f"column {self.column}" if self.column else "") if part)

    def __str__(self) -> str:
        """`row 17 (line 21), column lat, rule range: …`."""
        place = ", ".join(part for part in (self.place(), f"rule {self.rule}") if part)
        text = f"{place}: {self.message}".rstrip(".")
        return f"{text}. {self.hint}" if self.hint else f"{text}."


@dataclass(frozen=True, slots=True)
class Row:
    """One data row: its place in the file, its cells by column, and all cells as they were read, in order.

    `surplus` are filled cells beyond the last column of the header.
    """

    number: int
    line: int
    cells: dict[str, str]
    raw: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()


@dataclass(slots=True)
class Intake:
    """A file read and mapped: the records it gives, which rows each came from, and what was wrong with others.

    `origin` names the row of each record that a row is about; `makers` the rows that each shared record (a source,
    an actor, a dataset) was made by. `kept_out` are records that broke a shape; `named` are the records
    that rows are about, those of bad rows included as far as they tell.
    """

    columns: list[str] = field(default_factory=list)
    rows: int = 0
    records: list[Record] = field(default_factory=list)
    origin: dict[str, Row] = field(default_factory=dict)
    makers: dict[str, list[Row]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    rejected: dict[int, Row] = field(default_factory=dict)
    kept_out: list[Record] = field(default_factory=list)
    named: set[str] = field(default_factory=set)

    def reject(self, row: Row, problems: Sequence[Problem]) -> None:
        """Keep a row out, with its problems."""
        self.rejected[row.number] = row
        self.problems += problems

    def refused(self) -> int:
        """How many rows were kept out; for an RDF file, how many records."""
        return len(self.rejected) if self.columns else len(self.kept_out)

    def noted(self) -> dict[str, tuple[int, Problem]]:
        """How often each rule gave a note, with the first of them."""
        found: dict[str, tuple[int, Problem]] = {}
        for note in self.notes:
            count, first = found.get(note.rule, (0, note))
            found[note.rule] = count + 1, first
        return found

    def rules(self) -> Counter[str]:
        """How often each rule kept a row out."""
        return Counter(p.rule for p in self.problems)


@dataclass(slots=True)
class Summary(Intake):
    """The intake of a large file: counts, and the first of its problems; all of them stand in the reject file."""

    out: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    notes_by_rule: dict[str, tuple[int, Problem]] = field(default_factory=dict)

    def refused(self) -> int:
        """How many rows were kept out."""
        return self.out

    def noted(self) -> dict[str, tuple[int, Problem]]:
        """How often each rule gave a note, with the first of them."""
        return self.notes_by_rule

    def rules(self) -> Counter[str]:
        """How often each rule kept a row out."""
        return self.by_rule


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the rejected rows and the notes of an import were written; None when there were none."""

    rejects: Path | None
    notes: Path | None
