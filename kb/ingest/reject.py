"""Keeps what an import could not take, in files that can be corrected and imported again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path

from kb.ingest.report import Intake, Kept, Problem, Row
from kb.ingest.table import OWN, SURPLUS
from kb.record import Record

_REASONS = ("row", "line", "column", "rule", "message", "next_step")


Told = Callable[[], Iterable[tuple[Row, Sequence[Problem]]]]
"""Gives rejected rows in order, each with its problems, as often as it is called."""


def keep(intake: Intake, folder: Path, stem: str) -> Kept:
    """Write rejected rows (`<stem>-rejected.csv`) and notes (`<stem>-notes.csv`) into `folder`.

    A rejected row has its own cells as they were, bytes included, and the reasons in columns named `mizan_…`, which
    an import ignores. Files of an earlier import of the same input are replaced, or removed when all is well now.
    """
    reasons: dict[int, list[Problem]] = {}
    for problem in intake.problems:
        reasons.setdefault(problem.row, []).append(problem)
    rejected = [(row, reasons[number]) for number, row in sorted(intake.rejected.items())]
    return keep_all(intake.columns, lambda: rejected, intake.notes, folder, stem)


def keep_all(columns: list[str], told: Told, notes: Iterable[Problem], folder: Path, stem: str) -> Kept:
    """The same for rows and notes that come as a stream."""
    rejects, noted = folder / f"{stem}-rejected.csv", folder / f"{stem}-notes.csv"
    surplus = max((len(row.surplus) for row, _ in told()), default=-1)
    _write_rejects(rejects, columns, surplus, told()) if surplus >= 0 else rejects.unlink(missing_ok=True)
    some = _write_notes(noted, notes)
    return Kept(rejects if surplus >= 0 else None, noted if some else None)


def keep_records(rejected: Iterable[tuple[Record, Sequence[Problem]]], folder: Path, stem: str) -> Path | None:
    """Write rejected records of an RDF import as `<stem>-rejected.nt`, each below comments that say why.

    Without any, a file of an earlier import of the same input is removed.
    """
    path, rest = folder / f"{stem}-rejected.nt", iter(rejected)
    first = next(rest, None)
    if first is None:
        path.unlink(missing_ok=True)
        return None
    folder.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        for record, problems in chain([first], rest):
            handle.writelines(f"# {_one_line(str(problem))}\n" for problem in dict.fromkeys(problems))
            handle.write(record.text)
    return path


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _write_rejects(
    path: Path, columns: list[str], surplus: int, rejected: Iterable[tuple[Row, Sequence[Problem]]]
) -> None:
    width = len(columns)
    extra = [f"{SURPLUS}{n}" for n in range(1, surplus + 1)]
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:  # Excel needs the mark
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow([*columns, *extra, *(OWN + name for name in _REASONS)])
        for row, problems in rejected:
            cells = [*_padded(row.raw[:width], width), *_padded(row.surplus, surplus)]
            faults = list(dict.fromkeys(problems))
            told = (
                str(row.number), str(row.line), _joined(p.column for p in faults), _joined(p.rule for p in faults),
                _joined(p.message for p in faults), _joined(dict.fromkeys(p.hint for p in faults if p.hint)),
            )  # fmt: skip
            writer.writerow([*cells, *told])


def _padded(cells: tuple[str, ...], width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))]


def _joined(parts: Iterable[str]) -> str:
    return " | ".join(parts)


def _write_notes(path: Path, notes: Iterable[Problem]) -> bool:
    """Write the notes; without any, remove the file. Whether there are some."""
    rest = iter(notes)
    first = next(rest, None)
    if first is None:
        path.unlink(missing_ok=True)
        return False
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["row", "line", "column", "rule", "message", "next_step"])
        for note in chain([first], rest):
            writer.writerow([note.row, note.line, note.column, note.rule, note.message, note.hint])
    return True
