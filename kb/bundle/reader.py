"""Nodes as a page shows them in one language: names of properties, values with labels, and references by number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pyoxigraph import NamedNode

from kb.bundle.facts import Facts, G, M, O, S, Text, terms, visible
from kb.bundle.wording import Wording

_WEB = re.compile(r"https?://[^\s<>\"]+")
_POINT = re.compile(r"POINT ?\((-?[\d.]+) (-?[\d.]+)\)")
_MARKS = {"verified": "✓", "partly-verified": "◐", "unverified": "○"}


@dataclass(frozen=True, slots=True)
class Value:
    """Words on the page: `language` if it is not the page's, `href` an anchor of the page or a web address.

    `number` is what the page calls the thing (S1, C2); it stands outside the words, which may run the other way.
    """

    text: str
    language: str = ""
    href: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A property with its values."""

    name: Value
    values: list[Value]


@dataclass(frozen=True, slots=True)
class Mark:
    """How a statement was checked: a sign, the scheme's word for it, the local name for the style, and the basis."""

    sign: str
    word: Value
    name: str
    basis: str


class Reader:
    """Turns the nodes of `facts` into values for readers of `language`."""

    def __init__(self, facts: Facts, language: str) -> None:
        self.facts = facts
        self.language = language
        self.words = Wording(language)
        self.numbers: dict[str, tuple[str, str]] = {}  # what a node is called on this page, and its anchor

    def value(self, text: Text, href: str = "") -> Value:
        """Words as a value; control and override characters are spelt out."""
        language = text.language if text.language != self.language else ""
        return Value(visible(text.value), language, href)

    def name(self, predicate: NamedNode) -> Value:
        """The label of a property: the ontology's, or for borrowed properties our word."""
        iri = predicate.value
        if terms().knows(iri):
            return self.value(terms().label(iri, self.language))
        return Value(self.words.property(re.split(r"[#/]", iri)[-1]))

    def label(self, node: str) -> Value:
        """The label of a node, with its number where the page has one; unknown ones by IRI, a link if on the web."""
        number, anchor = self.numbers.get(node, ("", ""))
        if not self.facts.knows(node):
            return Value(visible(node), "", node if _WEB.fullmatch(node) else "")
        label = self.value(self.facts.label(node, self.language), f"#{anchor}" if anchor else "")
        return replace(label, number=number)

    def reference(self, node: str) -> Value:
        """A claim by its number alone; anything without a number by its label."""
        number, anchor = self.numbers.get(node, ("", ""))
        return Value("", "", f"#{anchor}", number) if number else self.label(node)

    def rows(self, node: str, predicates: Iterable[NamedNode]) -> list[Row]:
        """Those of the properties that the node has, in the order given."""
        found = [Row(self.name(p), self.values(node, p)) for p in predicates]
        return [row for row in found if row.values]

    def values(self, node: str, predicate: NamedNode) -> list[Value]:
        """The values of a property: things by label, literals in the page's language where there is a choice."""
        things = [self._thing(v.value) for v in self.facts.values(node, predicate) if isinstance(v, NamedNode)]
        return [*things, *(self.value(t) for t in self.facts.texts(node, predicate, self.language))]

    def _thing(self, iri: str) -> Value:
        source = self.facts.first(iri, O.hasSource)
        if source:
            return self._pin(iri, source)
        if self.facts.values(iri, M.claimant):
            return self.reference(iri)
        return self.label(iri)

    def _pin(self, iri: str, source: str) -> Value:
        """A place in a source: its label and the character positions."""
        selector = self.facts.first(iri, O.hasSelector)
        start, end = (visible(self.facts.first(selector, p)) for p in (O.start, O.end))
        whole = self.label(source)
        where = self.words.filled("characters", start, end)
        return replace(whole, text=f"{whole.text} ({where})") if start else whole

    def mark(self, node: str) -> Mark | None:
        """How the node was checked, None when it does not say."""
        status = self.facts.first(node, M.verification)
        if not status:
            return None
        name = status.rpartition("#")[2]
        basis = "; ".join(t.value for t in self.facts.texts(node, M.verificationBasis, self.language))
        return Mark(_MARKS.get(name, "?"), self.label(status), name, visible(basis))

    def span(self, node: str) -> Value | None:
        """The earliest and latest moment of an incident in words."""
        first = self.facts.first(node, S.hasEarliestBeginTimeStamp)
        last = self.facts.first(node, S.hasLatestEndTimeStamp)
        return Value(self.words.filled("between", visible(first), visible(last))) if first and last else None

    def coordinates(self, place: str) -> Value | None:
        """The point of a place as latitude and longitude; other geometries as their WKT."""
        wkt = self.facts.first(self.facts.first(place, G.hasGeometry), G.asWKT)
        point = _POINT.fullmatch(wkt)
        if point:
            return Value(self.words.filled("latitude_longitude", point[2], point[1]))
        return Value(visible(wkt)) if wkt else None

    def figure(self, estimate: str) -> Value:
        """The numbers of a casualty estimate in words: a range, a bound, or one number; never a computed one."""
        low, high, best = (visible(self.facts.first(estimate, p)) for p in (M.minimum, M.maximum, M.best))
        if low and high:
            text = low if low == high else self.words.filled("range", low, high)
        elif low or high:
            text = self.words.filled("least", low) if low else self.words.filled("most", high)
        else:
            return Value(best or self.words["no_figure"])
        return Value(self.words.filled("best_is", text, best) if best and best != text else text)

    def joined(self, node: str, predicates: Sequence[NamedNode]) -> Value:
        """The concepts of some properties in one line, such as harm, category, age and sex of those counted."""
        parts = [v.text for p in predicates for v in self.values(node, p)]
        return Value(" · ".join(parts))
