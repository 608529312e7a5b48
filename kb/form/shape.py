"""Reads the node shapes of a class as the fields of a form; what a shape says of a property is all that is known of it.

Names and rules in both languages come from `sh:name` and `sh:message`, help from the definition of the property,
choices from the schemes and classes that the shape allows, the order from `sh:order`. A property without an order is
asked for last, since nobody thought that a person would often give it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Store

from kb import paths, vocabulary
from kb.ns import EDTF, GEO, MZ_BASE, PREFIXES, RDF, SCHEME, SKOS, XSD

_SH = PREFIXES["sh"]
_SCHEME = re.compile(re.escape(SCHEME) + r"([a-z-]+)#")
_LAST = 1000.0
# Nodes of these classes stand inside the record that names them: they are parts of its form, not things to choose.
_PARTS = {MZ_BASE + "ReportedPlace": "place", GEO.Geometry.value: "geometry"}
Words = dict[str, str]
"""A text by language."""


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a class as a field.

    `kind` is code (concepts of `schemes`), choice (one of `choices`), words (a text in each of `languages`), number,
    date (EDTF), text, link (a web address), thing (a record of one of `classes`), part (a node of its own, by `part`).
    `least` and `most` are the fewest and the most values; `most` 0 is no limit. Of `languages`, those in `needed`
    cannot be left out.
    """

    path: str
    kind: str
    order: float
    names: Words
    help: Words
    rule: Words
    least: int = 0
    most: int = 0
    datatype: str = ""
    schemes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    fragment: str = ""
    part: Form | None = None

    @property
    def usual(self) -> bool:
        """Whether it belongs to what most people fill in."""
        return self.least > 0 or self.order < _LAST


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a class, in their order; names and definition of the class."""

    of: str
    names: Words
    help: Words
    fields: tuple[Field, ...] = field(default=())

    def at(self, path: str) -> Field | None:
        """The field of a property."""
        return next((f for f in self.fields if f.path == path), None)


@lru_cache
def form_of(of: str) -> Form:
    """The form of a class, by its IRI; without fields where no shape speaks of it."""
    store = _shapes()
    shapes = [q.subject for q in store.quads_for_pattern(None, _sh("targetClass"), NamedNode(of))]
    grouped: dict[str, list[NamedNode | BlankNode]] = {}
    for shape in shapes:
        for given in _all(store, shape, "property"):
            path = _one(store, given, "path")
            if isinstance(path, NamedNode):
                grouped.setdefault(path.value, []).append(given)
    fields = sorted((_field(store, path, given) for path, given in grouped.items()), key=lambda f: (f.order, f.path))
    return Form(of, _words(store, of, SKOS.prefLabel), _words(store, of, SKOS.definition), tuple(fields))


@lru_cache
def _shapes() -> Store:
    store = Store()
    for path in (*sorted((paths.shipped("ontology") / "shapes").glob("*.ttl")), *vocabulary.term_files()):
        store.load(path=str(path), format=RdfFormat.TURTLE)
    return store


def _field(store: Store, path: str, given: list[NamedNode | BlankNode]) -> Field:
    """One field out of all property shapes of a class about one property: each adds what it asks."""
    first = min(given, key=lambda g: (_one(store, g, "order") is None, _one(store, g, "lessThanOrEquals") is not None))
    least = max(_count(store, g, "minCount") or _count(store, g, "qualifiedMinCount") for g in given)
    most = [n for g in given if (n := _count(store, g, "maxCount"))]
    order = _one(store, first, "order")
    asked = _asked(store, given)
    return Field(
        path, str(asked.pop("kind")), float(order.value) if isinstance(order, Literal) else _LAST,
        _spoken(store, first, "name"), _words(store, path, SKOS.definition), _spoken(store, first, "message"),
        least, min(most, default=0), **asked,  # type: ignore[arg-type]
    )  # fmt: skip


def _asked(store: Store, given: list[NamedNode | BlankNode]) -> dict[str, object]:
    """What kind of values a property takes, with the options of that kind."""
    def one(name: str) -> object:
        return next((v for g in given if (v := _one(store, g, name)) is not None), None)

    classes = tuple(sorted(c for g in given for c in _classes(store, g)))
    pattern, datatype, members = one("pattern"), one("datatype"), one("in")
    scheme = _SCHEME.search(pattern.value.replace("\\", "")) if isinstance(pattern, Literal) else None
    languages = one("languageIn")
    if languages is not None:
        spoken = _tags(store, languages)
        every = any(_count(store, g, "minCount") >= len(spoken) for g in given)
        special = one("qualifiedValueShape")
        inner = _one(store, special, "languageIn") if special is not None else None
        needed = spoken if every else _tags(store, inner) if inner is not None else ()
        return {"kind": "words", "languages": spoken, "needed": needed}
    if SKOS.Concept.value in classes:
        return {"kind": "code", "schemes": (scheme[1],) if scheme else ()}
    if members is not None:
        told = tuple(str(getattr(v, "value", "")) for v in _list(store, members))
        return {"kind": "choice", "choices": told, "datatype": getattr(datatype, "value", "")}
    if len(classes) == 1 and classes[0] in _PARTS:
        return {"kind": "part", "fragment": _PARTS[classes[0]], "part": form_of(classes[0]), "classes": classes}
    if isinstance(datatype, NamedNode):
        kinds = {XSD.integer: "number", EDTF.EDTF: "date"}
        return {"kind": kinds.get(datatype, "text"), "datatype": datatype.value}
    node_kind = one("nodeKind")
    if classes or (isinstance(node_kind, NamedNode) and node_kind == _sh("IRI") and pattern is None):
        return {"kind": "thing", "classes": classes}
    if isinstance(node_kind, NamedNode) and node_kind == _sh("IRI"):
        return {"kind": "link"}
    return {"kind": "text", "datatype": XSD.string.value}


def _tags(store: Store, head: object) -> tuple[str, ...]:
    """The languages of a list."""
    return tuple(str(getattr(value, "value", "")) for value in _list(store, head))


def _classes(store: Store, shape: NamedNode | BlankNode) -> Iterator[str]:
    """The classes that a value may have: the one asked for, or those of which `sh:or` asks one."""
    yield from (c.value for c in _all(store, shape, "class") if isinstance(c, NamedNode))
    either = _one(store, shape, "or")
    for member in _list(store, either) if either is not None else ():
        if isinstance(member, NamedNode | BlankNode):
            yield from _classes(store, member)


def _sh(name: str) -> NamedNode:
    return NamedNode(_SH + name)


def _all(store: Store, node: object, name: str) -> list[NamedNode | BlankNode]:
    found = [q.object for q in store.quads_for_pattern(node, _sh(name), None)]  # type: ignore[arg-type]
    return [v for v in found if isinstance(v, NamedNode | BlankNode)]


def _one(store: Store, node: object, name: str) -> NamedNode | BlankNode | Literal | None:
    for quad in store.quads_for_pattern(node, _sh(name), None):  # type: ignore[arg-type]
        if isinstance(quad.object, NamedNode | BlankNode | Literal):
            return quad.object
    return None


def _list(store: Store, head: object) -> Iterator[object]:
    first, rest = NamedNode(RDF.base + "first"), NamedNode(RDF.base + "rest")
    while True:
        quads = list(store.quads_for_pattern(head, first, None))  # type: ignore[arg-type]
        if not quads:
            return
        yield quads[0].object
        head = next(iter(store.quads_for_pattern(head, rest, None))).object  # type: ignore[arg-type]


def _count(store: Store, node: object, name: str) -> int:
    found = _one(store, node, name)
    return int(found.value) if isinstance(found, Literal) else 0


def _spoken(store: Store, node: object, name: str) -> Words:
    quads = store.quads_for_pattern(node, _sh(name), None)  # type: ignore[arg-type]
    return {q.object.language or "en": q.object.value for q in quads if isinstance(q.object, Literal)}


def _words(store: Store, iri: str, predicate: NamedNode) -> Words:
    quads = store.quads_for_pattern(NamedNode(iri), predicate, None)
    return {q.object.language or "en": q.object.value for q in quads if isinstance(q.object, Literal)}
