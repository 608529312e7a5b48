"""What this service says of itself as RDF: its description, the data by class and property (VoID), prefixes, examples.

Editors that know these vocabularies (VoID, SHACL's prefix declarations and executables) complete terms and list the
examples by asking the service. So questions in these terms are answered from here; no record uses them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pyoxigraph import Literal, NamedNode, Triple

from kb.errors import MizanError
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, PREFIXES, RDF, XSD
from kb.query import fulltext, saved
from kb.query.guard import form_of, namespaces
from kb.snapshot import Snapshot
from kb.store.base import Limits
from kb.store.local import LocalStore

SD = "http://www.w3.org/ns/sparql-service-description#"
VOID = "http://rdfs.org/ns/void#"
VOID_EXT = "http://ldf.fi/void-ext#"
_SH = PREFIXES["sh"]
_OWN = (VOID, VOID_EXT, SD, PREFIXES["sh"])
_RECORDS = (PREFIXES["mz"], ID, PREFIXES["scheme"])
_RDFS = PREFIXES["rdfs"]
_DCTERMS = PREFIXES["dcterms"]
_FORMATS = (
    "SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV", "Turtle", "N-Triples",
    "JSON-LD", "RDF_XML", "TriG",
)  # fmt: skip
_COUNTING = Limits(seconds=120.0, rows=100_000)
_CLASSES = "SELECT ?c (COUNT(*) AS ?n) { ?s a ?c } GROUP BY ?c"
_PROPERTIES = "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p"
_PARTS = """SELECT ?c ?p ?d (COUNT(*) AS ?n) { ?s a ?c ; ?p ?o BIND(IF(isLiteral(?o), DATATYPE(?o), 0) AS ?d) }
GROUP BY ?c ?p ?d"""
Graph = list[Triple]


class Counts:
    """How much there is of each class and property in a snapshot, counted once, in a worker, behind the requests."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base
        self._guard = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._done = threading.Event()
        self._rows: dict[str, list[dict[str, str]]] = {}

    def get(self, at: Snapshot, seconds: float) -> dict[str, list[dict[str, str]]]:
        """The counts, waiting at most `seconds` for them; empty while they are being made, or when they took too long.

        `classes` has rows of c and n, `properties` of p and n, `parts` of c, p, d (a datatype, or none) and n.
        """
        with self._guard:
            if self._snapshot is not at:
                self._snapshot, self._done, self._rows = at, threading.Event(), {}
                thread = threading.Thread(target=self._count, args=(at, self._done), name="counts", daemon=True)
                thread.start()
            done = self._done
        done.wait(seconds)
        with self._guard:
            return self._rows if self._snapshot is at and done.is_set() else {}

    def triples(self, at: Snapshot, *, count: bool = True) -> int | None:
        """How many triples there are, None while that is not known; without `count` they are not counted for this.

        The store counts by reading all of itself, and holds up every other thread meanwhile.
        """
        with self._guard:
            begun = self._snapshot is at
        rows = self.get(at, 0.0).get("properties") if count or begun else None
        return sum(int(row["n"]) for row in rows) if rows else None

    def _count(self, at: Snapshot, done: threading.Event) -> None:
        queries, rows = {"classes": _CLASSES, "properties": _PROPERTIES, "parts": _PARTS}, {}
        for name, query in queries.items():
            try:
                rows[name] = self._ask(query, at)
            except MizanError:  # too much data to count in time, or the base is being closed: it goes without these
                break
        with self._guard:
            if self._snapshot is at:
                self._rows = rows
        done.set()

    def _ask(self, query: str, at: Snapshot) -> list[dict[str, str]]:
        found = json.loads(self._base.ask(query, "json", _COUNTING, at).body)["results"]["bindings"]
        rows = [{name: term["value"] for name, term in row.items()} for row in found]
        return sorted(rows, key=lambda row: [row.get(name, "") for name in "cpd"])


def description(address: str, at: Snapshot, counts: dict[str, list[dict[str, str]]]) -> Graph:
    """The SPARQL 1.1 Service Description with its dataset described in VoID; `address` is that of the service."""
    service, dataset, graph = f"{address}#service", f"{address}#dataset", f"{address}#graph"
    told = [
        *_of(service, {
            RDF.type.value: [SD + "Service"], SD + "endpoint": [address],
            SD + "supportedLanguage": [SD + "SPARQL11Query"], SD + "defaultDataset": [dataset],
            SD + "resultFormat": [f"http://www.w3.org/ns/formats/{name}" for name in _FORMATS],
            SD + "propertyFeature": [fulltext.PREDICATE],
            SD + "extensionFunction": [f"http://www.opengis.net/def/function/geosparql/{n}" for n in _GEO],
        }),
        *_of(dataset, {
            RDF.type.value: [SD + "Dataset", VOID + "Dataset"], SD + "defaultGraph": [graph],
            VOID + "sparqlEndpoint": [address], VOID + "uriSpace": [Literal(ID)],
            VOID + "vocabulary": sorted({PREFIXES[name] for name in ("mz", "skos", "prov", "geo", "dcterms")}),
            _DCTERMS + "title": [Literal("Mizan", language="en"), Literal("ميزان", language="ar")],
            _DCTERMS + "modified": [Literal(at.time, datatype=XSD.dateTime)],
            PREFIXES["owl"] + "versionInfo": [Literal(f"snapshot {at.number}")],
        }),
        *_of(graph, {RDF.type.value: [SD + "Graph", VOID + "Dataset"]}),
    ]  # fmt: skip
    if "properties" in counts:
        triples = sum(int(row["n"]) for row in counts["properties"])
        told += [*_number(dataset, "triples", triples), *_number(graph, "triples", triples)]
    return [*told, *_partitions(graph, counts)] if "parts" in counts else told


_GEO = ("distance", "sfWithin", "sfContains", "sfIntersects", "sfDisjoint", "sfEquals")


def _partitions(graph: str, counts: dict[str, list[dict[str, str]]]) -> Iterator[Triple]:
    yield from _number(graph, "classes", len(counts["classes"]))
    yield from _number(graph, "properties", len(counts["properties"]))
    for row in counts["classes"]:
        part = _part(graph, "class", row["c"])
        yield from _of(graph, {VOID + "classPartition": [part]})
        yield from _of(part, {VOID + "class": [row["c"]]})
        yield from _number(part, "entities", int(row["n"]))
    for row in counts["properties"]:
        part = _part(graph, "property", row["p"])
        yield from _of(graph, {VOID + "propertyPartition": [part]})
        yield from _of(part, {VOID + "property": [row["p"]]})
        yield from _number(part, "triples", int(row["n"]))
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for row in counts["parts"]:
        whole = _part(graph, "class", row["c"])
        part = f"{whole}-{_short(row['p'])}"
        totals[part, whole] += int(row["n"])
        yield from _of(part, {VOID + "property": [row["p"]]})
        if "://" in row.get("d", ""):
            typed = f"{part}-{_short(row['d'])}"
            yield from _of(part, {VOID_EXT + "datatypePartition": [typed]})
            yield from _of(typed, {VOID_EXT + "datatype": [row["d"]]})
            yield from _number(typed, "triples", int(row["n"]))
    for (part, whole), number in totals.items():
        yield from _of(whole, {VOID + "propertyPartition": [part]})
        yield from _number(part, "triples", number)


def editing(address: str) -> Graph:
    """The prefixes and the report queries, in SHACL's terms; the queries stand as they do in their files."""
    told: Graph = []
    prefixes = f"{address}#prefixes"
    for name, namespace in sorted(PREFIXES.items()):
        one = f"{address}#prefix-{name}"
        told += _of(prefixes, {_SH + "declare": [one]})
        told += _of(one, {
            _SH + "prefix": [Literal(name)], _SH + "namespace": [Literal(namespace, datatype=XSD.anyURI)],
            RDF.type.value: [_SH + "PrefixDeclaration"],
        })  # fmt: skip
    parts = urlsplit(address)
    for question in saved.every("report"):
        form = form_of(question.text)
        told += _of(f"{parts.scheme}://{parts.netloc}/en/queries/{question.name}", {
            RDF.type.value: [_SH + "SPARQLExecutable", f"{_SH}SPARQL{form.capitalize()}Executable"],
            _SH + form.lower(): [Literal(question.text)], _SH + "prefixes": [prefixes],
            _RDFS + "label": _texts(question.title, question.title_ar),
            _RDFS + "comment": _texts(question.description or question.title, question.description_ar),
            "https://schema.org/keywords": [Literal(tag) for tag in question.tags],
            "https://schema.org/target": [address],
        })  # fmt: skip
    return told


def asks_about_service(query: str) -> bool:
    """Whether a query uses the terms in which the service describes itself and none of the records' own."""
    if not any(base in query for base in _OWN):
        return False
    used = namespaces(query)
    return any(iri.startswith(_OWN) for iri in used) and not any(iri.startswith(_RECORDS) for iri in used)


class Described:
    """A store of what the service says of itself, on disk, because workers open folders; made anew when it changes."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._made: tuple[tuple[int, str, bool], Path] | None = None

    def folder(self, key: tuple[int, str, bool], describe: Callable[[], Graph]) -> Path:
        """The folder of the store, known by `key`: snapshot, address, whether counts are in it."""
        with self._guard:
            if self._made is None or self._made[0] != key:
                root = Path(tempfile.mkdtemp(prefix="mizan-about-"))
                weakref.finalize(self, shutil.rmtree, root, ignore_errors=True)
                store = LocalStore(root / "store")
                store.add(describe())
                store.copy_to(root / "copy")
                self._made = key, root / "copy"
            return self._made[1]


def _of(node: str, values: Mapping[str, Sequence[str | Literal]]) -> Graph:
    subject = NamedNode(node)
    return [
        Triple(subject, NamedNode(name), one if isinstance(one, Literal) else NamedNode(one))
        for name, several in values.items() for one in several
    ]  # fmt: skip


def _number(node: str, name: str, number: int) -> Graph:
    return _of(node, {VOID + name: [Literal(str(number), datatype=XSD.integer)]})


def _texts(english: str, arabic: str) -> list[Literal]:
    return [Literal(text, language=code) for code, text in (("en", english), ("ar", arabic)) if text]


def _part(graph: str, kind: str, iri: str) -> str:
    return f"{graph}-{kind}-{_short(iri)}"


def _short(iri: str) -> str:
    """An IRI as a part of another one's name: by its prefix, and safe to stand in a fragment."""
    name = next((f"{p}.{iri[len(b):]}" for p, b in sorted(PREFIXES.items()) if p != "id" and iri.startswith(b)), iri)
    return "".join(sign if sign.isalnum() or sign in "._~" else f"-{ord(sign):x}-" for sign in name)
