"""Which properties, and which paths over them, the saved questions use: what a columnar copy has to hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from rdflib import URIRef
from rdflib.paths import AlternativePath, MulPath
from rdflib.plugins.sparql import prepareQuery

from kb.query import saved
from kb.query.saved import SavedQuery

KIND = "Dataset"  # the class of the parameter whose value can stand for very many incidents


@dataclass(slots=True)
class Wanted:
    """Properties by IRI, and the sets of properties that a question follows over any number of steps."""

    properties: set[str] = field(default_factory=set)
    chains: set[tuple[str, ...]] = field(default_factory=set)


def about_dataset(question: SavedQuery) -> str:
    """The name of the parameter of a question that says which dataset it looks at; "" without one."""
    slots = question.parameters.values()
    return next((slot.name for slot in slots if slot.kind == "iri" and KIND in slot.of), "")


@cache
def wanted() -> Wanted:
    """What the shipped questions about one dataset use."""
    return of(question.bind({}) for question in saved.every("report") if about_dataset(question))


def of(queries: Iterable[str]) -> Wanted:
    """What these queries use; a path that is not understood adds nothing, and the query is not compiled."""
    found = Wanted()
    for query in queries:
        for node in nodes(prepareQuery(query).algebra):
            for triple in node.get("triples") or ():
                for step in triple[1::3]:
                    _note(step, found)
    return found


def nodes(part: Any) -> Iterator[Any]:
    """Every node of a query's algebra, and of what stands in EXISTS, which stays as it was parsed."""
    if hasattr(part, "name"):
        yield part
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list | tuple | set):
        for inner in part:
            yield from nodes(inner)


def _note(step: object, found: Wanted) -> None:
    if isinstance(step, URIRef):
        found.properties.add(str(step))
    elif isinstance(step, AlternativePath):
        for arg in step.args:
            _note(arg, found)
    elif isinstance(step, MulPath):
        _note(step.path, found)
        links = chain(step.path)
        if links and step.mod in ("*", "+"):
            found.chains.add(links)


def chain(path: object) -> tuple[str, ...]:
    """The properties of a path that is one property or a choice of some, sorted; nothing for any other path."""
    args = path.args if isinstance(path, AlternativePath) else [path]
    return tuple(sorted(str(arg) for arg in args)) if all(isinstance(arg, URIRef) for arg in args) else ()
