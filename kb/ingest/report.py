"""What an import has to say about its input: problems that keep a row out, and notes that do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kb.record import Record


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one row: where, which rule, and the next step. `fatal` keeps the row out.

    `row` counts data rows from 1; `line` is the physical line in the file (0 when the format has none).
    """

    row: int
    line: int
    column: str
    rule: str
    message: str
    hint: str = ""
    fatal: bool = True

    def __str__(self) -> str:
        """`row 17 (line 21), column lat, rule range: …`."""
        place = f"row {self.row}" + (f" (line {self.line})" if self.line else "")
        where = f"{place}, column {self.column}" if self.column else place
        text = f"{where}, rule {self.rule}: {self.message}"
        return f"{text}. {self.hint}" if self.hint else f"{text}."


@dataclass(frozen=True, slots=True)
class Row:
    """One data row as read: its cells by column, and its place in the file."""

    number: int
    line: int
    cells: dict[str, str]
    surplus: tuple[str, ...] = ()


@dataclass(slots=True)
class Intake:
    """A file read and mapped: the records it gives, which row each came from, and what was wrong with others."""

    rows: int = 0
    records: list[Record] = field(default_factory=list)
    origin: dict[str, Row] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    rejected: dict[int, Row] = field(default_factory=dict)

    def reject(self, row: Row, problems: Sequence[Problem]) -> None:
        """Keep a row out, with its problems."""
        self.rejected[row.number] = row
        self.problems += problems

    def rules(self) -> Counter[str]:
        """How often each rule kept a row out."""
        return Counter(p.rule for p in self.problems)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the rejected rows and the notes of an import were written; None when there were none."""

    rejects: Path | None
    notes: Path | None
