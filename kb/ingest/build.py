"""Turns one row into the triples of its record, as a mapping says."""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import Literal, NamedNode, Triple

from kb import canonical
from kb.ingest.derive import derive
from kb.ingest.draft import Draft, Term
from kb.ingest.known import Known
from kb.ingest.plan import Each, Mapping, Node, Value, When
from kb.ingest.report import Row, Unfit, quoted
from kb.ingest.rule import check
from kb.ns import ID, RDF, SCHEME
from kb.record import ADDRESS, local_name

_LONGEST = 200  # characters of one part of an address


class Builder:
    """Applies one mapping to rows."""

    def __init__(self, mapping: Mapping, known: Known) -> None:
        self.mapping = mapping
        self.known = known

    def build(self, row: Row) -> tuple[list[Triple], Draft, str]:
        """The triples of one row, what was found on the way, and the IRI of its record.

        When the draft has problems the row must be kept out; the triples are then empty.
        """
        draft = Draft(row)
        self._read(draft)
        if not draft.problems:
            for derivation in self.mapping.derivations:
                derive(derivation, draft, self.known, self.mapping.zone)
            for rule in self.mapping.rules:
                check(rule, draft, self.known)
        if draft.problems:
            return [], draft, ""
        iri = ID + draft.fill(self.mapping.record, local_name)
        made: list[tuple[Node, NamedNode, Draft]] = []
        for node in self.mapping.nodes:
            for place, part in self._instances(node, iri, draft):
                made.append((node, place, part))
                draft.nodes.setdefault(node.name, []).append(place)
        if unfit := next((p for _, p, _ in made if not _is_address(p.value.removeprefix(ID))), None):
            self._refuse_address(unfit.value.removeprefix(ID), draft)
            return [], draft, ""
        return [t for node, place, part in made for t in _triples(node, place, part)], draft, iri

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
            try:
                text = column.text(row.cells.get(column.name, "")) or column.empty
                if not text and column.required:
                    raise Unfit("required", "the cell is empty", "Fill it in.")
                terms = column.terms(text) if text else []
            except Unfit as unfit:
                draft.fault(column.name, unfit)
            else:
                draft.texts[column.name], draft.terms[column.name] = text, terms

    def _refuse_address(self, place: str, draft: Draft) -> None:
        longest = max(place.replace("#", "/").split("/"), key=len)
        message = f"the address {quoted(place)} made of it has an empty part, or one of {len(longest)} characters"
        hint = f"Shorten it: {_LONGEST} is the most, where an Arabic letter counts as six and a space as three."
        draft.fault(self.mapping.column_key(place), Unfit("address", message, hint))

    def _instances(self, node: Node, iri: str, draft: Draft) -> Iterator[tuple[NamedNode, Draft]]:
        """The IRI of each instance of a node, with the texts and terms that it is made of."""
        for part in _parts(node.each, draft) if node.each else (draft,):
            if not _holds(node.when, part):
                continue
            if node.record is not None:
                yield NamedNode(ID + part.fill(node.record, local_name)), part
            else:
                fragment = part.fill(node.fragment, local_name)
                yield NamedNode(f"{iri}#{fragment}" if fragment else iri), part


def _is_address(place: str) -> bool:
    """Whether a page can have this address below …/id/: every record and every part of one needs it."""
    record, _, fragment = place.partition("#")
    return ADDRESS.fullmatch(record) is not None and len(fragment) <= _LONGEST


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
    def filled(name: str) -> bool:
        return bool(draft.texts.get(name))

    if when.any and not any(map(filled, when.any)):
        return False
    if any(map(filled, when.none)) or not all(map(filled, when.every)):
        return False
    return all(draft.texts.get(name) == wanted for name, wanted in when.equals)


def _triples(node: Node, place: NamedNode, part: Draft) -> Iterator[Triple]:
    yield Triple(place, RDF.type, node.type)
    for predicate, value in node.values:
        for term in _resolve(value, part):
            yield canonical.triple(place, predicate, term)


def _resolve(value: Value, part: Draft) -> Iterator[Term]:
    match value.source:
        case "column" | "derived":
            for term in part.terms.get(value.text, ()):
                yield _literal(term.value, value) if isinstance(term, Literal) and _typed(value) else term
        case "template":
            text = part.fill(value.text)
            if text.strip():
                yield _literal(text, value)
        case "constant":
            yield _literal(value.text, value)
        case "iri":
            yield NamedNode(ID + part.fill(value.text, local_name))
        case "path":  # as written by a person, slashes included; whether it exists is for a rule or the shapes to say
            yield NamedNode(ID + "/".join(map(local_name, part.fill(value.text).strip().split("/"))))
        case "concept":
            yield NamedNode(SCHEME + value.text)
        case "node":
            yield from part.nodes.get(value.text, [])[:1]
        case _:
            yield from part.nodes.get(value.text, [])


def _typed(value: Value) -> bool:
    return bool(value.language or value.datatype)


def _literal(text: str, value: Value) -> Literal:
    if value.language:
        return canonical.literal(text, language=value.language)
    return canonical.literal(text, value.datatype) if value.datatype else Literal(text)
