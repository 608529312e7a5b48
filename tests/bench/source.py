"""The data of the benchmarks, and the one knowledge base of each size that all parts share.

A knowledge base of size N holds the curated case, N incidents made of the real UCDP rows, and a tenth as many of the
synthetic dataset. The case comes first, as `mizan demo` has it: what it says of the conflict concerns every incident.
It is compacted after the large import, as one would do.
"""

from __future__ import annotations

import csv
import random
from datetime import date, timedelta
from pathlib import Path

from kb import document, vocabulary
from kb.generate.dataset import ACTORS, Order
from kb.generate.dataset import write as generate
from kb.importing import Imported, Options
from kb.ingest import mapping
from kb.knowledgebase import KnowledgeBase
from kb.snapshot import Retention

ROOT = Path(__file__).resolve().parents[2]
UCDP = ROOT.parent / "shared" / "data" / "ucdp-ged-syria-2016.csv"
LAYOUTS = ("ucdp-ged", "airwars", "incidents")  # of synthetic data
_DAYS, _NUMBERS = ("date_start", "date_end"), ("deaths_a", "deaths_b", "deaths_civilians", "best")


def multiplied(path: Path, count: int, seed: int = 1, first: int = 10_000_000) -> Path:
    """Write a table of `count` incidents made of the real ones.

    Every copy has ids of its own, and dates, numbers, coordinates and headlines moved a little, the same in every run.
    """
    with UCDP.open(encoding="utf-8-sig", newline="") as handle:
        header, *rows = csv.reader(handle)
    at, draw = {name: i for i, name in enumerate(header)}, random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        for number in range(count):
            row, copy = list(rows[number % len(rows)]), number // len(rows)
            row[at["id"]] = str(first + number)
            if copy:
                _move(row, at, draw, copy)
            writer.writerow(row)
    return path


def _move(row: list[str], at: dict[str, int], draw: random.Random, copy: int) -> None:
    days = timedelta(draw.randrange(-700, 700))
    for name in _DAYS:
        row[at[name]] = (date.fromisoformat(row[at[name]]) + days).isoformat()
    for name in _NUMBERS:
        if row[at[name]].isdigit() and draw.random() < 0.3:
            row[at[name]] = str(int(row[at[name]]) + draw.randrange(3))
    for name in ("latitude", "longitude"):
        if row[at[name]]:
            row[at[name]] = f"{float(row[at[name]]) + draw.uniform(-0.2, 0.2):.6f}"
    headlines = row[at["source_headline"]].split(";")
    row[at["source_headline"]] = ";".join(f"{text} {copy}" if text.strip() else text for text in headlines)


def home(folder: Path, size: int) -> Path:
    """Where the knowledge base of a size is."""
    return folder / str(size) / "home"


def ready(folder: Path, size: int) -> Path:
    """The knowledge base of a size, made now unless it is there and complete."""
    if not _mark(folder, size).is_file():
        with begun(folder, size) as base:
            table = multiplied(folder / str(size) / "events.csv", size)
            done = base.import_table(mapping.load("ucdp-ged"), table)
            assert not done.intake.refused()
            base.compact(Retention(1))
            complete(base, folder, size)
    return home(folder, size)


def begun(folder: Path, size: int) -> KnowledgeBase:
    """A new knowledge base with the curated case."""
    base = KnowledgeBase.create(home(folder, size))
    base.add(case(), {"label": "bench"})
    return base


def complete(base: KnowledgeBase, folder: Path, size: int) -> None:
    """Add the synthetic dataset to the incidents of the table."""
    for done in synthetic(base, folder / str(size) / "synthetic", size // 10):
        assert not done.intake.refused()
    _mark(folder, size).touch()


def _mark(folder: Path, size: int) -> Path:
    return folder / str(size) / "complete"


def case() -> list[document.Record]:
    """The records of the curated case."""
    return document.records([t for path in vocabulary.case_files() for t in document.read(path)])


def synthetic(base: KnowledgeBase, folder: Path, rows: int) -> list[Imported]:
    """Import a synthetic dataset of so many rows in its three layouts."""
    generate(Order(rows), folder)
    base.import_rdf(folder / ACTORS)
    tables = [(mapping.load(str(folder / f"synthetic-{n}.toml")), folder / f"synthetic-{n}.csv") for n in LAYOUTS]
    return [base.import_table(plan, table, Options()) for plan, table in tables]
