"""The data of a page: one record with its system node as Turtle, JSON-LD or a simple JSON tree."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from kb.canonical import ntriples, parse_ntriples, turtle
from kb.ns import ONTOLOGY, XSD
from kb.record import system_node
from kb.search import kind_of
from kb.snapshot import Snapshot
from web.reading import shorten


def triples_of(snapshot: Snapshot, iri: str) -> list[Triple]:
    """The triples of a record and of its system node, in canonical order; empty when there is no such thing."""
    records = [iri]
    if iri == ONTOLOGY:
        modules = {o.value for o in _defined_by(snapshot, iri)}
        records = sorted({iri, *modules})
    triples: list[Triple] = []
    for record in records:
        triples += snapshot.record(record) or snapshot.store.node(NamedNode(record))
        triples += snapshot.store.node(system_node(record))
    return list(parse_ntriples(ntriples(triples)))


def _defined_by(snapshot: Snapshot, iri: str) -> Iterable[NamedNode]:
    for triple in snapshot.record(iri):
        if shorten(triple.predicate.value) == "rdfs:isDefinedBy" and isinstance(triple.object, NamedNode):
            yield triple.object


def json_ld(triples: list[Triple]) -> bytes:
    """Expanded JSON-LD: it needs no context from elsewhere."""
    text = serialize(triples, format=RdfFormat.JSON_LD)
    assert text is not None
    return text


def tree(snapshot: Snapshot, iri: str, triples: list[Triple]) -> bytes:
    """JSON for programs without RDF: iri, kind, snapshot, labels, properties, and the other nodes of the record.

    A value is {"id": IRI} or {"value": text} with "language" or "type" where it has one; properties are
    prefixed names; all lists are sorted.
    """
    nodes: dict[str, dict[str, list[dict[str, str]]]] = {}
    for triple in triples:
        assert isinstance(triple.subject, NamedNode)
        values = nodes.setdefault(triple.subject.value, {}).setdefault(shorten(triple.predicate.value), [])
        values.append(_value(triple.object))
    main = nodes.pop(iri, {})
    labels = {v.get("language", ""): v["value"] for v in main.get("skos:prefLabel", [])}
    value: dict[str, Any] = {
        "iri": iri,
        "kind": kind_of(iri),
        "snapshot": snapshot.number,
        "labels": labels,
        "properties": main,
        "nodes": [{"iri": name, "properties": nodes[name]} for name in sorted(nodes)],
    }
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _value(term: object) -> dict[str, str]:
    if isinstance(term, NamedNode):
        return {"id": term.value}
    assert isinstance(term, Literal)
    if term.language:
        return {"value": term.value, "language": term.language}
    if term.datatype == XSD.string:
        return {"value": term.value}
    return {"value": term.value, "type": shorten(term.datatype.value)}


def serialised(snapshot: Snapshot, iri: str, media_type: str) -> bytes | None:
    """The data of `iri` as one of negotiation.DATA_TYPES; None when the snapshot has nothing about it."""
    triples = triples_of(snapshot, iri)
    if not triples:
        return None
    if media_type == "text/turtle":
        return turtle(triples)
    return json_ld(triples) if media_type == "application/ld+json" else tree(snapshot, iri, triples)
