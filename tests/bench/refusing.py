"""What it costs when nothing is right: a table of rows that all break a rule, with the file of rejects.

The peer is the import of the same rows before they were spoilt, which `tests.bench.importing` measures.
"""

from __future__ import annotations

import csv
from pathlib import Path

from kb.ingest import mapping
from kb.knowledgebase import KnowledgeBase
from tests.bench import source
from tests.bench.figure import Memory, say, timed


def spoilt(path: Path, good: Path) -> Path:
    """The same table, with an id in every row that the rules refuse."""
    with good.open(encoding="utf-8", newline="") as rows, path.open("w", encoding="utf-8", newline="") as handle:
        reader, writer = csv.reader(rows), csv.writer(handle)
        header = next(reader)
        writer.writerow(header)
        at = header.index("id")
        writer.writerows([*row[:at], f"x{row[at]}", *row[at + 1 :]] for row in reader)
    return path


def measure(folder: Path, size: int) -> None:
    """Import a table of this size of which no row is right."""
    work = folder / str(size) / "refused"
    work.mkdir(parents=True, exist_ok=True)
    table = spoilt(work / "t.csv", source.multiplied(work / "good.csv", size))
    with KnowledgeBase.create(work / "home") as base:
        with Memory() as memory, timed("a table of rows that are all bad", size):
            done = base.import_table(mapping.load("ucdp-ged"), table)
        assert done.intake.refused() == size and done.outcome and done.outcome.snapshot == 1
        assert done.kept.rejects is not None
        say("  peak memory of all processes together", f"{memory.peak:,.0f} MiB")
        say("  problems held, of all", f"{len(done.intake.problems):,} of {size:,}")
        say("  the file of rejects", f"{done.kept.rejects.stat().st_size / table.stat().st_size:.2f} times the table")
