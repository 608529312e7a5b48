"""The embedded store: Oxigraph on disk, written by one process, read through immutable copies."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyoxigraph import (
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Triple,
    serialize,
)
from pyoxigraph import Store as Oxigraph

from kb.canonical import turtle
from kb.ns import MZ, MZ_BASE, RDF, RDFS
from kb.record import system_node
from kb.store import syntax
from kb.store.base import Answer, Limits, Scope, count_rows, media_type, too_large

_MARK = NamedNode("https://w3id.org/mizan/id/store")
_TABLES = {
    "json": QueryResultsFormat.JSON, "xml": QueryResultsFormat.XML,
    "csv": QueryResultsFormat.CSV, "tsv": QueryResultsFormat.TSV,
}  # fmt: skip
_GRAPHS = {
    "turtle": RdfFormat.TURTLE, "ntriples": RdfFormat.N_TRIPLES, "jsonld": RdfFormat.JSON_LD,
    "rdfxml": RdfFormat.RDF_XML, "trig": RdfFormat.TRIG,
}  # fmt: skip


if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Capped(io.BytesIO):
    """A byte sink that refuses to grow past a cap, so that a runaway answer stops while it is written."""

    def __init__(self, cap: int) -> None:
        super().__init__()
        self.cap = cap

    def write(self, data: ReadableBuffer) -> int:
        if self.tell() + len(memoryview(data)) > self.cap:
            raise _TooLarge
        return super().write(data)


class _TooLarge(Exception):
    pass


def _dataset(scope: Scope) -> dict[str, Any]:
    """A scope as the engine takes it."""
    asked: dict[str, Any] = {"base_iri": scope.base} if scope.base else {}
    if scope.default or scope.named:
        asked |= {"default_graph": [NamedNode(iri) for iri in scope.default]}
        asked |= {"named_graphs": [NamedNode(iri) for iri in scope.named]}
    return asked


class LocalStore:
    """An Oxigraph store in a folder. `LocalStore(path)` opens it for writing, `read_only` a snapshot's copy."""

    def __init__(self, folder: Path, *, store: Oxigraph | None = None) -> None:
        self.folder = folder
        self._store = store if store is not None else Oxigraph(str(folder))

    @classmethod
    def read_only(cls, folder: Path) -> LocalStore:
        """Open a copy that nobody writes to."""
        return cls(folder, store=Oxigraph.read_only(str(folder)))

    @classmethod
    def in_memory(cls) -> LocalStore:
        """An empty store for tests and trials."""
        return cls(Path(), store=Oxigraph())

    def __len__(self) -> int:
        return len(self._store)

    # reading

    def ask(self, query: str, form: str, name: str, limits: Limits, scope: Scope | None = None) -> Answer:
        """See Store.ask. Time and memory are the business of the process that this runs in."""
        try:
            result = self._store.query(query, **_dataset(scope or Scope()))
        except SyntaxError as error:
            raise syntax.explain(query, str(error)) from None
        sink = _Capped(limits.bytes)
        try:
            if isinstance(result, QuerySolutions | QueryBoolean):
                result.serialize(sink, format=_TABLES[name])
                rows = 1 if form == "ASK" else count_rows(sink.getvalue(), name)
            else:
                triples = list(islice(result, limits.rows + 1))
                rows = len(triples)
                if name == "turtle":
                    sink.write(turtle(triples))
                else:
                    serialize(triples, sink, format=_GRAPHS[name])
        except _TooLarge:
            raise too_large("bytes", limits.bytes) from None
        if rows > limits.rows:
            raise too_large("rows", limits.rows)
        return Answer(media_type(form, name), sink.getvalue(), rows)

    def spill(self, query: str, path: Path) -> None:
        """Write the rows of a SELECT of our own into a CSV file, of any size: the engine does it, without Python."""
        result = self._store.query(query)
        assert isinstance(result, QuerySolutions)
        result.serialize(str(path), format=QueryResultsFormat.CSV)

    def graphs(self) -> list[str]:
        """The names of the named graphs; a store of records has none."""
        return sorted(g.value for g in self._store.named_graphs() if isinstance(g, NamedNode))

    def knows(self, iri: str) -> bool:
        """Whether anything is said about a node."""
        return next(iter(self._store.quads_for_pattern(NamedNode(iri), None, None)), None) is not None

    def is_a(self, iri: str, classes: Iterable[str]) -> bool:
        """Whether a node is of one of these classes of the ontology (by name) or of one below; any will do if none."""
        wanted = {NamedNode(MZ_BASE + name) for name in classes}
        todo, seen = self.objects(NamedNode(iri), RDF.type), set[NamedNode]()
        while todo and not wanted & seen:
            kind = todo.pop()
            if isinstance(kind, NamedNode) and kind not in seen:
                seen.add(kind)
                todo += self.objects(kind, RDFS.subClassOf)
        return not wanted or bool(wanted & seen)

    def objects(self, subject: NamedNode, predicate: NamedNode) -> list[NamedNode | Literal]:
        """The values of one property of one node."""
        quads = self._store.quads_for_pattern(subject, predicate, None)
        return [q.object for q in quads if isinstance(q.object, NamedNode | Literal)]

    def subjects(
        self, predicate: NamedNode, value: NamedNode | Literal, most: int | None = None
    ) -> list[NamedNode]:  # fmt: skip
        """The nodes that have this value for this property; no more than `most` are looked at."""
        quads = islice(self._store.quads_for_pattern(None, predicate, value), most)
        return [q.subject for q in quads if isinstance(q.subject, NamedNode)]

    def points(self, predicate: NamedNode, value: NamedNode) -> bool:
        """Whether any node has this value for this property."""
        return next(iter(self._store.quads_for_pattern(None, predicate, value)), None) is not None

    def triples(self, predicate: NamedNode) -> Iterator[Triple]:
        """All triples with one predicate."""
        for quad in self._store.quads_for_pattern(None, predicate, None):
            yield quad.triple

    def node(self, subject: NamedNode) -> Iterator[Triple]:
        """All triples about one node."""
        for quad in self._store.quads_for_pattern(subject, None, None):
            yield quad.triple

    def everything(self) -> Iterator[Triple]:
        """All triples."""
        for quad in self._store:
            yield quad.triple

    def record(self, iri: str) -> list[Triple]:
        """The triples of one record, without what the system adds."""
        nodes = self.subjects(MZ.inRecord, NamedNode(iri))
        return [t for node in nodes for t in self.node(node)]

    def digest(self, iri: str) -> str | None:
        """The digest of a record as the ledger has it, or None when there is no such record."""
        values = self.objects(system_node(iri), MZ.recordDigest)
        return values[0].value if values else None

    def stands(self, iri: str) -> bool:
        """Whether there is a record with this IRI that was not retired."""
        return self.points(MZ.inRecord, NamedNode(iri))

    def revision(self, iri: str) -> int:
        """The revision of a record, 0 when there is none."""
        values = self.objects(system_node(iri), MZ.revision)
        return int(values[0].value) if values else 0

    def segment_of(self, iri: str) -> int:
        """The ledger segment that holds the present revision of a record, 0 when there is none."""
        values = self.objects(system_node(iri), MZ.ledgerSegment)
        return int(values[0].value) if values else 0

    def segment(self) -> int:
        """The last ledger segment that was applied in full."""
        values = self.objects(_MARK, MZ.ledgerSegment)
        return int(values[0].value) if values else 0

    # writing

    def add(self, triples: Iterable[Triple]) -> None:
        """Add triples in one atomic write."""
        self._store.extend([Quad(t.subject, t.predicate, t.object) for t in triples])

    def load(self, text: bytes) -> None:
        """Add much trusted N-Triples at once: straight into new files, without a copy in memory, and not atomic."""
        self._store.bulk_load(input=text, format=RdfFormat.N_TRIPLES, lenient=True)

    def replace(self, iri: str, triples: Iterable[Triple]) -> None:
        """Put a record in place of what stood under its IRI. Safe to repeat after a crash in the middle."""
        node = NamedNode(iri)
        held = list(self._store.quads_for_pattern(None, MZ.inRecord, node))
        system = system_node(iri)
        for subject in [q.subject for q in held if q.subject != system] + [system]:
            quads = list(self._store.quads_for_pattern(subject, None, None))
            # the mark of belonging goes last, so that a repeated run still finds the rest
            for quad in sorted(quads, key=lambda q: q.predicate == MZ.inRecord):
                self._store.remove(quad)
        self.add(triples)

    def set(self, subject: NamedNode, predicate: NamedNode, values: Iterable[NamedNode | Literal]) -> None:
        """Give a node these values of a property and no others."""
        for quad in list(self._store.quads_for_pattern(subject, predicate, None)):
            self._store.remove(quad)
        self.add(Triple(subject, predicate, value) for value in values)

    def drop(self, subject: NamedNode) -> None:
        """Remove all triples about a node."""
        for quad in list(self._store.quads_for_pattern(subject, None, None)):
            self._store.remove(quad)

    def discard(self, triple: Triple) -> None:
        """Remove a triple if it is there."""
        self._store.remove(Quad(triple.subject, triple.predicate, triple.object))

    def mark(self, segment: int) -> None:
        """Remember that everything up to this ledger segment has been applied."""
        self.set(_MARK, MZ.ledgerSegment, [Literal(segment)])
        self._store.flush()

    def compact(self) -> None:
        """Rewrite the files without what was removed or replaced."""
        self._store.optimize()

    def copy_to(self, folder: Path) -> None:
        """A read-only copy by hard links; `folder` must not exist."""
        self._store.flush()
        self._store.backup(str(folder))
