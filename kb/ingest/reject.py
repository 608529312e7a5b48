"""Keeps what an import could not take, in files that can be corrected and imported again."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from kb.canonical import ntriples
from kb.ingest.report import Intake, Kept, Problem
from kb.ingest.table import OWN, SURPLUS
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
    width, surplus = len(intake.columns), max(len(row.surplus) for row in intake.rejected.values())
    extra = [f"{SURPLUS}{n}" for n in range(1, surplus + 1)]
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:  # Excel needs the mark
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow([*intake.columns, *extra, *(OWN + name for name in _REASONS)])
        for number, row in sorted(intake.rejected.items()):
            cells = [*_padded(row.raw[:width], width), *_padded(row.surplus, surplus)]
            faults = list(dict.fromkeys(reasons[number]))
            told = (
                str(number), str(row.line), _joined(p.column for p in faults), _joined(p.rule for p in faults),
                _joined(p.message for p in faults), _joined(dict.fromkeys(p.hint for p in faults if p.hint)),
            )  # fmt: skip
            writer.writerow([*cells, *told])


def _padded(cells: tuple[str, ...], width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))]


def _joined(parts: Iterable[str]) -> str:
    return " | ".join(parts)


def _write_notes(path: Path, notes: list[Problem]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["row", "line", "column", "rule", "message", "next_step"])
        for note in notes:
            writer.writerow([note.row, note.line, note.column, note.rule, note.message, note.hint])
