"""One part of a large table, in a process of its own: rows in, checked and packed ledger entries out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, Triple

from kb.canonical import ntriples, parse_ntriples
from kb.errors import MizanError
from kb.ingest import gone, tabular
from kb.ingest.admission import admit
from kb.ingest.build import Builder
from kb.ingest.known import finder
from kb.ingest.plan import Mapping
from kb.ingest.report import Intake, Problem, Row
from kb.ingest.table import Layout
from kb.ingest.tabular import Prior
from kb.ledger import Entry, entry_line, pack
from kb.ns import MZ, RDF
from kb.record import Record, refuse_restricted
from kb.store.local import LocalStore
from kb.validation import Finding, Validator

SIZE = 1000  # rows of a chunk: enough to pack well and few enough that all processes have work
_TYPE = f"> {RDF.type} "
_DATASET = f"> {MZ.inDataset} <"
Place = tuple[str, int, int]
"""A record's IRI with the row that made it first: its number and its line."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all chunks of an import have in common. `store` is the snapshot that they are compared with."""

    mapping: Mapping
    header: list[str]
    store: Path | None
    folder: Path
    validating: bool = True


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows (number, line, cells), and what earlier chunks settled about the records that they make."""

    number: int
    rows: list[tuple[int, int, Sequence[str]]]
    prior: Prior = field(default_factory=Prior)


@dataclass(slots=True)
class Done:
    """What became of a chunk. Its entries and what it rejects stand in files of its number (see `Files`)."""

    number: int
    rows: int = 0
    own: list[Place] = field(default_factory=list)
    shared: list[tuple[Place, str, bool]] = field(default_factory=list)
    """Each shared record with its digest and whether it has to be written."""
    out: list[str] = field(default_factory=list)
    """Records of rows that were kept out."""
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    rules: dict[str, int] = field(default_factory=dict)
    notes: dict[str, tuple[int, Problem]] = field(default_factory=dict)
    refused: int = 0
    still: dict[str, int] = field(default_factory=dict)
    """Records of rows, good and bad, that stand in the knowledge base already, by dataset."""
    datasets: list[str] = field(default_factory=list)


class Files:
    """The files of one chunk in the folder of an import."""

    def __init__(self, folder: Path, number: int) -> None:
        self.own = folder / f"{number:07d}.own.gz"
        self.altered = folder / f"{number:07d}.altered.gz"
        self.shared = folder / f"{number:07d}.shared"
        self.first = folder / f"{number:07d}.first.gz"
        self.told = folder / f"{number:07d}.told"

    def entries(self) -> Iterator[dict[str, Any]]:
        """The entries of shared records that this chunk would write."""
        with self.shared.open("rb") as lines:
            yield from map(json.loads, lines)

    def rejected(self) -> Iterator[tuple[Row, list[Problem]]]:
        """Rows kept out, in order, each with its problems."""
        for kind, value in self._told():
            if kind == "row":
                number, line, raw, surplus = value[0]
                yield Row(number, line, {}, tuple(raw), tuple(surplus)), [Problem(**p) for p in value[1]]

    def notes(self) -> Iterator[Problem]:
        """All notes, in order."""
        return (Problem(**value) for kind, value in self._told() if kind == "note")

    def _told(self) -> Iterator[tuple[str, Any]]:
        with self.told.open("rb") as lines:
            for line in lines:
                kind, value = json.loads(line)
                yield kind, value


class Worker:
    """Maps, validates and packs chunks of one import."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._store = LocalStore.read_only(setting.store) if setting.store else None
        self._builder = Builder(setting.mapping, finder(self._store))
        self._layout = Layout(setting.header)

    def take(self, chunk: Chunk) -> Done:
        """Do one chunk; doing it again replaces its files."""
        intake = Intake(columns=self._layout.columns)
        rows = (self._layout.row(*found) for found in chunk.rows)
        tabular.take(rows, intake, self._builder, chunk.prior)
        refuse_restricted(intake.records)
        look = _Look(self._store, [*self._setting.mapping.reference, *intake.records])
        admit(intake, look.validate if self._setting.validating else _anything, look.held, self._setting.mapping)
        done = Done(chunk.number, intake.rows)
        files = Files(self._setting.folder, chunk.number)
        own, altered, shared = self._write_entries(intake, look, done)
        files.own.write_bytes(pack(own))
        files.altered.write_bytes(pack(altered))
        files.shared.write_bytes(b"".join(shared))
        _tell(intake, files.told, done)
        entering = {r.iri for r in intake.records}
        done.out = sorted(intake.named - entering)
        known = [iri for iri in intake.named if look.held(iri)]
        done.still = dict(gone.standing(self._store, known))
        return done

    def _write_entries(self, intake: Intake, look: _Look, done: Done) -> tuple[list[bytes], ...]:
        """The lines of new records of rows, of changed ones, and of records that rows share."""
        own: list[bytes] = []
        altered: list[bytes] = []
        shared: list[bytes] = []
        counts = {"new": 0, "changed": 0, "same": 0}
        for record in intake.records:
            held = look.held(record.iri)
            state = "new" if held is None else "same" if held == record.digest else "changed"
            row = intake.origin.get(record.iri)
            if state != "same":
                revision = look.revision(record.iri) + 1 if held else 1
                entry = Entry("put", record.iri, revision, record.digest, held, record.tier, record.text)
                (shared if row is None else altered if held else own).append(entry_line(entry))
            if row is None:
                first = intake.makers[record.iri][0]
                done.shared.append(((record.iri, first.number, first.line), record.digest, state != "same"))
                continue
            counts[state] += 1
            done.own.append((record.iri, row.number, row.line))
        done.counts = counts | {"own": len(own), "altered": len(altered)}
        done.datasets = sorted(set(datasets(r.text for r in intake.records if r.iri in intake.origin)))
        return own, altered, shared


class _Look:
    """What the knowledge base holds, and the records that come in together, for the checks of one chunk."""

    def __init__(self, store: LocalStore | None, records: list[Record]) -> None:
        self._store, self._records = store, records
        self._digests: dict[str, str | None] = {}

    def held(self, iri: str) -> str | None:
        """The digest of a record as the knowledge base has it."""
        if iri not in self._digests:
            self._digests[iri] = self._store.digest(iri) if self._store is not None else None
        return self._digests[iri]

    def revision(self, iri: str) -> int:
        """The revision of a record."""
        return self._store.revision(iri) if self._store is not None else 0

    def validate(self, records: Sequence[Record]) -> list[Finding]:
        """Findings about the records that do not stand in the knowledge base exactly like this."""
        fresh = [r for r in records if self.held(r.iri) != r.digest]
        return Validator(self._context, processes=1).validate(fresh)  # in this process, one of several already

    def _context(self, iris: Iterable[str]) -> Iterator[Triple]:
        for iri in iris:
            if iri in self._types:
                yield from parse_ntriples(self._types[iri], trusted=True)
            elif self._store is not None:
                node = NamedNode(iri)
                yield from (Triple(node, RDF.type, kind) for kind in self._store.objects(node, RDF.type))

    @cached_property
    def _types(self) -> dict[str, str]:
        """The lines that give the types of every node that comes in."""
        found: dict[str, str] = {}
        for record in self._records:
            for line in record.text.split("\n"):
                if _TYPE in line:
                    node = line[1 : line.index(">")]
                    found[node] = f"{found.get(node, '')}{line}\n"
        return found


def _anything(records: Sequence[Record]) -> list[Finding]:
    return []


def _tell(intake: Intake, path: Path, done: Done) -> None:
    """Write what is to be said about the rows, and count it."""
    reasons: dict[int, list[Problem]] = {}
    for problem in intake.problems:
        reasons.setdefault(problem.row, []).append(problem)
    with path.open("w", encoding="ascii") as handle:  # JSON escapes what is no text at all
        for number, row in sorted(intake.rejected.items()):
            problems = [asdict(p) for p in reasons[number]]
            handle.write(json.dumps(["row", [[number, row.line, row.raw, row.surplus], problems]]) + "\n")
        for note in intake.notes:
            handle.write(json.dumps(["note", asdict(note)]) + "\n")
    done.problems, done.rules = intake.problems[:100], dict(intake.rules())
    done.notes, done.refused = intake.noted(), intake.refused()


_worker: Worker | None = None  # of this process


def prepare(setting: Setting) -> None:
    """Set a process up for the chunks of one import."""
    global _worker
    _worker = Worker(setting)


def run(chunk: Chunk) -> Done | MizanError:
    """Do a chunk in this process, which was prepared for it; expected errors are handed back whole."""
    assert _worker is not None
    try:
        return _worker.take(chunk)
    except MizanError as error:
        return error


def datasets(texts: Iterable[str]) -> Iterator[str]:
    """The dataset that each of these records (in canonical text) says it is in."""
    for text in texts:
        at = text.find(_DATASET)
        if at >= 0:
            yield text[at + len(_DATASET) :].partition(">")[0]


def text_of(store: LocalStore | None, iri: str) -> str:
    """The canonical text of a record as a store holds it."""
    return ntriples(store.record(iri)) if store is not None else ""
