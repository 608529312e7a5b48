"""The triples of one record, or of a few that need each other, ready to be asked by node and predicate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pyoxigraph import Triple

from kb.ns import RDF, RDFS
from kb.record import owner
from kb.validation.term import is_normal, normal

Types = Mapping[str, Sequence[str]]
"""The classes of nodes that stand elsewhere; nodes and classes spelled as in N-Triples, `<…>`."""
TYPE = str(RDF.type)
ABOVE = str(RDFS.subClassOf)
_KIND = re.compile(rf"^(<[^>]*>) {re.escape(TYPE)} (<[^>]*>) \.$", re.M)
Properties = dict[str, list[str]]


def types_in(text: str) -> dict[str, list[str]]:
    """The classes of the nodes of a record, from its canonical N-Triples."""
    found: dict[str, list[str]] = {}
    for subject, kind in _KIND.findall(text):
        found.setdefault(subject, []).append(kind)
    return found


def types_of(triples: Iterable[Triple]) -> dict[str, list[str]]:
    """The same from triples that give nothing but classes."""
    found: dict[str, list[str]] = {}
    for triple in triples:
        found.setdefault(str(triple.subject), []).append(str(triple.object))
    return found


def record_of(term: str) -> str:
    """The record that an IRI (as `<…>`) belongs to, without brackets."""
    return term[1:-1].partition("#")[0]


class Facts:
    """What canonical N-Triples `text` says, and of the nodes that stand elsewhere their classes and nothing more."""

    __slots__ = ("_sources", "above", "foreign", "nodes", "plural")

    def __init__(self, text: str, foreign: Types) -> None:
        self.nodes: dict[str, Properties] = {}
        self.foreign = foreign
        self.plural: set[str] = set()  # nodes that have several values of some predicate
        self._sources: dict[str, dict[str, list[str]]] | None = None
        nodes, last, properties = self.nodes, "", {}
        for line in text.split(" .\n"):  # no literal has a line break, so this ends a triple and nothing else
            if not line:
                continue
            subject, predicate, value = line.split(" ", 2)
            if value[0] == '"' and not is_normal(value):
                value = normal(value)
            if subject != last:
                properties = nodes.setdefault(subject, {})
                last = subject
            if predicate not in properties:
                properties[predicate] = [value]
            elif value not in properties[predicate]:  # two spellings of one literal are one value
                properties[predicate].append(value)
                self.plural.add(subject)
        self.above = any(ABOVE in p for p in nodes.values()) if ABOVE in text else False

    def owners(self) -> set[str]:
        """The records whose nodes are described here."""
        return {owner(node[1:-1]) for node in self.nodes}

    def properties(self, node: str) -> Mapping[str, Sequence[str]]:
        """All that is known of a node, by predicate."""
        own = self.nodes.get(node)
        if own is not None:
            return own
        kinds = self.foreign.get(node)
        return {TYPE: kinds} if kinds else {}

    def values(self, node: str, predicate: str) -> Sequence[str]:
        """The objects of a node's triples with this predicate."""
        own = self.nodes.get(node)
        if own is not None:
            return own.get(predicate, ())
        return self.foreign.get(node, ()) if predicate == TYPE else ()

    def sources(self, predicate: str, value: str) -> Sequence[str]:
        """The subjects of the triples with this predicate and object."""
        if self._sources is None:
            self._sources = {}
            for node, properties in self.nodes.items():
                for name, values in properties.items():
                    index = self._sources.setdefault(name, {})
                    for found in values:
                        index.setdefault(found, []).append(node)
        return self._sources.get(predicate, {}).get(value, ())

    def classes(self, node: str) -> Sequence[str]:
        """The classes of a node, with those above them when the record itself says what stands above what."""
        own = self.nodes.get(node)
        kinds = self.foreign.get(node, ()) if own is None else own.get(TYPE, ())
        if not self.above:
            return kinds
        found = dict.fromkeys(kinds)
        pending = list(kinds)
        while pending:
            for above in self.values(pending.pop(), ABOVE):
                if above not in found:
                    found[above] = None
                    pending.append(above)
        return list(found)
