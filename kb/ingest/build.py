"""Turns one row into the triples of its record, as a mapping says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pyoxigraph import Literal, NamedNode, Triple

from kb import canonical
from kb.ingest import period
from kb.ingest.cell import Unfit
from kb.ingest.mapping import Derivation, Mapping, Node, Value, expand
from kb.ingest.report import Problem, Row
from kb.ns import GEO, ID, RDF, SCHEME
from kb.record import local_name

Finder = Callable[[str, str], str | None]
"""Finds the IRI of a known thing by name or id: `("place/1", "Idlib")` at administrative level 1, `("actor", "snhr")`."""

_SLOT = re.compile(r"\{(\w+(?:[.|]\w+)*)\}")


@dataclass(slots=True)
class Cells:
    """A row while it is mapped: texts and terms by column (or derived name), and the nodes made so far."""

    row: Row
    texts: dict[str, str] = field(default_factory=dict)
    terms: dict[str, NamedNode | Literal] = field(default_factory=dict)
    lists: dict[str, list[NamedNode | Literal]] = field(default_factory=dict)
    nodes: dict[str, list[NamedNode]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def fault(self, column: str, unfit: Unfit) -> None:
        """Remember a rule that this row breaks."""
        self.problems.append(
            Problem(self.row.number, self.row.line, column, unfit.rule, unfit.message, unfit.hint)
        )

    def note(self, column: str, rule: str, message: str) -> None:
        """Remember something to be said that does not keep the row out."""
        self.notes.append(Problem(self.row.number, self.row.line, column, rule, message, fatal=False))


class Builder:
    """Applies one mapping to rows."""

    def __init__(self, mapping: Mapping, find: Finder) -> None:
        self.mapping = mapping
        self.find = find

    def build(self, row: Row) -> tuple[list[Triple], Cells, str]:
        """The triples of one row, what was found on the way, and the IRI of its record.

        When `problems` of the cells is not empty the row must be kept out; the triples are then empty.
        """
        cells = self._read(row)
        if not cells.problems:
            for derivation in self.mapping.derivations:
                self._derive(derivation, cells)
            for rule in self.mapping.rules:
                _check(rule, cells)
        if cells.problems:
            return [], cells, ""
        iri = ID + _fill(self.mapping.record, cells.texts, local_name)
        made: list[tuple[Node, NamedNode, Cells]] = []
        for node in self.mapping.nodes:
            for place, scope in self._instances(node, iri, cells):
                made.append((node, place, scope))
                cells.nodes.setdefault(node.name, []).append(place)
        triples = [t for node, place, scope in made for t in self._triples(node, place, scope, cells)]
        return triples, cells, iri

    def _read(self, row: Row) -> Cells:
        cells = Cells(row)
        if row.surplus:
            cells.fault("", Unfit("columns", f"the row has {len(row.surplus)} cells more than the header names",
                                  "Quote cells that contain a comma."))  # fmt: skip
        elif len(row.cells) < len(self.mapping.columns) and not row.cells.keys() >= _needed(self.mapping):
            cells.fault("", Unfit("columns", "the row has fewer cells than the header names", "Add the missing commas."))
        for column in self.mapping.columns.values():
            text = row.cells.get(column.name, "").strip() or column.empty
            if any("\ud800" <= c <= "\udfff" for c in text):
                cells.fault(column.name, Unfit("encoding", "the text is not UTF-8", "Save the file as CSV UTF-8."))
                continue
            if any(c < " " and c not in "\t\n\r" for c in text):
                cells.fault(column.name, Unfit("characters", "the text has control characters", "Remove them."))
                continue
            cells.texts[column.name] = text
            if not text:
                if column.required:
                    cells.fault(column.name, Unfit("required", "the cell is empty", "Fill it in."))
                continue
            try:
                parts = [p.strip() for p in text.split(column.options["split"])] if "split" in column.options else [text]
                cells.lists[column.name] = [column.term(p) for p in parts if p]
                cells.terms[column.name] = cells.lists[column.name][0]
            except Unfit as unfit:
                cells.fault(column.name, unfit)
        return cells

    def _derive(self, derivation: Derivation, cells: Cells) -> None:
        options, name = derivation.options, derivation.name
        try:
            if derivation.kind == "point":
                _point(name, cells.texts.get(options["lat"], ""), cells.texts.get(options["lon"], ""), cells)
            elif derivation.kind == "place":
                self._place(derivation, cells)
            elif derivation.kind == "actor":
                self._actor(derivation, cells)
            else:
                first = cells.texts.get(options["from"], "")
                last = cells.texts.get(options.get("until", ""), "")
                zone = self.mapping.zone
                span = period.between(first, last, zone) if derivation.kind == "period" else period.uncertain(first, zone)
                cells.terms |= {f"{name}.edtf": span.edtf, f"{name}.earliest": span.earliest, f"{name}.latest": span.latest}
                cells.terms[f"{name}.precision"] = NamedNode(f"{SCHEME}date-precision#{span.precision}")
                cells.texts[f"{name}.edtf"] = span.edtf.value
        except Unfit as unfit:
            cells.fault(options.get("from", options.get("lat", "")), unfit)

    def _place(self, derivation: Derivation, cells: Cells) -> None:
        column = derivation.options["column"]
        text = cells.texts.get(column, "")
        if not text:
            cells.note(column, "not-placed", "no administrative area is given; only the coordinates place it")
            return
        found = self.find(f"place/{derivation.options['level']}", text)
        if found is None:
            cells.note(column, "not-placed", f"{text!r} is not in the gazetteer; the name is kept as reported")
        else:
            cells.terms[derivation.name] = NamedNode(found)

    def _actor(self, derivation: Derivation, cells: Cells) -> None:
        """A known actor by id or name; else a new one of this dataset, marked by the text `<name>.new`."""
        text = cells.texts.get(derivation.options["column"], "")
        if not text:
            return
        found = self.find("actor", text)
        if found is None:
            cells.texts[f"{derivation.name}.new"] = "yes"
            found = f"{ID}actor/{local_name(cells.texts['dataset'])}-{local_name(text)}"
            cells.note(derivation.options["column"], "new-actor", f"{text!r} is not a known actor; a new one is made")
        cells.terms[derivation.name] = NamedNode(found)

    def _instances(self, node: Node, iri: str, cells: Cells) -> Iterator[tuple[NamedNode, Cells]]:
        for scope in _scopes(node, cells):
            if not _holds(node.when, scope):
                continue
            if node.record is not None:
                yield NamedNode(ID + _fill(node.record, scope.texts, local_name)), scope
            else:
                fragment = _fill(node.fragment, scope.texts, local_name)
                yield NamedNode(f"{iri}#{fragment}" if fragment else iri), scope

    def _triples(self, node: Node, place: NamedNode, scope: Cells, cells: Cells) -> Iterator[Triple]:
        yield Triple(place, RDF.type, expand(node.type))
        for predicate, value in node.values:
            for term in _resolve(value, scope, cells):
                yield canonical.triple(place, predicate, term)


def _needed(mapping: Mapping) -> set[str]:
    return {c.name for c in mapping.columns.values() if c.present}


def _scopes(node: Node, cells: Cells) -> Iterator[Cells]:
    """The cells once, or once for every part of the columns that the node splits."""
    if not node.each:
        yield cells
        return
    columns, separator = node.each["columns"], node.each["split"]
    parts = [[p.strip() for p in cells.texts.get(c, "").split(separator)] for c in columns]
    if len({len(p) for p in parts}) > 1:  # the lists do not pair up: one node with the whole texts, nothing guessed
        cells.note(columns[0], "not-paired", f"{', '.join(columns)} have different numbers of parts; kept together")
        parts = [[cells.texts.get(c, "")] for c in columns]
    for number, items in enumerate(zip(*parts, strict=True), 1):
        if not any(items):
            continue
        scope = Cells(cells.row, dict(cells.texts), dict(cells.terms), {}, cells.nodes, cells.problems, cells.notes)
        scope.texts["n"] = str(number)
        for column, item in zip(columns, items, strict=True):
            names = node.each.get("names")
            fields = zip(names, item.split(node.each["parts"]), strict=False) if names else [("", item)]
            for name, text in fields:
                full = f"{column}.{name}" if name else column
                scope.texts[full] = text
                scope.terms.pop(full, None)
                if text:
                    scope.terms[full] = _code(node.each.get("tables", {}).get(name), text)
        yield scope


def _code(table: dict[str, str] | None, text: str) -> NamedNode | Literal:
    if table is None:
        return Literal(text)
    target = table.get(text, table["*"])
    return NamedNode((SCHEME if "#" in target else ID) + target)


def _holds(when: dict[str, Any], scope: Cells) -> bool:
    if "any" in when and not any(scope.texts.get(c) for c in when["any"]):
        return False
    if any(scope.texts.get(c) for c in when.get("none", [])) or not all(scope.texts.get(c) for c in when.get("every", [])):
        return False
    return all(scope.texts.get(c) == wanted for c, wanted in when.get("equals", {}).items())


def _check(rule: dict[str, Any], cells: Cells) -> None:
    """Rules over several columns: `order` (low ≤ high), `ordered` (the same, but the row is kept with a note, for
    sources whose own numbers are at odds), `together` (all or none)."""
    if "order" in rule:
        low, high = (cells.texts.get(c, "") for c in rule["order"])
        if low and high and float(low) > float(high):
            message = f"{rule['order'][0]} {low} is above {rule['order'][1]} {high}"
            cells.fault(rule["order"][0], Unfit("order", message, "Exchange or correct the two numbers."))
    if "ordered" in rule:
        _note_disorder(rule, cells)
    if "together" in rule:
        filled = [c for c in rule["together"] if cells.texts.get(c)]
        if 0 < len(filled) < len(rule["together"]):
            missing = next(c for c in rule["together"] if c not in filled)
            cells.fault(missing, Unfit("together", f"{filled[0]} is given without it", "Fill in both or neither."))


def _note_disorder(rule: dict[str, Any], cells: Cells) -> None:
    given = [(c, cells.texts[c]) for c in rule["ordered"] if cells.texts.get(c)]
    numbers = [float(text) for _, text in given]
    if numbers != sorted(numbers):
        cells.texts[rule["otherwise"]] = "yes"
        listed = ", ".join(f"{c} {text}" for c, text in given)
        cells.note(given[0][0], "disordered", f"{listed} are not in order; each is kept as the source gives it")


def _point(name: str, lat: str, lon: str, cells: Cells) -> None:
    if lat and lon:
        longitude, latitude = (canonical.literal(t, "http://www.w3.org/2001/XMLSchema#decimal").value for t in (lon, lat))
        cells.terms[name] = canonical.literal(f"POINT({longitude} {latitude})", GEO.wktLiteral.value)
        cells.texts[name] = cells.terms[name].value


def _fill(template: str, texts: dict[str, str], escape: Callable[[str], str] = str) -> str:
    """A template with `{column}` filled in; `{hash|a|b}` stands for a short digest of several columns."""

    def value(match: re.Match[str]) -> str:
        names = match[1].split("|")
        if names[0] == "hash":
            joined = "\x1f".join(texts.get(n, "") for n in names[1:])
            return hashlib.sha256(joined.encode()).hexdigest()[:16]
        return escape(texts.get(names[0], ""))

    return _SLOT.sub(value, template)


def _resolve(value: Value, scope: Cells, cells: Cells) -> Iterator[NamedNode | Literal]:
    if value.source in ("column", "derived"):
        single = [scope.terms[value.text]] if value.text in scope.terms else []
        for term in scope.lists.get(value.text, single):
            typed = isinstance(term, Literal) and (value.language or value.datatype)
            yield _literal(term.value, value) if typed else term
    elif value.source == "template":
        text = _fill(value.text, scope.texts)
        if text.strip():
            yield _literal(text, value)
    elif value.source == "constant":
        yield _literal(value.text, value)
    elif value.source == "iri":
        yield NamedNode(ID + _fill(value.text, scope.texts, local_name))
    elif value.source == "path":  # as written by a person, slashes included; whether it exists is for the shapes to say
        yield _node(ID + _fill(value.text, scope.texts, str.strip))
    elif value.source == "concept":
        yield NamedNode(SCHEME + value.text)
    elif value.source == "node":
        yield from cells.nodes.get(value.text, [])[:1]
    else:
        yield from cells.nodes.get(value.text, [])


def _node(iri: str) -> NamedNode:
    try:
        return NamedNode(iri)
    except ValueError:
        return NamedNode(ID + local_name(iri[len(ID) :]))


def _literal(text: str, value: Value) -> Literal:
    if value.language:
        return canonical.literal(text, language=value.language)
    return canonical.literal(text, value.datatype) if value.datatype else Literal(text)
