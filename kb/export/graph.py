"""Rows as RDF: a result set in the vocabulary that the W3C made for the results of its SPARQL tests.

See https://www.w3.org/2001/sw/DataAccess/tests/result-set. The graph says what the answer was; it does not assert
what the rows say.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize

from kb.export.rows import Rows
from kb.ns import DCTERMS, RDF, XSD

_RS = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
_SET, _VARIABLE, _SOLUTION, _BINDING, _NAME, _VALUE, _INDEX = (
    NamedNode(_RS + name)
    for name in ("ResultSet", "resultVariable", "solution", "binding", "variable", "value", "index")
)
_SERIALISED = {
    "turtle": RdfFormat.TURTLE, "ntriples": RdfFormat.N_TRIPLES, "jsonld": RdfFormat.JSON_LD,
    "rdfxml": RdfFormat.RDF_XML,
}  # fmt: skip
FORMATS = frozenset(_SERIALISED)


def triples(rows: Rows, titles: dict[str, str], source: str) -> Iterator[Triple]:
    """The result set with its titles by language and where it was asked for; a row keeps its place by `rs:index`."""
    head = BlankNode("set")
    yield Triple(head, RDF.type, _SET)
    yield Triple(head, DCTERMS.source, NamedNode(source))
    for language, text in titles.items():
        yield Triple(head, DCTERMS.title, Literal(text, language=language))
    for name in rows.columns:
        yield Triple(head, _VARIABLE, Literal(name))
    for number, row in enumerate(rows.rows, 1):
        solution = BlankNode(f"row{number}")
        yield Triple(head, _SOLUTION, solution)
        yield Triple(solution, _INDEX, Literal(str(number), datatype=XSD.integer))
        for place, name in enumerate(rows.columns, 1):
            if name in row:
                binding = BlankNode(f"row{number}c{place}")
                yield Triple(solution, _BINDING, binding)
                yield Triple(binding, _NAME, Literal(name))
                yield Triple(binding, _VALUE, row[name])


def to_rdf(rows: Rows, name: str, titles: dict[str, str], source: str) -> bytes:
    """That graph in the format `name` (turtle, ntriples, jsonld, rdfxml)."""
    prefixes = {"rs": _RS, "dcterms": DCTERMS.base, "xsd": XSD.base}
    kind = _SERIALISED[name]
    found = triples(rows, titles, source)
    if kind == RdfFormat.N_TRIPLES:
        return serialize(found, format=kind) or b""
    return serialize(found, format=kind, prefixes=prefixes) or b""
