"""RDF files as records: Turtle, TriG, N-Triples, N-Quads, JSON-LD and RDF/XML, with the place of every error."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pyoxigraph import NamedNode, RdfFormat, Triple, parse

from kb import canonical
from kb.errors import BadFile, DoesNotConform
from kb.ns import DCTERMS, MZ
from kb.record import RESERVED, SYSTEM_FRAGMENT, Record, by_owner, owner, subject

FORMATS = {
    ".ttl": RdfFormat.TURTLE, ".trig": RdfFormat.TRIG, ".nt": RdfFormat.N_TRIPLES, ".nq": RdfFormat.N_QUADS,
    ".jsonld": RdfFormat.JSON_LD, ".rdf": RdfFormat.RDF_XML, ".owl": RdfFormat.RDF_XML,
}  # fmt: skip

_TELLING = (f"#{SYSTEM_FRAGMENT}> ", "#revision-", f"> {DCTERMS.accessRights} ")


def read(path: Path) -> list[Triple]:
    """The triples of an RDF file in canonical spelling; graph names are dropped, blank nodes are refused.

    pyoxigraph fetches no remote JSON-LD context and no XML entity, so a file from outside cannot call out.
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise BadFile(f"{path.name} is not an RDF file", "its name ends in none of " + " ".join(FORMATS))
    return _triples(path.read_bytes(), form, path.name)


def turtle(text: str, name: str) -> list[Triple]:
    """The triples of Turtle text; `name` is what errors call it."""
    return _triples(text.encode(), RdfFormat.TURTLE, name)


def _triples(data: bytes, form: RdfFormat, name: str) -> list[Triple]:
    try:
        quads = list(parse(data, format=form))
        return [canonical.triple(q.subject, q.predicate, q.object) for q in quads]
    except SyntaxError as error:
        place = f", line {error.lineno}, column {error.offset}" if error.lineno else ""
        raise BadFile(f"{name}{place} does not parse", error.msg or str(error), "Correct that place.") from None
    except DoesNotConform as error:
        raise BadFile(f"{name}: {error.what}", error.why, error.hint) from None
    except ValueError as error:
        raise BadFile(f"{name} does not parse", str(error)) from None


def records(triples: Iterable[Triple]) -> list[Record]:
    """Triples as records, each node marked with the record it belongs to, sorted by IRI."""
    return [record(iri, part) for iri, part in sorted(by_owner(triples).items())]


def record(iri: str, triples: Iterable[Triple]) -> Record:
    """One record out of its triples; the order and repetition of `triples` do not matter.

    Raises DoesNotConform when a node belongs elsewhere or uses the system's own fragment.
    """
    marked = list(triples)
    home = NamedNode(iri)
    tier = "PUBLIC"
    for node in {subject(t) for t in marked}:
        if owner(node) != iri:
            raise DoesNotConform(f"{node} stands in the record {iri}", "a record describes only its own nodes")
        if RESERVED.fullmatch(node.partition("#")[2]):
            raise DoesNotConform(f"{node} is used", "the system writes that node itself", "Use another fragment.")
        marked.append(Triple(NamedNode(node), MZ.inRecord, home))
    for triple in marked:
        if triple.predicate == MZ.inRecord and triple.object != home:
            raise DoesNotConform(f"{subject(triple)} says it is in another record", str(triple.object))
        if triple.subject == home and triple.predicate == DCTERMS.accessRights:
            tier = triple.object.value.rpartition("/")[2] if isinstance(triple.object, NamedNode) else "unknown"
    text = canonical.ntriples(marked)
    return Record(iri, tier=tier, text=text)


def written(iri: str, lines: Iterable[str]) -> Record:
    """One record out of distinct lines of canonical N-Triples, marks of belonging included, as `record` makes it.

    Raises DoesNotConform as `record` does.
    """
    text = "".join(sorted(lines))
    if any(part in text for part in _TELLING):  # it says its tier, or takes a name of the system's own
        return record(iri, canonical.parse_ntriples(text))
    return Record(iri, text=text)
