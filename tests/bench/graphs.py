"""What the import of a large RDF file costs.

The records are those that the table of `tests.bench.importing` becomes, an incident and its source a row, as
N-Triples; every record is scattered over two places half a file apart. The peer is the import in memory, at the
smallest size.
"""

from __future__ import annotations

import csv
import shutil
import time
from pathlib import Path

from kb.importing import Options
from kb.ingest import mapping
from kb.ingest.build import Builder
from kb.ingest.known import finder
from kb.ingest.table import Layout
from kb.knowledgebase import KnowledgeBase
from tests.bench.figure import Memory, say, timed
from tests.bench.source import multiplied


def scattered(folder: Path, records: int) -> Path:
    """An N-Triples file of about so many records, each in two places."""
    table, plan = multiplied(folder / "t.csv", records // 2), mapping.load("ucdp-ged")
    builder, seen = Builder(plan, finder(None)), set[str]()
    first, second = folder / "t.nt", folder / "second.nt"
    with table.open(encoding="utf-8", newline="") as rows, first.open("w") as one, second.open("w") as other:
        one.write("".join(r.text for r in plan.reference))
        cells = csv.reader(rows)
        layout = Layout(next(cells))
        for number, row in enumerate(cells, 1):
            for iri, lines in builder.build(layout.row(number, 0, row))[0].items():
                if iri not in seen:
                    seen.add(iri)
                    for at, line in enumerate(sorted(lines)):
                        (other if at % 2 else one).write(line)
    with first.open("ab") as whole, second.open("rb") as rest:
        shutil.copyfileobj(rest, whole, 1 << 20)
    second.unlink()
    return first


def measure(folder: Path, size: int) -> None:
    """Import the records of so many rows from an RDF file, then the same again."""
    _measure(folder / str(size) / "graphs", 2 * size, Options(), "on disk")


def peer(folder: Path, size: int) -> None:
    """The same in memory, as small files are imported."""
    _measure(folder / str(size) / "graphs-peer", 2 * size, Options(large=10**9), "peer, in memory")


def _measure(folder: Path, records: int, options: Options, label: str) -> None:
    folder.mkdir(parents=True)
    path = scattered(folder, records)
    say(f"{label}: the file", f"{path.stat().st_size / 1e6:,.0f} MB")
    with KnowledgeBase.create(folder / "home") as base:
        read = [0.0]

        def watch(count: int, of: int, unit: str) -> None:
            if unit == "triples":
                read[0] = time.perf_counter()

        began = time.perf_counter()
        with Memory() as memory, timed(f"{label}: {records:,} records, the whole import", records):
            done = base.import_rdf(path, options, progress=watch)
        assert done.outcome and done.outcome.new == done.intake.rows and not done.intake.refused()
        if read[0]:
            say("  of these, until the file was read", f"{read[0] - began:8.2f} s")
        say("  peak memory of all processes together", f"{memory.peak:,.0f} MiB")
        with Memory() as memory, timed("  the same again, nothing written", records):
            again = base.import_rdf(path, options)
        assert again.outcome and again.outcome.new == again.outcome.changed == 0
        say("  peak memory of that", f"{memory.peak:,.0f} MiB")
    shutil.rmtree(folder)
