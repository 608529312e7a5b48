"""What an incident's document takes from other records: what lies around, what things are called, who else claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from pyoxigraph import Literal, NamedNode, Triple

from kb.canonical import Nodes, plain
from kb.ns import ELI, GEO, MZ, OA, ORG, RDF, SCHEME, SKOS
from kb.origin import ABOVE, Derivations
from kb.record import SYSTEM_FRAGMENT, owner
from kb.search.text import distinct

_AROUND = {
    "place": GEO.sfWithin, "actor": ORG.subOrganizationOf, "provision": ELI.is_part_of, "": SKOS.broader,
}  # fmt: skip
_NAMES = (SKOS.prefLabel, SKOS.altLabel)
TRACED = frozenset(p.value for p in (*ABOVE, OA.hasSource))  # how a source record says what it goes back to
TAKEN = TRACED | {p.value for p in (*_AROUND.values(), *_NAMES, MZ.ofInstrument, ORG.classification)}


class Known(Protocol):
    """Where the rest of the knowledge base is read while a record is indexed: the store, brought level before."""

    def objects(self, subject: NamedNode, predicate: NamedNode) -> list[NamedNode | Literal]:
        """The values of one property of one node."""
        ...

    def subjects(self, predicate: NamedNode, value: NamedNode | Literal) -> list[NamedNode]:
        """The nodes that have this value for this property."""
        ...

    def node(self, subject: NamedNode) -> Iterator[Triple]:
        """All triples about one node."""
        ...

    def record(self, iri: str) -> list[Triple]:
        """The triples of one record."""
        ...

    def segment_of(self, iri: str) -> int:
        """The ledger segment of the present revision of a record, 0 when there is none."""
        ...


class _Nothing:
    """A store that says nothing."""

    def objects(self, subject: NamedNode, predicate: NamedNode) -> list[NamedNode | Literal]:
        return []

    def subjects(self, predicate: NamedNode, value: NamedNode | Literal) -> list[NamedNode]:
        return []


class Reference:
    """Look-ups during one update of the index, each made once. Without `known`, things stand for themselves alone."""

    def __init__(self, known: Known | None) -> None:
        self.known = known
        self._chains: dict[str, tuple[str, ...]] = {}
        self._words: dict[str, frozenset[str]] = {}
        self._made: dict[tuple[str, str], tuple[str, ...]] = {}
        self._single: dict[tuple[str, str], str] = {}
        self.derivations = Derivations(known or _Nothing())

    def chain(self, iri: str) -> tuple[str, ...]:
        """A thing and all that lie around it or are broader, inner to outer, whichever way it is described."""
        if iri not in self._chains:
            found, todo = [], [iri]
            kind = "" if iri.startswith(SCHEME) else iri.partition("/id/")[2].partition("/")[0]
            while todo:
                at = todo.pop(0)
                if at not in found:
                    found.append(at)
                    todo += self._values(at, _AROUND.get(kind, SKOS.broader))
            # a provision may be part of an instrument, which is another facet
            self._chains[iri] = tuple(i for i in found if kind != "provision" or "/id/provision/" in i)
        return self._chains[iri]

    def remember(self, key: tuple[str, str], make: Callable[[], Iterable[str]]) -> tuple[str, ...]:
        """What was made for a key before, or is made now."""
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = tuple(make())
        return found

    def instrument(self, provision: str) -> str:
        """The instrument of a provision; the thing itself where it is none."""
        return self.one(provision, MZ.ofInstrument) or provision

    def one(self, iri: str, predicate: NamedNode) -> str:
        """The first IRI that a node has for a property, or an empty string."""
        key = (iri, predicate.value)
        if key not in self._single:
            self._single[key] = min(self._values(iri, predicate), default="")
        return self._single[key]

    def words(self, iris: Iterable[str]) -> frozenset[str]:
        """The words of all names of these things and of what lies around them, in every language."""
        found: set[str] = set()
        for iri in iris:
            if iri not in self._words:
                names = [n for at in self.chain(iri) for n in self._names(at)]
                self._words[iri] = distinct(names)
            found |= self._words[iri]
        return frozenset(found)

    def claims(self, iri: str, nodes: Nodes) -> frozenset[str]:
        """Add to `nodes` the claims that other records make about an incident; these records.

        Claims that another record tells of the same event say nothing of the event, and are left out.
        """
        if self.known is None:
            return frozenset()
        about = (n for n in self.known.subjects(MZ.about, NamedNode(iri)) if owner(n.value) != iri)
        foreign = [n for n in about if MZ.EventIdentity not in self.known.objects(n, RDF.type)]
        plain((t for n in foreign for t in self.known.node(n)), nodes)
        return frozenset(owner(n.value) for n in foreign)

    def profile(self, iri: str) -> str:
        """The name of the profile that an incident is screened by; empty when there is none."""
        return self.one(f"{iri}#{SYSTEM_FRAGMENT}", MZ.hasProfile).rpartition("/")[2]

    def segment(self, iri: str, otherwise: int) -> int:
        """The ledger segment in which a record was last written."""
        return (self.known.segment_of(iri) if self.known is not None else 0) or otherwise

    def _names(self, iri: str) -> list[str]:
        if self.known is None:
            return []
        node = NamedNode(iri)
        return [v.value for p in _NAMES for v in self.known.objects(node, p) if isinstance(v, Literal)]

    def _values(self, iri: str, predicate: NamedNode) -> list[str]:
        if self.known is None:
            return []
        return sorted(v.value for v in self.known.objects(NamedNode(iri), predicate) if isinstance(v, NamedNode))
