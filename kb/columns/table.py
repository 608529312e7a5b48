"""Reads a columnar copy: which tables it has, and which number a term has or would have among its terms."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rdflib import XSD, Literal, URIRef

from kb.columns.build import BITS, FORMAT
from kb.columns.relation import NotCompiled, Value

if TYPE_CHECKING:
    import duckdb

_OWN = 1001  # from here on the last bits of a number are free for constants of a query


@dataclass(frozen=True, slots=True)
class Family:
    """The range of numbers of a family; whether some of its terms have equal values, or texts not understood."""

    low: int
    high: int
    ties: bool
    odd: bool


@dataclass(slots=True)
class Tables:
    """The copy behind a connection; constants that a query brings along are remembered by number, as N-Triples."""

    base: duckdb.DuckDBPyConnection
    properties: dict[str, dict[str, object]] = field(default_factory=dict)
    chains: dict[str, str] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    brought: dict[int, str] = field(default_factory=dict)

    def read(self) -> Tables:
        """Read what the copy says of itself."""
        said = json.loads(self.base.execute("SELECT said FROM about").fetchall()[0][0])
        if said["format"] != FORMAT:
            raise NotCompiled("columns of another version")
        self.properties, self.chains = said["properties"], said["chains"]
        for name, *rest in self.base.execute("SELECT family, low, high, ties, odd FROM families").fetchall():
            self.families[name] = Family(*rest)
        return self

    def pairs(self, iri: str) -> tuple[str, frozenset[str]]:
        """The table of a property, and the families of its values."""
        if iri not in self.properties:
            raise NotCompiled(f"the property {iri}")
        about = self.properties[iri]
        families = about["families"]
        assert isinstance(families, list)
        return str(about["table"]), frozenset(families)

    def constant(self, term: URIRef | Literal) -> Value:
        """A term of a query as a value: its number where the data have it, else one that fits between theirs."""
        family, text, order, key = _described(term)
        for number, known in self.brought.items():
            if known == text:
                return Value(str(number), families=frozenset([family]), constant=number, literal=_python(term))
        number = self._number(family, text, order, key)
        self.brought[number] = text
        return Value(str(number), families=frozenset([family]), constant=number, literal=_python(term))

    def _number(self, family: str, text: str, order: str, key: str | None) -> int:
        own = _OWN + len(self.brought)
        if own >= 1 << BITS:
            raise NotCompiled("too many constants")
        if family not in self.families:
            return (1 << 60) + own
        low, high = self.families[family].low, self.families[family].high
        inside = f"FROM terms WHERE id BETWEEN {low} AND {high} AND"
        found = self.base.execute(f"SELECT min(id) {inside} text = ?", [text]).fetchall()[0][0]
        if found is not None:
            return int(found)
        column = "text" if family == "iri" else "value"
        value, column = (order, column) if key is None else (key, "key")
        typed = "?" if key is None else "CAST(? AS DECIMAL(38, 12))"
        same = self.base.execute(f"SELECT min(id) {inside} {column} = {typed}", [value]).fetchall()[0][0]
        if same is not None and key is not None:
            return (int(same) >> BITS << BITS) + own
        below = self.base.execute(f"SELECT max(id) {inside} {column} < {typed}", [value]).fetchall()[0][0]
        rank = (int(below) >> BITS) + 1 if below is not None else (low >> BITS) - 1
        return (rank << BITS) + own


def _described(term: URIRef | Literal) -> tuple[str, str, str, str | None]:
    """The family of a term, its N-Triples, its text and its key in that family; other kinds are refused."""
    if isinstance(term, URIRef):
        return "iri", f"<{term}>", f"<{term}>", None
    words = str(term)
    escaped = words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    escaped = escaped.replace("\t", "\\t").replace("\b", "\\b").replace("\f", "\\f")
    if any(ord(c) < 32 or ord(c) == 127 for c in words if c not in "\n\r\t\b\f"):
        raise NotCompiled("a text with control characters")
    if term.language:
        return f"lang:{term.language.lower()}", f'"{escaped}"@{term.language.lower()}', words, None
    if term.datatype is None or term.datatype == XSD.string:
        return "string", f'"{escaped}"', words, None
    if term.datatype == XSD.integer and isinstance(term.value, int) and abs(term.value) < 10**18:
        return "number", f'"{term.value}"^^<{XSD.integer}>', words, str(term.value)
    if term.datatype == XSD.dateTime and term.value is not None and term.value.tzinfo is not None:
        moment = int(term.value.timestamp()) * 1_000_000 + term.value.microsecond
        written = words.removesuffix("+00:00") + "Z" if words.endswith("+00:00") else words
        return "moment", f'"{written}"^^<{XSD.dateTime}>', words, str(moment)
    raise NotCompiled(f"a constant of type {term.datatype}")


def _python(term: URIRef | Literal) -> object:
    if isinstance(term, URIRef):
        return None
    if term.datatype == XSD.integer:
        return int(term)
    return str(term) if term.datatype is None and not term.language else None
