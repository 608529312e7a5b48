"""Brings store and index level with a large ledger segment, as a stream: nothing grows with the segment.

Everything but new incidents and sources goes first. These, which are the bulk, are then screened and made ready for
the index by processes that read a copy of the store as it is by then, and loaded while the next ones are made ready.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyoxigraph import NamedNode, Triple

from kb import process
from kb.applicability import law as law_reader
from kb.applicability import projection
from kb.canonical import literal, nodes, parse_ntriples
from kb.errors import ProcessEnded
from kb.ledger import Entry, Ledger, entry_of
from kb.ns import ACCESS, DCTERMS, ID, MZ, PROV, RDF, SKOS, XSD
from kb.record import owner, system_node
from kb.search import SearchIndex
from kb.search.document import fields, targets
from kb.search.reference import TRACED, Reference
from kb.store.local import LocalStore

if TYPE_CHECKING:
    from kb.search.index import Change

# Bytes of N-Triples that are loaded at once: the engine makes files of each load and merges them later, so that small
# loads cost twice as much in the end.
_BATCH = 300_000_000
_PORTION = 400  # records that a process makes ready at once
_FEW = 1500  # records for which other processes would take longer to start than to work
_INCIDENT = f"{ID}incident/"
_MANY = (_INCIDENT, f"{ID}source/")  # what a large change brings most of; few sources say what they go back to
PUT, RETIRE = "put", "retire"  # what an entry of the ledger does
Progress = Callable[[int], None]
"""Called with the number of entries done."""


def replay(
    ledger: Ledger, store: LocalStore, index: SearchIndex | None, number: int, scratch: Path,
    progress: Progress = lambda done: None,
) -> projection.Work:  # fmt: skip
    """Apply segment `number` to the store, and to the index if given; safe to repeat after a crash.

    `scratch` is a folder on the store's disk that is not there yet. New records go in by the store's bulk loader;
    what is loaded twice, since a run was killed, stands there once.
    """
    header = ledger.header(number)
    time = str(header["time"])
    projection.foresee(store, ledger.replaced(number))
    store.add(import_node(number, header))
    with index.changing(number) if index is not None else nullcontext() as change:
        rest = _Rest()
        with _Loader(store) as loader:
            for entry in ledger.others(number, _MANY):
                _place(store, loader, entry, number, time)
                rest.take(entry)
                progress(rest.entries)
        work = projection.Work()
        shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
        try:
            if any(ledger.new_lines(number, _MANY)):
                store.copy_to(scratch)
                work = _many(ledger, store, change, number, scratch, rest, progress)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        done = projection.update(store, rest.screened())
        if change is not None:
            rest.index(change, ledger, number, done.moved)
    return projection.Work(
        work.incidents + done.incidents, work.profiles + done.profiles, work.evaluations + done.evaluations
    )


def _place(store: LocalStore, loader: _Loader, entry: Entry, number: int, time: str) -> None:
    if entry.replaces is not None:
        known = () if entry.operation == RETIRE else parse_ntriples(entry.triples, trusted=True)
        store.replace(entry.record, [*known, *system(entry, number, time)])
    else:
        loader.put(f"{entry.triples}{_system_text(entry, number)}".encode())


@dataclass(slots=True)
class _Rest:
    """What a segment brings besides new incidents, and what is left of those to be looked at when all is known."""

    entries: int = 0
    others: bool = False
    later: set[str] = field(default_factory=set)

    def take(self, entry: Entry) -> None:
        """Remember an entry for the end."""
        self.entries += 1
        if entry.record.startswith(_INCIDENT):
            self.later.add(entry.record)
        else:
            self.others = True
            self.later |= targets(entry.record, nodes(entry.triples))

    def screened(self) -> dict[str, list[Triple]]:
        """What `projection.update` has to look at: incidents that are left, and the law, which others may change."""
        rest: dict[str, list[Triple]] = {iri: [] for iri in sorted(self.later)}
        return rest | {projection.STATE: []} if self.others else rest

    def index(self, change: Change, ledger: Ledger, number: int, moved: Iterable[str]) -> None:
        """Index the rest, from the store as it is at the end."""
        left = {*self.later, *moved}
        for entry in ledger.others(number, _MANY):
            change.put(entry.record, nodes(entry.triples))
            left.discard(entry.record)
        change.again(left)


def _many(
    ledger: Ledger, store: LocalStore, change: Change | None, number: int, copy: Path, rest: _Rest, progress: Progress
) -> projection.Work:
    """Load, screen and index the new incidents and sources of a segment."""
    work, profiles, scopes, taken, traced = projection.Work(), set[str](), 0, 0, set[str]()
    with _Loader(store) as loader:
        for done in _portions(ledger.new_lines(number, _MANY), copy, number, change is not None):
            loader.put(done.text)
            rest.later |= done.left
            traced |= done.traced
            profiles |= done.profiles
            work.incidents += done.incidents
            scopes = done.scopes
            if change is not None:
                change.add(done.documents)
            taken += done.entries
            progress(rest.entries + taken)
    rest.later |= _resting(store, traced)
    work.profiles, work.evaluations = len(profiles), len(profiles) * scopes
    return work


def _resting(store: LocalStore, sources: Iterable[str]) -> set[str]:
    """The incidents with claims that rest on one of these sources, or a place in one."""
    claims = (claim.value for source in sources for claim in store.subjects(MZ.restsOn, NamedNode(source)))
    return {incident for incident in map(owner, claims) if incident.startswith(_INCIDENT)}


def _portions(lines: Iterator[bytes], *given: Any) -> Iterator[_Portion]:
    """What is made of all lines, in order; `given` is what a `_Maker` needs. A few are made here, many by all cores."""
    begun = list(islice(lines, _FEW))
    if len(begun) < _FEW:
        yield _Maker(*given).make(begun)
        return
    lines, waiting = chain(begun, lines), deque[Future[_Portion]]()
    with process.pool(process.cores(), _prepare, *given) as pool:
        try:
            while part := list(islice(lines, _PORTION)):
                waiting.append(pool.submit(_ready, part))
                if len(waiting) > 2 * process.cores():
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise ProcessEnded.for_memory("The store could not be brought level with the ledger") from None
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass(slots=True)
class _Portion:
    """New incidents and sources made ready: what to load, what to index, and which have to wait until all is known.

    `traced` are the sources that say what they go back to: the documents of what rests on them wait as well.
    """

    text: bytes = b""
    documents: list[dict[str, Any]] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    traced: set[str] = field(default_factory=set)
    profiles: set[str] = field(default_factory=set)
    entries: int = 0
    incidents: int = 0
    scopes: int = 0


class _Maker:
    """Makes portions, in a process of its own, with a copy of the store that holds all the rest."""

    def __init__(self, copy: Path, number: int, indexing: bool) -> None:
        self._store = LocalStore.read_only(copy)
        self._number, self._indexing = number, indexing
        self._law = law_reader.read(self._store)
        self._stream = projection.Stream(self._store, self._law)
        self._reference = Reference(self._store)

    def make(self, lines: list[bytes]) -> _Portion:
        """Make one portion out of lines of the ledger."""
        made = _Portion(entries=len(lines), scopes=len(self._law.scopes))
        texts: list[str] = []
        for line in lines:
            entry, name = entry_of(line), ""
            said = nodes(entry.triples)
            texts += (entry.triples, _system_text(entry, self._number))
            made.left |= targets(entry.record, said)
            if entry.record.startswith(_INCIDENT):
                name, profile = self._stream.take(entry.record, said)
                if not name:
                    made.left.add(entry.record)
                    continue
                texts.append(profile)
                made.incidents += 1
                made.profiles.add(name)
            else:
                made.traced |= {iri for iri, node in said.items() if TRACED & node.keys()}
            if self._indexing:
                made.documents.append(fields(entry.record, said, self._reference, self._number, name))
        made.text = "".join(texts).encode()
        return made


_maker: _Maker | None = None  # of this process


def _prepare(copy: Path, number: int, indexing: bool) -> None:
    global _maker
    _maker = _Maker(copy, number, indexing)


def _ready(lines: list[bytes]) -> _Portion:
    assert _maker is not None
    return _maker.make(lines)


class _Loader:
    """Loads text into a store in a thread, much at once, while the next text is gathered."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1)
        self._parts: list[bytes] = []
        self._size = 0
        self._running: Future[None] | None = None

    def put(self, text: bytes) -> None:
        """Load this text as well."""
        self._parts.append(text)
        self._size += len(text)
        if self._size > _BATCH:
            self._flush()

    def _flush(self) -> None:
        self._wait()
        data = b"".join(self._parts)
        self._parts, self._size = [], 0
        self._running = self._thread.submit(self._store.load, data)

    def _wait(self) -> None:
        if self._running is not None:
            self._running.result()

    def __enter__(self) -> _Loader:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
                self._wait()
        finally:
            self._thread.shutdown()


_SYSTEM = (
    f"{{0}} {RDF.type} {MZ.Record} .\n{{0}} {MZ.describes} <{{1.record}}> .\n"
    f'{{0}} {MZ.revision} "{{1.revision}}"^^{XSD.integer} .\n{{0}} {MZ.recordDigest} "{{1.sha256}}" .\n'
    f'{{0}} {MZ.ledgerSegment} "{{2}}"^^{XSD.integer} .\n{{0}} {PROV.wasGeneratedBy} <{ID}import/{{2}}> .\n'
    f"{{0}} {DCTERMS.accessRights} <{ACCESS}{{1.tier}}> .\n"
)


def _system_text(entry: Entry, number: int) -> str:
    """What is said about every record, as N-Triples: for a new one that is all, and triples would cost ten times."""
    return _SYSTEM.format(system_node(entry.record), entry, number)


def system(entry: Entry, number: int, time: str) -> Iterator[Triple]:
    """What the system says about a record: revision, digest, origin, and the revision before."""
    node, home = system_node(entry.record), NamedNode(entry.record)
    yield from parse_ntriples(_system_text(entry, number), trusted=True)
    if entry.operation == RETIRE:
        yield Triple(node, PROV.invalidatedAtTime, literal(time, XSD.dateTime.value))
    if entry.replaces is None:
        return
    old = NamedNode(f"{entry.record}#revision-{entry.revision - 1}")
    yield Triple(node, PROV.wasRevisionOf, old)
    yield Triple(old, RDF.type, PROV.Entity)
    yield Triple(old, PROV.specializationOf, home)
    yield Triple(old, MZ.revision, literal(str(entry.revision - 1), XSD.integer.value))
    yield Triple(old, MZ.recordDigest, literal(entry.replaces))
    yield Triple(old, PROV.invalidatedAtTime, literal(time, XSD.dateTime.value))


def import_iri(number: int) -> NamedNode:
    """The activity that wrote ledger segment `number`."""
    return NamedNode(f"{ID}import/{number}")


def import_node(number: int, header: dict[str, Any]) -> Iterator[Triple]:
    """What the system says about the import that wrote a segment."""
    node, activity = import_iri(number), header["activity"]
    yield Triple(node, RDF.type, MZ.Import)
    yield Triple(node, SKOS.prefLabel, literal(str(activity.get("label", "import")), language="en"))
    yield Triple(node, PROV.startedAtTime, literal(header["time"], XSD.dateTime.value))
    yield Triple(node, MZ.ledgerSegment, literal(str(number), XSD.integer.value))
    if "mapping" in activity:
        yield Triple(node, MZ.mapping, literal(str(activity["mapping"])))
    for item in activity.get("files", []):
        yield Triple(node, MZ.sourceFile, literal(f"{item['name']} sha256:{item['sha256']}"))
