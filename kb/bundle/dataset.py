"""The records of a bundle as RDF: each one a named graph as written, beside it a graph on where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pyoxigraph import NamedNode, Quad, RdfFormat, Triple, parse, serialize

from kb import canonical, paths, vocabulary
from kb.bundle.facts import D, H, P
from kb.bundle.request import BundleRequest
from kb.canonical import literal
from kb.ns import ACCESS, DCTERMS, ID, MZ, PREFIXES, PROV, RDF, XSD
from kb.record import system_node


def nquads(request: BundleRequest) -> list[str]:
    """The whole data set as canonical N-Quads: distinct lines with LF, in the order of their bytes.

    Without blank nodes these lines are the RDFC-1.0 canonical form, and sorting by code point is sorting by byte.
    The lines of a record are the bytes of the ledger with the graph's name put in.
    """
    lines: set[str] = set()
    for iri, entry in request.records.items():
        graph = NamedNode(iri)
        lines.update(f"{line[:-1]}{graph} .\n" for line in entry.triples.split("\n")[:-1])
        lines.update(canonical.nquads(_provenance(request, iri), system_node(iri)))
    snapshot = snapshot_node(request)
    lines.update(canonical.nquads(_snapshot(request, snapshot), snapshot))
    return sorted(lines)


def snapshot_node(request: BundleRequest) -> NamedNode:
    """The node of the snapshot that the bundle was made from; it names a graph too."""
    return NamedNode(f"{ID}snapshot/{request.snapshot}")


def _provenance(request: BundleRequest, iri: str) -> Iterator[Triple]:
    entry, node = request.records[iri], system_node(iri)
    yield Triple(node, RDF.type, MZ.Record)
    yield Triple(node, MZ.describes, NamedNode(iri))
    yield Triple(node, MZ.revision, literal(str(entry.revision), XSD.integer.value))
    yield Triple(node, MZ.recordDigest, literal(entry.sha256))
    yield Triple(node, MZ.ledgerSegment, literal(str(request.segments[iri]), XSD.integer.value))
    yield Triple(node, PROV.wasGeneratedBy, NamedNode(f"{ID}import/{request.segments[iri]}"))
    yield Triple(node, DCTERMS.accessRights, NamedNode(ACCESS + entry.tier))
    yield Triple(node, D.isPartOf, snapshot_node(request))


def _snapshot(request: BundleRequest, node: NamedNode) -> Iterator[Triple]:
    head = NamedNode(f"{node.value}#ledger-head")
    yield Triple(node, RDF.type, P.Entity)
    yield Triple(node, P.generatedAtTime, literal(request.time, XSD.dateTime.value))
    yield Triple(node, MZ.ledgerSegment, literal(str(request.ledger.segment), XSD.integer.value))
    yield Triple(node, H.checksum, head)
    yield Triple(head, RDF.type, H.Checksum)
    yield Triple(head, H.algorithm, H.checksumAlgorithm_sha256)
    yield Triple(head, H.checksumValue, literal(request.ledger.sha256))


def quads(lines: list[str]) -> list[Quad]:
    """The lines as quads, those of one graph together, so that serialisers can stream them in one fixed order."""
    found = parse("".join(lines), format=RdfFormat.N_QUADS)
    return sorted(found, key=lambda quad: (str(quad.graph_name), str(quad.triple)))


def trig(found: list[Quad]) -> bytes:
    """The data set in TriG."""
    return serialize(found, format=RdfFormat.TRIG, prefixes=PREFIXES) or b""


def jsonld(found: list[Quad]) -> bytes:
    """The data set in expanded JSON-LD: no context, so nothing to fetch."""
    return (serialize(found, format=RdfFormat.JSON_LD) or b"") + b"\n"


def ontology() -> Iterator[bytes]:
    """The shipped ontology and schemes, file after file as they are: Turtle may repeat its prefixes."""
    return _joined(vocabulary.term_files())


def shapes() -> Iterator[bytes]:
    """The shipped shapes, likewise; joined as text because a parser would rename their blank list nodes."""
    return _joined(sorted((paths.shipped("ontology") / "shapes").glob("*.ttl")))


def _joined(files: list[Path]) -> Iterator[bytes]:
    for path in files:
        yield path.read_bytes().rstrip(b"\n") + b"\n\n"
