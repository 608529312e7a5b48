"""Writes a synthetic dataset: tables, their mappings and actors, the findings to expect, and a manifest."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kb import __version__
from kb.errors import UsageError
from kb.generate import plan
from kb.generate.chance import Draws
from kb.generate.event import COLUMNS, Event, World
from kb.generate.fault import FAULTS, Fault, Finding, Spoiling, gaps
from kb.generate.report import PREFIX, Airwars, Cells, Incidents, Reporter, Ucdp
from kb.ingest import mapping
from kb.record import local_name

EXPECTED, SAME, MANIFEST, ACTORS = "expected-findings.csv", "same-event.csv", "manifest.json", "synthetic-actors.ttl"
_ADDRESS = {"ucdp-ged": "synthetic-ucdp-ged", "airwars": "synthetic-airwars", "incidents": "synthetic-incidents"}
_EVERY = 1000  # rows between two words to `progress`
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: how many rows, from which seed, which share of them with seeded errors, of which kinds."""

    rows: int
    seed: int = 1
    errors_per_million: int = 0
    kinds: tuple[str, ...] = tuple(fault.kind for fault in FAULTS)


class _File:
    """A CSV file that is digested while it is written."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path, self.rows, self.bytes = path, -1, 0
        self._digest = hashlib.sha256()
        self._raw = path.open("wb")
        self._csv = csv.writer(self, lineterminator="\n")
        self.row(header)

    def write(self, text: str) -> int:
        """A line from the csv module: always UTF-8, whatever the machine prefers; damaged bytes as they are."""
        data = text.encode("utf-8", "surrogateescape")
        self._digest.update(data)
        self.bytes += len(data)
        return self._raw.write(data)

    def row(self, cells: Sequence[object]) -> None:
        """Write one row."""
        self._csv.writerow(cells)
        self.rows += 1

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def told(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {"rows": self.rows, "bytes": self.bytes, "sha256": self._digest.hexdigest()}


@dataclass(slots=True)
class _Table:
    """One table on its way: its reporter, its file, and what its rows have taken so far."""

    reporter: Reporter
    file: _File
    faults: list[Fault]
    last_id: str = ""
    sides: set[str] = field(default_factory=set)

    def add(self, event: Event, order: Order) -> tuple[int, str, list[Finding]]:
        """Write the row of an event; its number, the kind of error seeded in it (or ""), and what must be found."""
        reporter = self.reporter
        cells = reporter.cells(event)
        kind = ""
        found: list[Finding] = []
        raw: list[str] | None = None
        draws = Draws(order.seed, f"fault/{reporter.name}/{event.number}")
        if self.faults and draws.below(1_000_000) < order.errors_per_million:
            kind, found, raw = self._spoil(cells)
        if raw is None:
            get = cells.get
            raw = [get(column, "") for column in reporter.columns]
        if all(f.note for f in found):  # a row that is kept out is noted no further, and its id stays free
            if not any(f.rule == "not-placed" for f in found):
                found = [*found, *gaps(reporter.name, cells)]
            self.last_id = cells[reporter.key]
            self.sides.add(cells.get("side_a_new_id", ""))
        self.file.row(raw)
        return self.file.rows, kind, found

    def _spoil(self, cells: Cells) -> tuple[str, list[Finding], list[str] | None]:
        """Make the kind of error that has waited longest of those that this row can have."""
        for turn, fault in enumerate(self.faults):
            row = Spoiling(self.reporter.name, cells, self.reporter.columns, self.last_id, self.sides)
            if found := fault.spoil(row):
                self.faults.append(self.faults.pop(turn))
                return fault.kind, found, row.raw
        return "", [], None


def write(order: Order, folder: Path, progress: Progress = lambda rows: None) -> dict[str, Any]:
    """Write the dataset into `folder`, which must be new or empty, in constant memory; returns the manifest."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty", "nothing is ever written over", "Choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    world, kinds, events = World(order.seed), Counter[str](), 0
    with ExitStack() as stack:

        def opened(name: str, header: Sequence[str]) -> _File:
            file = _File(folder / name, header)
            stack.callback(file.close)
            return file

        tables = {r.name: _table(r, opened, order) for r in _reporters(world)}
        expected = opened(EXPECTED, ("file", "row", "column", "rule", "severity", "kind"))
        same = opened(SAME, ("event", "one", "other"))
        done = 0
        for event, reporters in _reports(world, order.rows):
            events, told = event.number, []
            for name in reporters:
                row, kind, found = tables[name].add(event, order)
                done += 1
                if kind:
                    kinds[kind] += 1
                for f in sorted(found, key=lambda f: (f.column, f.rule)):
                    severity, why = ("note" if f.note else "error"), kind or "gap"
                    expected.row((tables[name].file.path.name, row, f.column, f.rule, severity, why))
                if all(f.note for f in found):
                    told.append(f"incident/{_ADDRESS[name]}/{local_name(tables[name].reporter.id(event))}")
                if done % _EVERY == 0:
                    progress(done)
            for pair in ((a, b) for i, a in enumerate(told) for b in told[i + 1 :]):
                same.row((event.number, *pair))
        files = {f.path.name: f for f in (*(t.file for t in tables.values()), expected, same)}
    progress(done)
    return _finish(order, folder, files, kinds, events)


def _reporters(world: World) -> tuple[Reporter, ...]:
    def columns(name: str) -> tuple[str, ...]:
        return tuple(mapping.load(name).columns)

    return (
        Ucdp(world, columns("ucdp-ged")), Airwars(world, columns("airwars")),
        Incidents(world, columns("incidents"), plan.provisions()),
    )  # fmt: skip


def _table(reporter: Reporter, opened: Callable[[str, Sequence[str]], _File], order: Order) -> _Table:
    faults = [f for f in FAULTS if reporter.name in f.sources and f.kind in order.kinds]
    return _Table(reporter, opened(f"{PREFIX}{reporter.name}.csv", reporter.columns), faults)


def _reports(world: World, rows: int) -> Iterator[tuple[Event, tuple[str, ...]]]:
    """Events with the sources that tell of them, until there are rows enough."""
    number = 0
    while rows > 0:
        number += 1
        event = world.event(number)
        reporters = event.reporters[:rows]
        rows -= len(reporters)
        yield event, reporters


def _finish(
    order: Order, folder: Path, files: dict[str, _File], kinds: Counter[str], events: int
) -> dict[str, Any]:
    texts = {ACTORS: plan.actors(), **{f"{PREFIX}{name}.toml": plan.mapping(name) for name in _ADDRESS}}
    told = {name: file.told() for name, file in files.items()}
    for name, text in texts.items():
        data = text.encode()
        (folder / name).write_bytes(data)
        told[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = {
        "synthetic": True, "notice": plan.NOTICE, "software": f"mizan-kb {__version__}",
        "seed": order.seed, "rows": order.rows, "events": events, "errors_per_million": order.errors_per_million,
        "kinds": list(order.kinds) if order.errors_per_million else [], "seeded": dict(sorted(kinds.items())),
        "columns": hashlib.sha256(COLUMNS.read_bytes()).hexdigest(), "files": dict(sorted(told.items())),
        "import": [f"mizan import rdf {ACTORS}",
                   *(f"mizan import ./{PREFIX}{n}.toml {PREFIX}{n}.csv" for n in _ADDRESS)],
    }  # fmt: skip
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / MANIFEST).write_bytes(f"{text}\n".encode())
    return manifest
