"""Reading for a page: records as nodes with values in the reader's language, remembering what has been shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup
from pyoxigraph import Literal, NamedNode, Triple

from kb.ns import MZ, PREFIXES, PROV, SKOS
from kb.record import owner, system_node
from kb.snapshot import Snapshot
from web.language import Language

Term = NamedNode | Literal
_SILENT = ("mz:inRecord",)  # says only what the page says by being this page


@lru_cache(maxsize=4096)
def expand(curie: str) -> str:
    """The IRI of a prefixed name; KeyError for a prefix that kb.ns does not know."""
    prefix, _, name = curie.partition(":")
    return PREFIXES[prefix] + name


@lru_cache(maxsize=4096)
def shorten(iri: str) -> str:
    """An IRI as a prefixed name where a vocabulary prefix fits, else as it is; the longest prefix wins."""
    fitting = [(len(base), name, base) for name, base in PREFIXES.items() if iri.startswith(base)]
    if not fitting or iri.startswith(PREFIXES["id"]):
        return iri
    _, name, base = max(fitting)
    return f"{name}:{iri[len(base) :]}"


@dataclass(frozen=True, slots=True)
class Text:
    """A text with the language it is in (`""`: not stated) and that of the page; renders itself as HTML."""

    value: str
    language: str
    page: Language

    def __str__(self) -> str:
        return self.value

    def __html__(self) -> str:
        if self.language == self.page.code:
            return Markup("{}").format(self.value)
        if not self.language:
            return Markup('<bdi dir="auto">{}</bdi>').format(self.value)
        direction = "rtl" if self.language in ("ar", "fa", "he", "ur") else "ltr"
        return Markup('<span lang="{}" dir="{}">{}</span>').format(self.language, direction, self.value)


class Node:
    """One subject with its values by prefixed property name. Each accessor marks the property as shown."""

    def __init__(self, iri: str, triples: Iterator[Triple] | list[Triple], language: Language) -> None:
        self.iri = iri
        self.language = language
        self.shown: set[str] = set(_SILENT)
        self._values: dict[str, list[Term]] = {}
        for triple in triples:
            if isinstance(triple.object, NamedNode | Literal):
                self._values.setdefault(shorten(triple.predicate.value), []).append(triple.object)
        for values in self._values.values():
            values.sort(key=str)

    def __bool__(self) -> bool:
        return bool(self._values)

    @property
    def fragment(self) -> str:
        """The part of the IRI after `#`, used as the anchor on the page."""
        return self.iri.partition("#")[2]

    @property
    def record(self) -> str:
        """The record that the node belongs to."""
        return owner(self.iri)

    @property
    def types(self) -> list[str]:
        """The classes as prefixed names."""
        return [shorten(t.value) for t in self.terms("rdf:type")]

    @property
    def properties(self) -> list[str]:
        """All property names, sorted."""
        return sorted(self._values)

    def has(self, name: str) -> bool:
        """Whether there is a value; does not count as showing it."""
        return name in self._values

    def terms(self, name: str) -> list[Term]:
        """The RDF terms of a property, sorted."""
        self.shown.add(name)
        return self._values.get(name, [])

    def iris(self, name: str) -> list[str]:
        """The values that are IRIs."""
        return [t.value for t in self.terms(name) if isinstance(t, NamedNode)]

    def iri_value(self, name: str) -> str:
        """The first value that is an IRI, or an empty string."""
        return next(iter(self.iris(name)), "")

    def concept(self, name: str) -> str:
        """The local name of the first IRI, such as `alleged`."""
        return self.iri_value(name).rpartition("#")[2]

    def texts(self, name: str) -> list[Text]:
        """The literals in the language of the page, and those in others that have no translation."""
        return self.localised([t for t in self.terms(name) if isinstance(t, Literal)])

    def localised(self, literals: list[Literal]) -> list[Text]:
        """Those in the language of the page; the others only where there are more of them, so that none is lost."""
        mine = [t for t in literals if t.language == self.language.code]
        neutral = [t for t in literals if not t.language]
        others = [t for t in literals if t.language and t.language != self.language.code]
        chosen = mine + (others if len(others) > len(mine) else []) + neutral
        return [Text(t.value, t.language or "", self.language) for t in chosen]

    def text(self, name: str) -> Text | None:
        """The first of `texts`."""
        return next(iter(self.texts(name)), None)

    def integer(self, name: str) -> int | None:
        """The first value that is a whole number."""
        for term in self.terms(name):
            if isinstance(term, Literal) and term.value.lstrip("-").isdigit():
                return int(term.value)
        return None

    def remaining(self) -> list[tuple[str, list[Term]]]:
        """The properties that no accessor has been asked for."""
        left = [n for n in self.properties if n not in self.shown]
        if left == ["rdf:type"] and len(self._values) > 1:
            left = []
        return [(n, self._values[n]) for n in left]


class Reader:
    """Reads one snapshot in one language for the length of a request."""

    def __init__(self, snapshot: Snapshot, language: Language) -> None:
        self.snapshot = snapshot
        self.language = language
        self._nodes: dict[str, Node] = {}
        self._labels: dict[str, Text] = {}

    def node(self, iri: str) -> Node:
        """A node with its values; falsy when the snapshot has none."""
        if iri not in self._nodes:
            self._nodes[iri] = Node(iri, self.snapshot.store.node(NamedNode(iri)), self.language)
        return self._nodes[iri]

    def peek(self, iri: str) -> Node:
        """A node to be named, not shown: what is read of it here does not count as shown on the page."""
        return Node(iri, self.snapshot.store.node(NamedNode(iri)), self.language)

    def label(self, iri: str) -> Text:
        """The label of a thing in the language of the page, else in another, else its last path part."""
        if iri not in self._labels:
            found = self.snapshot.labels(iri)
            code = next((c for c in (self.language.code, "en", "ar", *sorted(found)) if c in found), "")
            self._labels[iri] = Text(found.get(code, iri), code, self.language)
        return self._labels[iri]

    def record(self, iri: str) -> dict[str, Node]:
        """The nodes of a record by IRI, sorted; empty when there is none."""
        subjects = self.snapshot.store.subjects(MZ.inRecord, NamedNode(iri))
        return {s: self.node(s) for s in sorted({n.value for n in subjects})}

    def system(self, iri: str) -> Node:
        """What the system says about a record: revision, digest, import."""
        return self.node(system_node(iri).value)

    def earlier(self, iri: str) -> list[Node]:
        """The superseded revisions of a record, newest first."""
        nodes = [self.node(n.value) for n in self.snapshot.store.subjects(PROV.specializationOf, NamedNode(iri))]
        return sorted(nodes, key=lambda n: -(n.integer("mz:revision") or 0))

    def around(self, place: str) -> list[str]:
        """A place of the gazetteer and those that it lies in, inner to outer."""
        chain: list[str] = []
        while place and place not in chain:
            chain.append(place)
            place = self.node(place).iri_value("geo:sfWithin")
        return chain

    def organisations(self, actor: str) -> frozenset[str]:
        """An actor with the organisations that it is part of, up to the State."""
        found, waiting = {actor}, [actor]
        while waiting:
            above = set(self.peek(waiting.pop()).iris("org:subOrganizationOf")) - found
            found |= above
            waiting += above
        return frozenset(found)

    def members(self, scheme: str) -> list[Node]:
        """The concepts of a scheme by IRI."""
        found = self.snapshot.store.subjects(SKOS.inScheme, NamedNode(scheme))
        return [self.node(i) for i in sorted({n.value for n in found})]
