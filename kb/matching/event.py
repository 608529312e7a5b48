"""What an incident's record says that can be compared with another: time, place, names, numbers killed, object."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from pyoxigraph import Literal, NamedNode, Triple

from kb.matching.name import names
from kb.ns import DCTERMS, GEO, MZ, RDF, SCHEME, SEM, SKOS
from kb.record import subject
from kb.store.local import LocalStore

LONGEST = 31  # days: a date less exact than a month tells too little
Progress = Callable[[int, int], None]
"""Called with how many incidents are read, and how many there are."""
_WIDE = frozenset(
    f"{SCHEME}place-precision#{code}" for code in
    ("country", "district", "fuzzy-line-or-area", "governorate", "international")
)  # fmt: skip
_UNTOLD = frozenset(f"{SCHEME}object-hit#{code}" for code in ("unspecified", "town-or-village"))
_KILLED = NamedNode(f"{SCHEME}harm#killed")
_POINT = re.compile(r"POINT\((-?[\d.]+) (-?[\d.]+)\)")


@dataclass(frozen=True, slots=True)
class Event:
    """One incident, comparable. Days are local; the point is missing where only a wide area is known.

    `killed` has, by claimant, the lowest and the highest number given for all who were killed; parts of a whole
    (children, one side's dead) are left aside. `keeper` is who publishes the dataset.
    """

    iri: str
    dataset: str
    first: date
    last: date
    point: tuple[float, float] | None
    labels: dict[str, str]
    names: tuple[str, ...]
    killed: dict[str, tuple[int, int]]
    objects: frozenset[str]
    keeper: str = ""

    def toll(self, apart_from: str) -> tuple[int, int] | None:
        """The span of the numbers killed, without those that it took from the keeper of the other dataset.

        A record that repeats the other's number agrees with it, but that says nothing of the event.
        """
        numbers = [n for claimant, span in self.killed.items() if claimant != apart_from for n in span]
        return (min(numbers), max(numbers)) if numbers else None


def read(store: LocalStore, progress: Progress = lambda done, of: None) -> Iterator[Event]:
    """The incidents of a store that have a dataset and a date exact enough, sorted by IRI."""
    broader, keepers = _broader(store), _keepers(store)
    nodes = sorted(node.value for node in store.subjects(RDF.type, MZ.Incident))
    for done, iri in enumerate(nodes, 1):
        if (event := _event(NamedNode(iri), store.record(iri), broader, keepers)) is not None:
            yield event
        progress(done, len(nodes))


def _event(
    node: NamedNode, triples: list[Triple], broader: dict[str, str], keepers: dict[str, str]
) -> Event | None:
    nodes: dict[str, list[Triple]] = {}
    for triple in triples:
        nodes.setdefault(subject(triple), []).append(triple)
    own = nodes.get(node.value, [])
    dataset, start, end = (_first(own, p) for p in (MZ.inDataset, SEM.hasEarliestBeginTimeStamp,
                                                     SEM.hasLatestEndTimeStamp))  # fmt: skip
    if not (dataset and start and end):
        return None
    first, last = date.fromisoformat(start[:10]), date.fromisoformat(end[:10])
    if not 0 <= (last - first).days < LONGEST:
        return None
    place = nodes.get(_first(own, MZ.place), [])
    labels = {t.object.language or "en": t.object.value for t in place
              if t.predicate == SKOS.prefLabel and isinstance(t.object, Literal)}  # fmt: skip
    called = tuple(dict.fromkeys(name for tag in sorted(labels) for name in names(labels[tag])))
    objects = {o for t in own if t.predicate == MZ.objectHit for o in _up(_value(t), broader)} - _UNTOLD
    return Event(node.value, dataset, first, last, _point(place, nodes), labels, called, _killed(nodes),
                 frozenset(objects), keepers.get(dataset, ""))  # fmt: skip


def _point(place: list[Triple], nodes: dict[str, list[Triple]]) -> tuple[float, float] | None:
    """Latitude and longitude, unless the record says that they stand for a wide area."""
    if _first(place, MZ.placePrecision) in _WIDE:
        return None
    found = _POINT.match(_first(nodes.get(_first(place, GEO.hasGeometry), []), GEO.asWKT))
    return (float(found[2]), float(found[1])) if found else None


def _killed(nodes: dict[str, list[Triple]]) -> dict[str, tuple[int, int]]:
    found: dict[str, list[int]] = {}
    for triples in nodes.values():
        if not any(t.object == _KILLED for t in triples) or any(t.predicate == MZ.subsetOf for t in triples):
            continue
        numbers = [int(_value(t)) for t in triples if t.predicate in (MZ.minimum, MZ.best, MZ.maximum)]
        found.setdefault(_first(triples, MZ.claimant), []).extend(numbers)
    return {claimant: (min(numbers), max(numbers)) for claimant, numbers in sorted(found.items()) if numbers}


def _keepers(store: LocalStore) -> dict[str, str]:
    return {subject(t): _value(t) for t in store.triples(DCTERMS.publisher)}


def _broader(store: LocalStore) -> dict[str, str]:
    start = f"{SCHEME}object-hit#"
    return {subject(t): _value(t) for t in store.triples(SKOS.broader) if subject(t).startswith(start)}


def _up(concept: str, broader: dict[str, str]) -> Iterator[str]:
    """A concept and those above it."""
    seen: set[str] = set()
    while concept and concept not in seen:
        seen.add(concept)
        yield concept
        concept = broader.get(concept, "")


def _first(triples: list[Triple], predicate: NamedNode) -> str:
    return min((_value(t) for t in triples if t.predicate == predicate), default="")


def _value(triple: Triple) -> str:
    assert isinstance(triple.object, NamedNode | Literal)
    return triple.object.value
