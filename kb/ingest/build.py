"""Turns one row into the triples of its record, as a mapping says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pyoxigraph import Literal, NamedNode

from kb import canonical
from kb.ingest.derive import derive
from kb.ingest.draft import Draft, Term, slots
from kb.ingest.known import Known
from kb.ingest.plan import Each, Mapping, Node, Value, When
from kb.ingest.report import Row, Unfit, quoted
from kb.ingest.rule import check
from kb.ns import ID, MZ, RDF, SCHEME
from kb.record import ADDRESS, local_name

_BELONGS = f" {MZ.inRecord} "
_LONGEST = 200  # characters of one part of an address
Lines = dict[str, set[str]]
"""Lines of canonical N-Triples by the record that owns their subject, in order of first appearance."""
_Objects = Callable[[Draft], list[str]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A node of the mapping made ready: the ends of lines that are the same in every row, and what gives the others."""

    node: Node
    fixed: tuple[str, ...]
    values: tuple[tuple[str, _Objects], ...]


class Builder:
    """Applies one mapping to rows.

    It writes the lines of the canonical text at once, with each term spelt once: a row of the usual table has about
    a hundred triples, and objects for them would cost several times what everything else does.
    """

    def __init__(self, mapping: Mapping, known: Known) -> None:
        self.mapping = mapping
        self.known = known
        self._plans = tuple(map(_plan, mapping.nodes))

    def build(self, row: Row) -> tuple[Lines, Draft, str]:
        """The lines of one row by record, what was found on the way, and the IRI of the row's own record.

        When the draft has problems the row must be kept out; there are no lines then.
        """
        draft = Draft(row)
        self._read(draft)
        if not draft.problems:
            for derivation in self.mapping.derivations:
                derive(derivation, draft, self.known, self.mapping.zone)
            for rule in self.mapping.rules:
                check(rule, draft, self.known)
        if draft.problems:
            return {}, draft, ""
        iri = ID + draft.fill(self.mapping.record, local_name)
        made: list[tuple[_Plan, str, Draft]] = []
        for plan in self._plans:
            for place, part in self._instances(plan.node, iri, draft):
                made.append((plan, place, part))
                draft.nodes.setdefault(plan.node.name, []).append(place)
        if unfit := next((place for _, place, _ in made if not _is_address(place.removeprefix(ID))), None):
            self._refuse_address(unfit.removeprefix(ID), draft)
            return {}, draft, ""
        lines: Lines = {}
        for plan, place, part in made:
            _write(plan, place, part, lines)
        return lines, draft, iri

    def _read(self, draft: Draft) -> None:
        """Texts and terms of the cells. A row whose cells may have slipped to other columns is not read further."""
        row, columns = draft.row, self.mapping.columns.values()
        if row.surplus:
            message = f"{len(row.surplus)} filled cells stand beyond the last column"
            hint = "Quote cells that contain a comma, so that each stands in its column."
            draft.fault("", Unfit("columns", message, hint))
            return
        if missing := [c.name for c in columns if c.present and c.name not in row.cells]:
            message = f"the row ends before the column {missing[0]}"
            draft.fault("", Unfit("columns", message, "Add the missing cells, empty ones too."))
            return
        for column in columns:
            name = column.name
            try:
                draft.texts[name], draft.terms[name] = column.read(row.cells.get(name, ""))
            except Unfit as unfit:
                draft.fault(name, unfit)

    def _refuse_address(self, place: str, draft: Draft) -> None:
        longest = max(place.replace("#", "/").split("/"), key=len)
        message = f"the address {quoted(place)} made of it has an empty part, or one of {len(longest)} characters"
        hint = f"Shorten it: {_LONGEST} is the most, where an Arabic letter counts as six and a space as three."
        draft.fault(self.mapping.column_key(place), Unfit("address", message, hint))

    def _instances(self, node: Node, iri: str, draft: Draft) -> Iterator[tuple[str, Draft]]:
        """The IRI of each instance of a node, with the texts and terms that it is made of."""
        for part in _parts(node.each, draft) if node.each else (draft,):
            if not _holds(node.when, part):
                continue
            if node.record is not None:
                yield ID + part.fill(node.record, local_name), part
            else:
                fragment = part.fill(node.fragment, local_name)
                yield f"{iri}#{fragment}" if fragment else iri, part


def _plan(node: Node) -> _Plan:
    fixed, values = [f" {RDF.type} {node.type} .\n"], []
    for predicate, value in node.values:
        always = _always(value)
        if always is None:
            values.append((f" {predicate} ", _objects(value)))
        else:
            fixed.append(f" {predicate} {always} .\n")
    return _Plan(node, tuple(fixed), tuple(values))


def _is_address(place: str) -> bool:
    """Whether a page can have this address below …/id/: every record and every part of one needs it."""
    record, _, fragment = place.partition("#")
    return len(fragment) <= _LONGEST and _is_record(record)


@lru_cache(maxsize=8192)
def _is_record(address: str) -> bool:
    return ADDRESS.fullmatch(address) is not None


def _parts(each: Each, draft: Draft) -> Iterator[Draft]:
    """A draft for every part of the columns that a node splits; lists that do not pair up stay whole: no guesses."""
    lists = [[p.strip() for p in draft.texts.get(c, "").split(each.split)] for c in each.columns]
    if len({len(items) for items in lists}) > 1:
        named = ", ".join(each.columns)
        draft.note(each.columns[0], "not-paired", f"{named} have different numbers of parts; kept together")
        lists = [[draft.texts.get(c, "")] for c in each.columns]
    for number, items in enumerate(zip(*lists, strict=True), 1):
        if not any(items):
            continue
        part = draft.part()
        part.texts["n"] = str(number)
        for column, item in zip(each.columns, items, strict=True):
            if not each.names:
                _put(part, column, item, None)
                continue
            for name, text in zip(each.names, item.split(each.parts), strict=False):
                _put(part, f"{column}.{name}", text.strip(), (each.tables or {}).get(name))
        yield part


def _put(part: Draft, name: str, text: str, table: dict[str, str] | None) -> None:
    part.texts[name] = text
    part.terms[name] = [_coded(text, table)] if text else []


def _coded(text: str, table: dict[str, str] | None) -> Term:
    if table is None:
        return Literal(text)
    target = table.get(text, table["*"])
    return NamedNode((SCHEME if "#" in target else ID) + target)


def _holds(when: When, draft: Draft) -> bool:
    texts = draft.texts
    if when.any and not any(texts.get(name) for name in when.any):
        return False
    if when.none and any(texts.get(name) for name in when.none):
        return False
    if when.every and not all(texts.get(name) for name in when.every):
        return False
    return not when.equals or all(texts.get(name) == wanted for name, wanted in when.equals)


def _write(plan: _Plan, place: str, part: Draft, lines: Lines) -> None:
    """Add the lines of one node, its mark of belonging included."""
    owner, subject = place.partition("#")[0], f"<{place}>"
    own = lines.setdefault(owner, set())
    own.add(f"{subject}{_BELONGS}<{owner}> .\n")
    own.update([subject + end for end in plan.fixed])
    own.update([f"{subject}{predicate}{value} .\n" for predicate, objects in plan.values for value in objects(part)])


def _always(value: Value) -> str | None:
    """The object of a value that is the same in every row, spelt as N-Triples; None for any other."""
    text = value.text
    match value.source:
        case "constant":
            return _literal(text, value.language, value.datatype)
        case "iri" if not slots(text):
            return f"<{ID}{text}>"
        case "concept":
            return f"<{SCHEME}{text}>"
        case _:
            return None


def _objects(value: Value) -> _Objects:
    """What gives the objects of a value, spelt as N-Triples, for a draft."""
    text, source = value.text, value.source
    match source:
        case "column" | "derived":
            return _of_terms(text, value)
        case "template":

            def filled(part: Draft) -> list[str]:
                made = part.fill(text)
                return [_literal(made, value.language, value.datatype)] if made.strip() else []

            return filled
        case "iri":
            return lambda part: [f"<{ID}{part.fill(text, local_name)}>"]
        case "path":  # as written by a person, slashes included; whether it exists is for a rule or the shapes to say
            return lambda part: [f"<{ID}{'/'.join(map(local_name, part.fill(text).strip().split('/')))}>"]
        case "node":
            return lambda part: [f"<{place}>" for place in part.nodes.get(text, [])[:1]]
        case _:
            return lambda part: [f"<{place}>" for place in part.nodes.get(text, [])]


def _of_terms(name: str, value: Value) -> _Objects:
    language, datatype = value.language, value.datatype
    if not (language or datatype):
        return lambda part: [_spelt(term) for term in part.terms.get(name, ())]
    return lambda part: [
        _literal(term.value, language, datatype) if isinstance(term, Literal) else _spelt(term)
        for term in part.terms.get(name, ())
    ]


@lru_cache(maxsize=65536)
def _spelt(term: Term) -> str:
    return str(canonical.term(term))


@lru_cache(maxsize=65536)
def _literal(text: str, language: str | None, datatype: str | None) -> str:
    if language:
        return str(canonical.literal(text, language=language))
    return str(canonical.literal(text, datatype) if datatype else canonical.literal(text))
