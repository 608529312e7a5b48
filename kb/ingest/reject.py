"""Keeps what an import could not take, in files that can be corrected and imported again."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from kb.canonical import ntriples
from kb.ingest.report import Intake, Kept, Problem
from kb.ingest.table import OWN
from kb.record import Record

_REASONS = ("row", "line", "column", "rule", "message", "next_step")


def keep(intake: Intake, folder: Path, stem: str) -> Kept:
    """Write rejected rows (`<stem>-rejected.csv`) and notes (`<stem>-notes.csv`) into `folder`.

    A rejected row has its own cells as they were, bytes included, and the reasons in columns named `mizan_…`, which
    an import ignores. Files of an earlier import of the same input are replaced, or removed when all is well now.
    """
    rejects, notes = folder / f"{stem}-rejected.csv", folder / f"{stem}-notes.csv"
    _write_rejects(rejects, intake) if intake.rejected else rejects.unlink(missing_ok=True)
    _write_notes(notes, intake.notes) if intake.notes else notes.unlink(missing_ok=True)
    return Kept(rejects if intake.rejected else None, notes if intake.notes else None)


def keep_records(records: Iterable[Record], folder: Path, stem: str) -> Path:
    """Write rejected records of an RDF import as `<stem>-rejected.nt`."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{stem}-rejected.nt"
    path.write_text("".join(ntriples(r.triples) for r in records), encoding="utf-8")
    return path


def _write_rejects(path: Path, intake: Intake) -> None:
    reasons: dict[int, list[Problem]] = {}
    for problem in intake.problems:
        reasons.setdefault(problem.row, []).append(problem)
    columns = list(dict.fromkeys(c for row in intake.rejected.values() for c in row.cells if not c.startswith(OWN)))
    surplus = max(len(row.surplus) for row in intake.rejected.values())
    extra = [f"{OWN}surplus_{n}" for n in range(1, surplus + 1)]
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow([*columns, *extra, *(OWN + name for name in _REASONS)])
        for number, row in sorted(intake.rejected.items()):
            faults = reasons[number]
            cells = [row.cells.get(c, "") for c in columns]
            more = [*row.surplus, *[""] * (surplus - len(row.surplus))]
            told = (
                str(number), str(row.line), " | ".join(p.column for p in faults), " | ".join(p.rule for p in faults),
                " | ".join(p.message for p in faults), " | ".join(p.hint for p in faults if p.hint),
            )  # fmt: skip
            writer.writerow([*cells, *more, *(text.encode("utf-8", "replace").decode() for text in told)])


def _write_notes(path: Path, notes: list[Problem]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", errors="replace", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["row", "line", "column", "rule", "message"])
        for note in notes:
            writer.writerow([note.row, note.line, note.column, note.rule, note.message])
