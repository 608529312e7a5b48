"""Where sources go back to: two that rest on one origin are one, however many repeat it."""

from __future__ import annotations

from collections.abc import Iterable

from pyoxigraph import NamedNode

from kb.ns import MZ, PREFIXES, PROV
from kb.record import owner
from kb.store.local import LocalStore

_PIN = NamedNode(PREFIXES["oa"] + "hasSource")
_ABOVE = (PROV.wasDerivedFrom, PROV.hadPrimarySource, PROV.wasRevisionOf)


def origins(store: LocalStore, sources: Iterable[str]) -> frozenset[str]:
    """The sources at the root of these: each followed back to what it was derived from, made from or revised.

    A place in a source counts as the source. Sources that derive from one another in a circle are one origin, named
    by the first of them. How many there are is how many independent sources are known: what rests on an origin that
    nobody recorded still counts for itself.
    """
    return Derivations(store).origins(sources)


def works(store: LocalStore, source: str) -> set[str]:
    """The whole work that a place in a source is of; a source itself as it is."""
    pinned = {v.value for v in store.objects(NamedNode(source), _PIN)}
    return pinned or {owner(source)}


def cited(store: LocalStore, incident: str) -> dict[str, list[str]]:
    """What the claims about an incident rest on, by the claim's IRI, sorted; claims that cite nothing are left out."""
    here = NamedNode(incident)
    claims = {n.value for n in store.subjects(MZ.about, here)}
    claims |= {n.value for n in store.subjects(MZ.inRecord, here)}
    rests = {c: sorted(v.value for v in store.objects(NamedNode(c), MZ.restsOn)) for c in sorted(claims)}
    return {claim: sources for claim, sources in rests.items() if sources}


class Derivations:
    """The derivations of a store, read as they are needed and remembered: for several questions at once."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._known: dict[str, frozenset[str]] = {}

    def origins(self, sources: Iterable[str]) -> frozenset[str]:
        """See `origins` of this module."""
        found: set[str] = set()
        for source in sources:
            reached = self._reached(source)
            ends = {n for n in reached if all(n in self._reached(m) for m in self._reached(n))}
            found |= {min(self._reached(n)) for n in ends}
        return frozenset(found)

    def _reached(self, node: str) -> frozenset[str]:
        """A node and all that it goes back to."""
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
        return {v.value for p in _ABOVE for v in self._store.objects(NamedNode(node), p) if isinstance(v, NamedNode)}

    def _is_place(self, node: str) -> bool:
        return works(self._store, node) != {node}
