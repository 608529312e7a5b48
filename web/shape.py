"""The shapes that records are checked by, as pages need them: read from the files that ship with the software."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse, serialize

from kb import paths
from kb.ns import PREFIXES, RDF, SHAPE
from web.reading import shorten

_FIRST, _REST = (RDF.base + name for name in ("first", "rest"))


@dataclass(slots=True)
class Shape:
    """One node of a shapes file: its IRI (empty for one without a name) and its values by prefixed property name.

    A value is a term, a tuple for a list, or another Shape for a node without a name.
    """

    iri: str
    values: dict[str, list[NamedNode | Literal | tuple[object, ...] | Shape]] = field(default_factory=dict)

    @property
    def fragment(self) -> str:
        """The part of the IRI after `#`."""
        return self.iri.partition("#")[2]

    def named(self, name: str) -> list[str]:
        """The values of a property that are IRIs."""
        return [v.value for v in self.values.get(name, []) if isinstance(v, NamedNode)]

    def texts(self, name: str, language: str) -> list[str]:
        """The texts of a property in a language, or in English where there is none."""
        found = [v for v in self.values.get(name, []) if isinstance(v, Literal)]
        mine = [v.value for v in found if v.language == language]
        return mine or [v.value for v in found if v.language in ("en", None)]

    @property
    def checks_nodes(self) -> bool:
        """Whether it is a shape of whole nodes and not of one property."""
        return PREFIXES["sh"] + "NodeShape" in self.named("rdf:type")


def names() -> list[str]:
    """The modules of shapes."""
    return sorted(path.stem for path in _folder().glob("*.ttl"))


def serialised(name: str, media_type: str) -> bytes | None:
    """A module of shapes in RDF, as it ships; None where there is none of that name."""
    if name not in names():
        return None
    if media_type == "text/turtle":
        return _path(name).read_bytes()
    return serialize(list(_triples(name)), format=RdfFormat.JSON_LD, prefixes=None)


@lru_cache(maxsize=16)
def module(name: str) -> tuple[Shape, ...]:
    """The nodes with a name of one module, by IRI; empty where there is none of that name."""
    if name not in names():
        return ()
    held: dict[str, list[Triple]] = {}
    for triple in _triples(name):
        held.setdefault(str(triple.subject), []).append(triple)
    subjects = sorted({t.subject.value for group in held.values() for t in group if isinstance(t.subject, NamedNode)})
    return tuple(_shape(f"<{iri}>", iri, held) for iri in subjects)


def checking() -> dict[str, list[str]]:
    """The shapes of whole nodes by the class that they check."""
    found: dict[str, list[str]] = {}
    for name in names():
        for one in module(name):
            for target in one.named("sh:targetClass"):
                found.setdefault(target, []).append(one.iri)
    return found


def _shape(key: str, iri: str, held: dict[str, list[Triple]]) -> Shape:
    made = Shape(iri)
    for triple in held.get(key, []):
        value: NamedNode | Literal | tuple[object, ...] | Shape
        if isinstance(triple.object, BlankNode):
            value = _unnamed(str(triple.object), held)
        else:
            assert isinstance(triple.object, NamedNode | Literal)
            value = triple.object
        made.values.setdefault(shorten(triple.predicate.value), []).append(value)
    for values in made.values.values():
        values.sort(key=str)
    made.values = dict(sorted(made.values.items()))
    return made


def _unnamed(key: str, held: dict[str, list[Triple]]) -> tuple[object, ...] | Shape:
    """A list as a tuple, or a node without a name."""
    said = {t.predicate.value: t.object for t in held.get(key, [])}
    if _FIRST not in said:
        return _shape(key, "", held)
    items: list[object] = []
    while _FIRST in said:
        item = said[_FIRST]
        items.append(_unnamed(str(item), held) if isinstance(item, BlankNode) else item)
        said = {t.predicate.value: t.object for t in held.get(str(said[_REST]), [])}
    return tuple(items)


def _triples(name: str) -> list[Triple]:
    return [quad.triple for quad in parse(path=str(_path(name)), format=RdfFormat.TURTLE)]


def _folder() -> Path:
    return paths.shipped("ontology") / "shapes"


def _path(name: str) -> Path:
    return _folder() / f"{name}.ttl"


def iri_of(name: str) -> str:
    """The IRI of a module of shapes."""
    return SHAPE + name
