"""The rows of a SELECT answer, with the label columns that stand beside columns of IRIs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode

from kb.ns import GEO, XSD
from kb.store.base import Answer

Term = NamedNode | Literal | BlankNode
Label = Callable[[str], str]  # the label of an IRI in the language asked for; "" where there is none
WHOLE = frozenset(
    XSD.base + name
    for name in ("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "unsignedInt")
)
BROKEN = frozenset({XSD.base + "decimal", XSD.base + "double", XSD.base + "float"})
_EXACT = 10**15  # beyond this a spreadsheet and a JavaScript reader change the digits of a number


@dataclass(frozen=True, slots=True)
class Rows:
    """Column names in order, and for each row the terms by column; a column without a value is left out."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Term], ...]

    def labelled(self) -> list[tuple[str, bool]]:
        """The columns to write, each with whether it holds labels of the column before it.

        A question that selects labels itself, as `NAME_label` or as `label` right behind, keeps its own.
        """
        found: list[tuple[str, bool]] = []
        for name, following in zip(self.columns, (*self.columns[1:], ""), strict=True):
            found.append((name, False))
            own = following == "label" or f"{name}_label" in self.columns
            if not own and any(isinstance(row.get(name), NamedNode) for row in self.rows):
                found.append((name, True))
        return found

    def headers(self) -> list[str]:
        """The names of those columns."""
        return [f"{name}_label" if is_label else name for name, is_label in self.labelled()]

    def cells(self, label: Label) -> Iterator[list[Term | str | None]]:
        """The cells of those columns, row by row; each IRI is looked up once."""
        known: dict[str, str] = {}
        columns = self.labelled()
        for row in self.rows:
            cells: list[Term | str | None] = []
            for name, is_label in columns:
                term = row.get(name)
                if is_label and isinstance(term, NamedNode):
                    if term.value not in known:
                        known[term.value] = label(term.value)
                    cells.append(known[term.value])
                else:
                    cells.append(None if is_label else term)
            yield cells

    def geometry(self) -> str | None:
        """The first column that holds geometries (WKT literals)."""
        for name in self.columns:
            if any(isinstance(t := row.get(name), Literal) and t.datatype == GEO.wktLiteral for row in self.rows):
                return name
        return None


def read(answer: Answer) -> Rows:
    """The rows of an answer in SPARQL's JSON format."""
    found = json.loads(answer.body)
    rows = tuple({name: _term(cell) for name, cell in row.items()} for row in found["results"]["bindings"])
    return Rows(tuple(found["head"]["vars"]), rows)


def _term(cell: dict[str, str]) -> Term:
    if cell["type"] == "uri":
        return NamedNode(cell["value"])
    if cell["type"] == "bnode":
        return BlankNode(cell["value"])
    if "xml:lang" in cell:
        return Literal(cell["value"], language=cell["xml:lang"])
    if "datatype" in cell:
        return Literal(cell["value"], datatype=NamedNode(cell["datatype"]))
    return Literal(cell["value"])


def plain(term: Term | str | None) -> str | int | float | bool | None:
    """A term as the value that programs expect: numbers and truth values as such, all else as text."""
    if term is None or isinstance(term, str):
        return term
    if isinstance(term, Literal):
        kind = term.datatype.value
        if kind in WHOLE and abs(number := int(term.value)) < _EXACT:
            return number
        if kind in BROKEN and len(term.value) < 16 and "n" not in term.value.lower():
            return float(term.value)
        if kind == XSD.base + "boolean":
            return term.value in ("true", "1")
    return term.value
