"""Imports a file into a knowledge base: small ones in memory, large tables in chunks, each as one change."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from kb import __version__, document, snapshot
from kb.errors import BadFile, DoesNotConform, StoreMissing, UsageError
from kb.ingest import bulk, graph, journal, recall, reject, tabular
from kb.ingest import gone as gone_records
from kb.ingest.admission import Validate, admit
from kb.ingest.assembly import Assembly
from kb.ingest.build import Builder
from kb.ingest.bulk import Bulk, Prepared
from kb.ingest.chunk import Setting
from kb.ingest.gathering import Gathering
from kb.ingest.journal import Journal
from kb.ingest.known import finder
from kb.ingest.plan import Mapping
from kb.ingest.report import Intake, Kept, Problem
from kb.ledger import entry_line, pack
from kb.packed import Opened
from kb.paths import Home
from kb.record import Record, refuse_restricted
from kb.snapshot import Snapshot
from kb.storage import plain_errors
from kb.store.local import LocalStore
from kb.writer import Outcome, Writer

Progress = Callable[[int, int, str], None]
"""Called with how much is done, of how much, and the unit: first rows, of which the file tells about how many there
are, then records that are written."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import: what was read, what was written (None when only checked), and what was kept aside."""

    intake: Intake
    outcome: Outcome | None
    kept: Kept


@dataclass(frozen=True, slots=True)
class Options:
    """How to import: `check` writes nothing; `retire` retires what the file has no row for any more.

    `large` is the number of rows from which on a table is imported in chunks; `validating` is switched off only to
    measure the rest. `activity` is added to what the ledger says of a table in memory: who brought it in.
    """

    check: bool = False
    retire: bool = False
    large: int = bulk.LARGE
    validating: bool = True
    activity: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Door:
    """What an import needs of a knowledge base: where it is, how to read, check and write it, and the time."""

    home: Home
    shown: Callable[[], Snapshot | None]
    validate: Validate
    writing: Callable[[], AbstractContextManager[Writer]]
    now: Callable[[], str]

    def reader(self) -> LocalStore | None:
        """The store of the snapshot that readers see, None before there is one."""
        at = self.shown()
        return at.store if at is not None else None

    def table(self, mapping: Mapping, path: Path, options: Options, progress: Progress) -> Imported:
        """Import a table: good rows are written, others kept in a reject file with their reasons."""
        with plain_errors(path):
            source = _file(path)
            opened, intake = tabular.begin(path, mapping)
            cells = opened.cells()
            head = list(islice(cells, options.large + 1))
            if not head:
                raise tabular.empty(path)
            if len(head) > options.large and bulk.divisible(mapping):
                whole = chain(head, cells)
                return _Large(self, mapping, path, source, options).run(
                    opened.layout.header, whole, intake, progress, opened.share
                )
            store = self.reader()
            rows = (opened.layout.row(*found) for found in chain(head, cells))
            builder = Builder(mapping, finder(store))
            tabular.take(rows, intake, builder, progress=lambda count: progress(count, len(head), "rows"))
            _unchanged(path, source)
            absent = [r for r in mapping.reference if store is None or store.digest(r.iri) is None]
            intake.records = [*absent, *intake.records]
            self._admit(intake, mapping)
            datasets = set(bulk.datasets(r.text for r in intake.records if r.iri in intake.origin))
            gone, number = self.gone(
                mapping, datasets, lambda: gone_records.standing(store, intake.named),
                lambda: gone_records.listed(store, mapping, datasets, intake.named.__contains__), options,
            )  # fmt: skip
            if options.check:
                return Imported(intake, None, Kept(None, None))
            retired = _retired(gone, intake, options)
            kept = reject.keep(intake, self.home.rejects, f"{mapping.name}-{source['sha256'][:12]}")
            with self.writing() as pen:
                activity = {**_activity(mapping.name, source), **options.activity}
                outcome = pen.commit(intake.records, activity, self.now(), retired)
            outcome.gone = number
            return Imported(intake, outcome, kept)

    def rdf(self, path: Path, options: Options, progress: Progress) -> Imported:
        """Import an RDF file: records that conform are written, others kept in a file that can be corrected."""
        with plain_errors(path):
            if options.retire:
                why = "they need not hold a whole dataset"
                raise UsageError("--retire does not fit RDF files", why, "Leave it out.")
            source, begun = _file(path), Gathering()
            with Opened(path) as opened:
                lines = document.lines(path, opened)
                if not begun.take(lines, options.large):
                    return _LargeGraph(self, path, source, options).run(begun, lines, progress, opened.share)
            intake = Intake(records=[document.assembled(iri, begun.groups[iri]) for iri in sorted(begun.groups)])
            _unchanged(path, source)
            intake.rows = len(intake.records)
            self._admit(intake)
            if options.check:
                return Imported(intake, None, Kept(None, None))
            kept = reject.keep_records(_reasons(intake), self.home.rejects, _rdf_stem(source))
            with self.writing() as pen:
                outcome = pen.commit(intake.records, _activity("rdf", source), self.now())
            return Imported(intake, outcome, Kept(kept, None))

    def gone(
        self, mapping: Mapping, datasets: Iterable[str], still: Callable[[], Counter[str]],
        listed: Callable[[], Iterable[str]], options: Options,
    ) -> tuple[list[str], int]:  # fmt: skip
        """What the file has no row for any more: as a list where it is to be retired, and its number."""
        if options.retire or not gone_records.countable(mapping):
            found = list(listed())
            return found, len(found)
        at = self.shown()
        return [], gone_records.counted(at.index if at is not None else None, datasets, still())

    def _admit(self, intake: Intake, mapping: Mapping | None = None) -> None:
        """Leave in the intake only the records that may enter, with a problem for each reason that keeps one out."""
        refuse_restricted(intake.records)  # before a reject file could keep a part of one
        store = self.reader()
        admit(intake, self.validate, store.digest if store is not None else lambda iri: None, mapping)


@dataclass(frozen=True, slots=True)
class _Large:
    """The import of a large table. The lock is held from the start, so that nobody writes what it is compared with."""

    door: Door
    mapping: Mapping
    path: Path
    source: dict[str, Any]
    options: Options

    def run(
        self, header: list[str], rows: bulk.Cells, intake: Intake, progress: Progress, share: Callable[[], float]
    ) -> Imported:
        """Map, check and write all rows; a run that was killed goes on where it stopped."""
        with _pen(self.door, self.options) as pen:
            known = self._known_by()
            if pen is not None and (held := self._recalled(pen, known)):
                return held
            store, folder = self.door.reader(), _store_folder(self.door.home)
            with _journal(self.door, self.options, self._known_by) as book:
                setting = Setting(self.mapping, header, folder, book.folder, self.options.validating)
                work = Bulk(setting, book, store)
                work.run(rows, lambda count: progress(count, _of(count, share()), "rows"))
                try:
                    _unchanged(self.path, self.source)
                except BadFile:
                    book.remove()
                    raise
                done = work.prepared(intake.columns, intake.notes)
                gone, number = self.door.gone(
                    self.mapping, done.datasets, lambda: done.still, lambda: work.gone(done.datasets), self.options
                )
                if pen is None:
                    return Imported(done.intake, None, Kept(None, None))
                retired = _retired(gone, done.intake, self.options)
                stem = f"{self.mapping.name}-{self.source['sha256'][:12]}"
                kept = reject.keep_all(
                    intake.columns, work.rejected, chain(intake.notes, work.notes()), self.door.home.rejects, stem
                )
                pen.watch(lambda count, of: progress(count, of, "records"))
                outcome = self._write(pen, done, retired, book.folder)
                outcome.gone = number
                book.remove()
                told = recall.Recalled(done.intake, done.new + done.changed + done.same, number - len(retired), kept)
                recall.remember(self.door.home.imports, known, outcome.snapshot, told)
                return Imported(done.intake, outcome, kept)

    def _recalled(self, pen: Writer, known: str) -> Imported | None:
        """The result without doing the work, where the same was imported before and still stands."""
        home = self.door.home
        held = recall.recall(home.imports, known, pen.ledger, self.mapping, home.rejects)
        if held is None or (self.options.retire and held.gone):
            return None
        _unchanged(self.path, self.source)
        same = Outcome(same=held.records, gone=held.gone, snapshot=pen.publish(), recovered=pen.recovered)
        return Imported(held.intake, same, held.kept)

    def _known_by(self, *more: str) -> str:
        """The name of this import: what decides its result, and more where that matters."""
        meant, validating = _mapping_digest(self.mapping), str(self.options.validating)
        return journal.name(__version__, self.source["sha256"], meant, validating, *more)

    def _write(self, pen: Writer, done: Prepared, retired: list[str], folder: Path) -> Outcome:
        outcome = Outcome(done.new, done.changed, done.same, recovered=pen.recovered)
        first = list(done.first)
        if any((done.new, done.changed, done.same)):
            absent = [r for r in self.mapping.reference if pen.store.digest(r.iri) is None]
            refuse_restricted(absent)
            if findings := [f for f in self.door.validate(absent) if f.severity == "Violation"]:
                what = f"{findings[0].record}, which comes with the mapping {self.mapping.name}, breaks a rule"
                raise DoesNotConform(what, findings[0].message())
            first = [*_part(pen.entries(absent, outcome), folder / "reference.gz"), *first]
        first += _part(pen.retiring(retired, outcome), folder / "retired.gz")
        return pen.commit_parts(first, done.parts, _activity(self.mapping.name, self.source), self.door.now(), outcome)


@dataclass(frozen=True, slots=True)
class _LargeGraph:
    """The import of a large RDF file, with the lock held as for a large table."""

    door: Door
    path: Path
    source: dict[str, Any]
    options: Options

    def run(
        self, begun: Gathering, lines: Iterator[tuple[str, str]], progress: Progress, share: Callable[[], float]
    ) -> Imported:
        """Gather, check and write all records; a run that was killed goes on where it stopped."""
        with _pen(self.door, self.options) as pen:
            self.door.reader()
            folder = _store_folder(self.door.home)
            with _journal(self.door, self.options, self._known_by) as book:
                work = Assembly(graph.Setting(folder, book.folder, self.options.validating), book)
                try:
                    work.gather(begun, lines, lambda count: progress(count, _of(count, share()), "triples"))
                    _unchanged(self.path, self.source)
                    work.run(lambda count, part: progress(count, _of(count, part), "records checked"))
                except (BadFile, DoesNotConform):  # it will not get better, and may hold what must not lie about
                    book.remove()
                    raise
                done = work.prepared()
                if pen is None:
                    return Imported(done.intake, None, Kept(None, None))
                kept = reject.keep_records(work.rejected(), self.door.home.rejects, _rdf_stem(self.source))
                outcome = Outcome(done.new, done.changed, done.same, recovered=pen.recovered)
                pen.watch(lambda count, of: progress(count, of, "records"))
                activity = _activity("rdf", self.source)
                outcome = pen.commit_parts(done.first, done.parts, activity, self.door.now(), outcome)
                book.remove()
                return Imported(done.intake, outcome, Kept(kept, None))

    def _known_by(self, at: str) -> str:
        """The name of this import: what decides its result."""
        return journal.name(__version__, self.source["sha256"], "rdf", str(self.options.validating), at)


@contextmanager
def _pen(door: Door, options: Options) -> Iterator[Writer | None]:
    """The writer, with the snapshot level with it; None when nothing is to be written."""
    if options.check:
        yield None
        return
    with door.writing() as pen:
        pen.publish()
        yield pen


@contextmanager
def _journal(door: Door, options: Options, known_by: Callable[[str], str]) -> Iterator[Journal]:
    """The journal of this very import; those of others are of no use any more, since the lock is ours."""
    if options.check:
        with tempfile.TemporaryDirectory(prefix="mizan-check-") as folder, Journal(Path(folder)) as book:
            yield book
        return
    imports, name = door.home.imports, known_by(str(snapshot.current(door.home)))
    for other in imports.iterdir() if imports.is_dir() else ():
        if other.name != name and other.is_dir():
            shutil.rmtree(other)
    with Journal(imports / name) as book:
        yield book


def _reasons(intake: Intake) -> Iterator[tuple[Record, list[Problem]]]:
    """The records that are kept out, each with its problems."""
    found: dict[str, list[Problem]] = {}
    for problem in intake.problems:
        found.setdefault(problem.record, []).append(problem)
    return ((record, found.get(record.iri, [])) for record in intake.kept_out)


def _of(count: int, share: float) -> int:
    """Of how many `count` is this share, as far as it can be told."""
    return max(count, round(count / share)) if share else count


def _rdf_stem(source: dict[str, Any]) -> str:
    return f"rdf-{source['sha256'][:12]}"


def _part(entries: Iterable[Any], path: Path) -> list[tuple[Path, int]]:
    lines = [entry_line(entry) for entry in entries]
    path.write_bytes(pack(lines))
    return [(path, len(lines))] if lines else []


def _retired(gone: list[str], intake: Intake, options: Options) -> list[str]:
    """What to retire; refused while rows are kept out, since one of them may be what seems to be gone."""
    if not options.retire:
        return []
    if gone and intake.refused():
        hint = "Correct the rows first, or leave --retire out."
        raise DoesNotConform("Nothing was retired or written", f"{intake.refused()} rows are not right", hint)
    return gone


def _activity(mapping: str, source: dict[str, Any]) -> dict[str, Any]:
    return {"label": f"import {mapping} {source['name']}", "mapping": mapping, "files": [source]}


def _mapping_digest(mapping: Mapping) -> str:
    texts = [repr(mapping), *(r.text for r in mapping.reference)]
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()


def _store_folder(home: Home) -> Path | None:
    try:
        return snapshot.current(home) / "store"
    except StoreMissing:
        return None


def _file(path: Path) -> dict[str, Any]:
    """What the ledger keeps about an imported file: its name, size and SHA-256."""
    if not path.is_file():
        raise BadFile(f"{path} is not there" if not path.exists() else f"{path} is not a file", "", "Check the path.")
    with path.open("rb") as handle:
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    name = path.name.encode("utf-8", "replace").decode()  # names that are not UTF-8 exist
    return {"name": name, "bytes": path.stat().st_size, "sha256": sha256}


def _unchanged(path: Path, source: dict[str, Any]) -> None:
    """BadFile when a file is not what it was before it was read."""
    if _file(path) != source:
        hint = "Wait until it is complete, then run the same command again. Nothing was written."
        raise BadFile(f"{path.name} changed while it was read", "", hint)
