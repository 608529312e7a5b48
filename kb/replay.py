"""Brings the store level with a large ledger segment, as a stream: nothing grows with the segment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from pyoxigraph import NamedNode, Triple

from kb.applicability import Law, projection
from kb.canonical import literal, parse_ntriples
from kb.ledger import Entry, Ledger
from kb.ns import ACCESS, DCTERMS, ID, MZ, PROV, RDF, SKOS, XSD
from kb.record import system_node
from kb.store.local import LocalStore

_BATCH = 32_000_000  # bytes of N-Triples that are loaded at once
PUT, RETIRE = "put", "retire"  # what an entry of the ledger does


def replay(ledger: Ledger, store: LocalStore, number: int, law: Law | None) -> projection.Work:
    """Apply segment `number` to the store; safe to repeat after a crash.

    New records go in by the store's bulk loader in a thread of its own.
    """
    header = ledger.header(number)
    time = str(header["time"])
    projection.foresee(store, ledger.replaced(number))
    with _Loader(store) as loader:
        store.add(import_node(number, header))
        screening = projection.Stream(store, law)
        for entry in ledger.entries(number):
            if entry.replaces is not None:
                retired = entry.operation == RETIRE
                known = () if retired else parse_ntriples(entry.triples, trusted=True)
                store.replace(entry.record, [*known, *system(entry, number, time)])
                loader.put(screening.take(entry.record, entry.triples, again=True))
            else:
                # what is loaded twice, since a run was killed, stands there once: nothing has to be looked up
                loader.put(screening.take(entry.record, entry.triples))
                loader.put(entry.triples)
                loader.put(_system_text(entry, number))
    return screening.finish()


class _Loader:
    """Loads text into a store in a thread while the next text is gathered."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1)
        self._parts: list[str] = []
        self._size = 0
        self._running: Future[None] | None = None

    def put(self, text: str) -> None:
        self._parts.append(text)
        self._size += len(text)
        if self._size > _BATCH:
            self._flush()

    def _flush(self) -> None:
        data = "".join(self._parts).encode()
        self._parts, self._size = [], 0
        self._wait()
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


def records(ledger: Ledger, number: int) -> Iterator[tuple[str, list[Triple]]]:
    """The records of one segment as the index takes them; none of a retired record's triples."""
    for entry in ledger.entries(number):
        yield entry.record, list(parse_ntriples(entry.triples, trusted=True))


def _system_text(entry: Entry, number: int) -> str:
    """What is said about every record, as N-Triples: for a new one that is all, and triples would cost ten times."""
    node = system_node(entry.record)
    return (
        f"{node} {RDF.type} {MZ.Record} .\n{node} {MZ.describes} <{entry.record}> .\n"
        f"{node} {MZ.revision} {_integer(entry.revision)} .\n{node} {MZ.recordDigest} \"{entry.sha256}\" .\n"
        f"{node} {MZ.ledgerSegment} {_integer(number)} .\n{node} {PROV.wasGeneratedBy} {import_iri(number)} .\n"
        f"{node} {DCTERMS.accessRights} <{ACCESS}{entry.tier}> .\n"
    )


def _integer(number: int) -> str:
    return f'"{number}"^^{XSD.integer}'


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
