"""From what is asked for, by words or by filters, to queries of the index."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import tantivy

from kb.search.schema import FACETS
from kb.search.text import asked

_MUST, _SHOULD = tantivy.Occur.Must, tantivy.Occur.Should
_INTEGER, _FLOAT = tantivy.FieldType.Integer, tantivy.FieldType.Float
_LONGEST = 80  # letters of a word that is also looked up as a beginning
_FIELDS = (("title", 4.0), ("text", 1.0))


@dataclass(frozen=True, slots=True)
class Box:
    """A stretch of the earth in degrees; `west` may lie east of `east`, then it crosses the line of dates."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows a list of incidents: all of it must hold, and of the values of one facet any.

    `since` and `until` are days; an incident that may have happened on one of them is in. `killed` holds for an
    incident where one and the same claim gives a lower figure within these numbers (None: open at that end).
    """

    text: str = ""
    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None
    killed: tuple[int | None, int | None] = (None, None)
    box: Box | None = None

    def __bool__(self) -> bool:
        return self != Filters()

    def without(self, facet: str) -> Filters:
        """The same without the values of one facet."""
        return replace(self, facets={name: codes for name, codes in self.facets.items() if name != facet})


def text_queries(schema: tantivy.Schema, text: str) -> list[tantivy.Query]:
    """One query for each part of a typed text, all of which must hold; none where the text has no word."""
    return [_part(schema, tokens, forms) for tokens, forms in asked(text)]


def filter_query(schema: tantivy.Schema, filters: Filters) -> tantivy.Query:
    """The incidents that all filters let through."""
    parts = [tantivy.Query.term_query(schema, "kind", "incident"), *text_queries(schema, filters.text)]
    for name, codes in sorted(filters.facets.items()):
        parts.append(tantivy.Query.term_set_query(schema, FACETS[name].field, list(codes)))
    if filters.since:
        parts.append(between(schema, "last_day", filters.since.toordinal(), None))
    if filters.until:
        parts.append(between(schema, "first_day", 1, filters.until.toordinal()))
    if filters.killed != (None, None):
        parts.append(between(schema, "killed", *filters.killed))
    if filters.box:
        parts += _box(schema, filters.box)
    return every(parts)


def every(parts: list[tantivy.Query]) -> tantivy.Query:
    """What all of these let through."""
    return parts[0] if len(parts) == 1 else tantivy.Query.boolean_query([(_MUST, part) for part in parts])


def between(schema: tantivy.Schema, name: str, low: int | None, high: int | None) -> tantivy.Query:
    """A field of whole numbers within bounds, both included; None is open."""
    return tantivy.Query.range_query(schema, name, _INTEGER, lower_bound=low, upper_bound=high)


def _box(schema: tantivy.Schema, box: Box) -> list[tantivy.Query]:
    def span(name: str, low: float, high: float) -> tantivy.Query:
        return tantivy.Query.range_query(schema, name, _FLOAT, lower_bound=low, upper_bound=high)

    parts = [span("latitude", box.south, box.north)]
    if box.west <= box.east:
        return [*parts, span("longitude", box.west, box.east)]
    sides = [span("longitude", box.west, 180.0), span("longitude", -180.0, box.east)]
    return [*parts, tantivy.Query.boolean_query([(_SHOULD, side) for side in sides])]


def _part(schema: tantivy.Schema, tokens: list[str], forms: set[str]) -> tantivy.Query:
    """One part as typed: a word or its beginning, for codes such as `8(2)(e)(iv)` a phrase, or any of its forms."""
    choices = []
    for name, weight in _FIELDS:
        if len(tokens) > 1:
            choices.append(tantivy.Query.boost_query(tantivy.Query.phrase_query(schema, name, list(tokens)), weight))
        else:
            choices += _word(schema, name, tokens[0], weight)
    if len(tokens) == 1:
        choices += _word(schema, "names", tokens[0], 0.5)
    for form in sorted(forms):
        for name, weight in (*_FIELDS, ("names", 0.5)):
            choices += _word(schema, name, form, weight)
    return tantivy.Query.boolean_query([(_SHOULD, choice) for choice in choices])


def _word(schema: tantivy.Schema, name: str, word: str, weight: float) -> list[tantivy.Query]:
    found = [tantivy.Query.boost_query(tantivy.Query.term_query(schema, name, word), weight)]
    if 2 < len(word) <= _LONGEST:
        # a pattern `word.*` finds the same, and takes fifty times as long to be made
        found.append(tantivy.Query.fuzzy_term_query(schema, name, word, distance=0, prefix=True))
    return found
