"""Finds known places, actors and provisions by their names or ids, so that rows can point to them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from pyoxigraph import Literal, NamedNode

from kb.ns import ID, MZ, RDF, SKOS
from kb.search import words
from kb.store.local import LocalStore

_REMEMBERED = 8192  # names whose suggestions are remembered


class Known:
    """What a knowledge base knows by name; without a store it knows nothing.

    Kinds are `place/1` (a place of administrative level 1), `actor` and `provision`. An actor that a dataset brought
    in is found by its id only: its name is that dataset's own, and what a row means must not depend on which other
    tables were imported before.
    """

    def __init__(self, store: LocalStore | None) -> None:
        self._found: dict[str, dict[str, str]] = {}
        self._near: dict[tuple[str, str], str] = {}
        for kind, name, iri in _names(store) if store is not None else ():
            self._found.setdefault(kind, {}).setdefault(name, iri)

    def find(self, kind: str, name: str) -> str | None:
        """The IRI of the thing that has this name or id."""
        return self._found.get(kind, {}).get(name if kind == "provision" else _key(name))

    def suggestion(self, kind: str, name: str) -> str:
        """`Did you mean …?` with the id of what has a similar name or id; empty when nothing has."""
        told = self._near.get((kind, name))
        if told is None:  # remembered, since a table repeats its names and comparing one takes milliseconds
            if len(self._near) >= _REMEMBERED:
                self._near.clear()
            told = self._near[kind, name] = self._suggestion(kind, name)
        return told

    def _suggestion(self, kind: str, name: str) -> str:
        known = self._found.get(kind, {})
        asked = name.removeprefix(ID).removeprefix("provision/") if kind == "provision" else _key(name)
        close = difflib.get_close_matches(asked[:100], known, 1, 0.75)
        return f"Did you mean {_id(known[close[0]])}?" if close else ""


def finder(store: LocalStore | None) -> Known:
    """What the knowledge base with this store knows by name."""
    return Known(store)


def _key(name: str) -> str:
    return " ".join(words(name)) or name


def _id(iri: str) -> str:
    return iri.removeprefix(ID).partition("/")[2]


def _names(store: LocalStore) -> Iterator[tuple[str, str, str]]:
    """Kind, name as it is compared, and IRI; where two share a name, the first by IRI has it."""
    for place in sorted(store.subjects(RDF.type, MZ.Place), key=str):
        for level in store.objects(place, MZ.adminLevel):
            for name in [*_ids(place), *_labels(store, place)]:
                yield f"place/{level.value}", _key(name), place.value
    for actor in sorted(store.subjects(RDF.type, MZ.Actor), key=str):
        local = bool(store.objects(actor, MZ.inDataset))
        for name in [*_ids(actor), *(() if local else _labels(store, actor))]:
            yield "actor", _key(name), actor.value
    for provision in sorted(store.subjects(RDF.type, MZ.Provision), key=str):
        yield "provision", _id(provision.value), provision.value


def _ids(node: NamedNode) -> tuple[str, str]:
    return _id(node.value), node.value.removeprefix(ID)


def _labels(store: LocalStore, node: NamedNode) -> Iterator[str]:
    for predicate in (SKOS.prefLabel, SKOS.altLabel, SKOS.notation):
        for value in store.objects(node, predicate):
            if isinstance(value, Literal):
                yield value.value
