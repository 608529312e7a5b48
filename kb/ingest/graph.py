"""One part of the records of a large RDF file, in a process of its own: checked, and packed as ledger entries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, Triple

from kb import document
from kb.canonical import parse_ntriples
from kb.errors import MizanError
from kb.ingest.admission import admit
from kb.ingest.gathering import Gathered, Part, key
from kb.ingest.report import Intake, Problem
from kb.ledger import Entry, entry_line, pack
from kb.ns import ID, RDF
from kb.record import Record, owner, refuse_restricted
from kb.store.local import LocalStore
from kb.validation import Finding, Validator, compiled

_MANY = (f"{ID}incident/",)  # what a large file has most of
_REMEMBERED = 20_000  # records whose classes a process remembers
NAMED = 12  # bytes that stand for an IRI, see `gathering.key`


@dataclass(frozen=True, slots=True)
class Setting:
    """What all parts of an import have in common. `store` is the snapshot that they are compared with."""

    store: Path | None
    folder: Path
    validating: bool = True


@dataclass(slots=True)
class Done:
    """What became of a part. Its entries and problems stand in files of its number (see `Files`)."""

    number: int
    records: int
    counts: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    lost: list[str] = field(default_factory=list)
    """Records kept out that the knowledge base does not hold: what points to them points to nothing."""
    problems: list[Problem] = field(default_factory=list)
    rules: dict[str, int] = field(default_factory=dict)


class Files:
    """The files of one part in the folder of an import."""

    def __init__(self, folder: Path, number: int) -> None:
        self.new = folder / f"{number:07d}.new.gz"  # new incidents
        self.other = folder / f"{number:07d}.other.gz"
        self.told = folder / f"{number:07d}.told"
        self.pointers = folder / f"{number:07d}.pointers"

    def problems(self) -> Iterator[Problem]:
        """Every problem, in order."""
        with self.told.open("rb") as lines:
            for line in lines:
                yield Problem(**json.loads(line))


class Worker:
    """Checks and packs parts of one import."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._store = LocalStore.read_only(setting.store) if setting.store else None
        self._gathered = Gathered(setting.folder)
        self._kinds = lru_cache(_REMEMBERED)(self._kinds_of)
        self._inside = lru_cache(_REMEMBERED)(lambda iri: self._gathered.find(iri) is not None)
        self._held: dict[str, str | None] = {}

    def take(self, part: Part) -> Done:
        """Do one part; doing it again replaces its files."""
        self._held = {}
        records = [document.assembled(*group) for group in self._gathered.read(part)]
        refuse_restricted(records)
        intake = Intake(records=records)
        admit(intake, self._validate if self._setting.validating else _anything, self._digest)
        done = Done(part.number, len(records), refused=len(intake.kept_out))
        done.lost = [r.iri for r in intake.kept_out if self._digest(r.iri) is None]
        done.problems, done.rules = intake.problems[:100], dict(intake.rules())
        files = Files(self._setting.folder, part.number)
        self._write_entries(intake.records, files, done)
        files.told.write_text("".join(json.dumps(asdict(p)) + "\n" for p in intake.problems), encoding="ascii")
        files.pointers.write_bytes(b"".join(self._pointers(intake.records)))
        return done

    def _write_entries(self, records: Sequence[Record], files: Files, done: Done) -> None:
        new: list[bytes] = []
        other: list[bytes] = []
        counts = {"new": 0, "changed": 0, "same": 0}
        for record in records:
            held = self._digest(record.iri)
            state = "new" if held is None else "same" if held == record.digest else "changed"
            counts[state] += 1
            if state != "same":
                revision = self._store.revision(record.iri) + 1 if held and self._store is not None else 1
                entry = Entry("put", record.iri, revision, record.digest, held, record.tier, record.text)
                (new if state == "new" and record.iri.startswith(_MANY) else other).append(entry_line(entry))
        files.new.write_bytes(pack(new))
        files.other.write_bytes(pack(other))
        done.counts = counts | {"first": len(other), "incidents": len(new)}

    def _pointers(self, records: Sequence[Record]) -> Iterator[bytes]:
        """Each record with each other one of the file that it points to, and whether it is not held as yet."""
        for record in records:
            fresh = b"\1" if self._digest(record.iri) is None else b"\0"
            for target in sorted(targets(record.text) - {record.iri}):
                if self._inside(target):
                    yield key(target) + key(record.iri) + fresh

    def _digest(self, iri: str) -> str | None:
        if iri not in self._held:
            self._held[iri] = self._store.digest(iri) if self._store is not None else None
        return self._held[iri]

    def _validate(self, records: Sequence[Record]) -> list[Finding]:
        """Findings about the records that do not stand in the knowledge base exactly like this."""
        fresh = [r for r in records if self._digest(r.iri) != r.digest]
        return Validator(self._context, processes=1).validate(fresh)  # in this process, one of several already

    def _context(self, iris: Iterable[str]) -> Iterator[Triple]:
        for iri in iris:
            inside = self._kinds(owner(iri))
            if inside is not None:
                yield from (t for t in inside if t.subject == NamedNode(iri))
            elif self._store is not None:
                node = NamedNode(iri)
                yield from (Triple(node, RDF.type, kind) for kind in self._store.objects(node, RDF.type))

    def _kinds_of(self, record: str) -> tuple[Triple, ...] | None:
        """The triples that give classes in a record of the file; None when the file says nothing of it."""
        lines = self._gathered.find(record)
        return None if lines is None else parse_ntriples("".join(line for line in lines if _TYPE in line), trusted=True)


_TYPE = f"> {RDF.type} <"


def targets(text: str) -> set[str]:
    """The records that nodes of a record point to, its own among them."""
    objects = (line.split(" ", 2)[2] for line in text.split("\n") if line.endswith("> ."))
    return {owner(value[1:-3]) for value in objects if value[0] == "<"}


def partners(text: str) -> set[str]:
    """The other records whose triples, not their classes alone, bear on one with this text: the law knows such."""
    checker = compiled.shipped()
    return checker.partners(text) if any(f" {predicate} " in text for predicate in checker.far) else set()


def _anything(records: Sequence[Record]) -> list[Finding]:
    return []


_worker: Worker | None = None  # of this process


def prepare(setting: Setting) -> None:
    """Set a process up for the parts of one import."""
    global _worker
    _worker = Worker(setting)


def run(part: Part) -> Done | MizanError:
    """Do a part in this process, which was prepared for it; expected errors are handed back whole."""
    assert _worker is not None
    try:
        return _worker.take(part)
    except MizanError as error:
        return error


def told(done: Done) -> dict[str, Any]:
    """What the journal keeps of a part."""
    return {**asdict(done), "lost": len(done.lost)}
