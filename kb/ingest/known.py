"""Finds known places and actors by any of their names, so that rows can point to them."""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import Literal, NamedNode

from kb.ingest.build import Finder
from kb.ns import ID, MZ, RDF, SKOS
from kb.search import words
from kb.store.local import LocalStore


def finder(store: LocalStore | None) -> Finder:
    """A finder over the places and actors of a store; without a store it finds nothing."""
    found = dict(_names(store)) if store is not None else {}

    def find(kind: str, name: str) -> str | None:
        return found.get((kind, _key(name)))

    return find


def _key(name: str) -> str:
    return " ".join(words(name))


def _names(store: LocalStore) -> Iterator[tuple[tuple[str, str], str]]:
    for place in store.subjects(RDF.type, MZ.Place):
        for level in store.objects(place, MZ.adminLevel):
            for name in _labels(store, place):
                yield (f"place/{level.value}", _key(name)), place.value
    for actor in sorted(store.subjects(RDF.type, MZ.Actor), key=lambda node: node.value, reverse=True):
        for name in _labels(store, actor):
            yield ("actor", _key(name)), actor.value


def _labels(store: LocalStore, node: NamedNode) -> Iterator[str]:
    yield node.value.removeprefix(ID).partition("/")[2]
    yield node.value.removeprefix(ID)
    for predicate in (SKOS.prefLabel, SKOS.altLabel, SKOS.notation):
        for value in store.objects(node, predicate):
            if isinstance(value, Literal):
                yield value.value
