"""Where sources go back to: two that rest on one origin are one, however many repeat it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pyoxigraph import Literal, NamedNode

from kb.ns import MZ, PREFIXES, PROV
from kb.record import owner

_PIN = NamedNode(PREFIXES["oa"] + "hasSource")
ABOVE = (PROV.wasDerivedFrom, PROV.hadPrimarySource, PROV.wasRevisionOf)  # from a source to what it goes back to


class Said(Protocol):
    """Where sources are read: a store."""

    def objects(self, subject: NamedNode, predicate: NamedNode) -> list[NamedNode | Literal]:
        """The values of one property of one node."""
        ...

    def subjects(self, predicate: NamedNode, value: NamedNode | Literal) -> list[NamedNode]:
        """The nodes that have this value for this property."""
        ...


def origins(store: Said, sources: Iterable[str]) -> frozenset[str]:
    """The sources at the root of these: each followed back to what it was derived from, made from or revised.

    A place in a source counts as the source. Sources that derive from one another in a circle are one origin, named
    by the first of them. How many there are is how many independent sources are known: what rests on an origin that
    nobody recorded still counts for itself.
    """
    return Derivations(store).origins(sources)


def works(store: Said, source: str) -> set[str]:
    """The whole work that a place in a source is of; a source itself as it is."""
    pinned = {v.value for v in store.objects(NamedNode(source), _PIN)}
    return pinned or {owner(source)}


def cited(store: Said, incident: str) -> dict[str, list[str]]:
    """What the claims about an incident rest on, by the claim's IRI, sorted; claims that cite nothing are left out."""
    here = NamedNode(incident)
    claims = {n.value for n in store.subjects(MZ.about, here)}
    claims |= {n.value for n in store.subjects(MZ.inRecord, here)}
    rests = {c: sorted(v.value for v in store.objects(NamedNode(c), MZ.restsOn)) for c in sorted(claims)}
    return {claim: sources for claim, sources in rests.items() if sources}


class Derivations:
    """The derivations of a store, read as they are needed and remembered: for several questions at once."""

    def __init__(self, store: Said) -> None:
        self._store = store
        self._known: dict[str, frozenset[str]] = {}

    def origins(self, sources: Iterable[str]) -> frozenset[str]:
        """See `origins` of this module."""
        found: set[str] = set()
        for source in sources:
            reached = self.reached(source)
            ends = {n for n in reached if all(n in self.reached(m) for m in self.reached(n))}
            found |= {min(self.reached(n)) for n in ends}
        return frozenset(found)

    def reached(self, node: str) -> frozenset[str]:
        """A source, or the work that a place in it is of, and all that it goes back to."""
        if node not in self._known:
            found, waiting = {node}, [node]
            while waiting:
                above = self._above(waiting.pop()) - found
                found |= above
                waiting += above
            # a place in a source is no source of its own
            self._known[node] = frozenset(n for n in found if not self._is_place(n))
        return self._known[node]

    def _above(self, node: str) -> set[str]:
        if self._is_place(node):
            return works(self._store, node)
        return {v.value for p in ABOVE for v in self._store.objects(NamedNode(node), p) if isinstance(v, NamedNode)}

    def _is_place(self, node: str) -> bool:
        return works(self._store, node) != {node}
