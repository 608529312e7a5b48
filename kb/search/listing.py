"""Lists of incidents: pages that a cursor continues, counts for each facet, and bins of time and of the map."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import tantivy

from kb.errors import UsageError
from kb.ns import ID
from kb.search.asking import Box, Filters, every, filter_query, text_queries
from kb.search.index import Hit, SearchIndex, hit, plain_errors
from kb.search.schema import FACETS
from kb.search.screened import Screened

SORTS = ("newest", "oldest", "changed", "title", "best")
UNITS = ("day", "week", "month", "year")
MOST = 100  # incidents on a page
BEST = 1000  # of the best matches, so many can be read on to; a cursor by relevance is a position
_SCREENED = "applicability"
_VALUES = 10_000  # values of one facet that are counted
_DAYS = 65_000  # days, and cells of the map, that the engine keeps apart in one answer
_CELLS = 250  # cells of the map on each side at most
_ORDERS = {  # the field sorted by, and whether its greatest comes first
    "newest": ("by_date", True), "oldest": ("by_date", False), "changed": ("by_change", True),
    "title": ("by_title_", False),
}  # fmt: skip
_LAST = next(reversed(FACETS.values())).field  # a field that no earlier version had
_KEY = re.compile(r"[0-9]{1,19}|[^\W_][\w]{0,160}")


@dataclass(frozen=True, slots=True)
class Page:
    """Incidents in order, how many there are in all, and the cursors of the pages before and after (empty: none)."""

    total: int
    items: tuple[Hit, ...]
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of the map with the number of incidents in it."""

    box: Box
    incidents: int


Row = tuple[Any, str, Hit]  # sort key, IRI, what is shown


class Listing:
    """The incidents of one index. Every number is of incidents, each counted once for each value it has.

    `screened` gives what the screening says in the same snapshot; without it that facet is empty.
    """

    def __init__(self, index: SearchIndex, screened: Callable[[], Screened] | None = None) -> None:
        self._index = index
        self._screened = screened
        self._schema = index.engine.schema
        self._searcher = index.engine.searcher()
        with plain_errors(index.folder):  # an aggregation over a field that is not there counts nothing, in silence
            tantivy.Query.term_query(self._schema, _LAST, "")

    def _query(self, filters: Filters) -> tantivy.Query:
        codes = filters.facets.get(_SCREENED)
        if codes:
            profiles = self._screened().profiles(codes) if self._screened is not None else ()
            filters = replace(filters, facets={**filters.facets, _SCREENED: profiles})
        return filter_query(self._schema, filters)

    def total(self, filters: Filters) -> int:
        """How many incidents the filters let through."""
        with plain_errors(self._index.folder):
            found = self._searcher.search(self._query(filters), limit=1, count=True)
        return int(getattr(found, "count", 0))  # the type stubs of tantivy do not know `count`

    def iris(self, filters: Filters, most: int) -> list[str]:
        """The IRIs of the incidents that the filters let through, in no order; at most so many."""
        with plain_errors(self._index.folder):
            hits = self._searcher.search(self._query(filters), limit=most, count=False).hits
        return [str(self._searcher.doc(address).get_first("iri")) for _, address in hits]

    def page(
        self, filters: Filters, sort: str = "newest", limit: int = 25, after: str = "", before: str = "",
        language: str = "en",
    ) -> Page:  # fmt: skip
        """The page that begins after, or ends before, a cursor of the same sort; UsageError for what is no cursor.

        A cursor names the last incident by its key, so a page costs the same however deep it lies, and two incidents
        with equal keys are told apart by their IRIs: reading on shows each incident once. `best` is by relevance, has
        positions for cursors, and ends after BEST.
        """
        limit = min(max(limit, 1), MOST)
        with plain_errors(self._index.folder):
            if sort == "best" and text_queries(self._schema, filters.text):
                return self._best(filters, limit, after or before)
            name, falling = _ORDERS.get(sort, _ORDERS["newest"])
            name += (language if language in ("en", "ar") else "en") if name.endswith("_") else ""
            back = bool(before) and not after
            cursor = _cursor(after or before, numeric=not name.startswith("by_title"))
            rows, total = self._rows(filters, name, falling != back, cursor, limit + 1)
        more, rows = len(rows) > limit, rows[:limit]
        if back:
            rows.reverse()
        ends = [f"{key}~{iri.removeprefix(ID)}" for key, iri, _ in (rows[:1] + rows[-1:])] or ["", ""]
        first = ends[0] if cursor and (more or not back) else ""
        last = ends[-1] if (more or back) else ""
        return Page(self.total(filters) if cursor else total, tuple(row[2] for row in rows), first, last)

    def _rows(
        self, filters: Filters, name: str, falling: bool, cursor: tuple[Any, str] | None, wanted: int
    ) -> tuple[list[Row], int]:
        """The rows beyond a cursor in order of (key, IRI), the IRI falling with the key, and how many there are."""
        query = self._query(filters)
        if cursor:
            query = every([query, self._beyond(name, cursor[0], falling)])
        order = tantivy.Order.Desc if falling else tantivy.Order.Asc
        fetch = wanted + 8
        while True:
            found = self._searcher.search(query, limit=fetch, count=not cursor, order_by_field=name, order=order)
            rows = sorted((self._row(key, at) for key, at in found.hits), key=lambda r: r[:2], reverse=falling)
            whole = len(found.hits) < fetch
            if not whole:  # more with the key of the last row may follow: which come first is not known here
                rows = [row for row in rows if row[0] != rows[-1][0]]
            if cursor:
                rows = [row for row in rows if (row[:2] < cursor if falling else row[:2] > cursor)]
            if whole or len(rows) >= wanted:
                return rows[:wanted], int(getattr(found, "count", 0) or 0)
            fetch *= 4

    def _row(self, key: Any, address: tantivy.DocAddress) -> Row:
        shown = hit(self._searcher.doc(address))
        return key, shown.iri, shown

    def _beyond(self, name: str, key: Any, falling: bool) -> tantivy.Query:
        if isinstance(key, int):
            bounds = (None, key) if falling else (key, None)
            return tantivy.Query.range_query(
                self._schema, name, tantivy.FieldType.Integer, lower_bound=bounds[0], upper_bound=bounds[1]
            )
        # the engine takes ranges of text only as a written query; `_cursor` lets through letters, digits and `_`
        written = f"{name}:[* TO {key}]" if falling else f"{name}:[{key} TO *]"
        return self._index.engine.parse_query(written, [name])

    def _best(self, filters: Filters, limit: int, after: str) -> Page:
        if after and not (after.isascii() and after.isdecimal() and len(after) < 6):
            raise _no_cursor(after)
        start = min(int(after or 0), BEST)
        query = self._query(filters)
        rows = min(limit, BEST - start)
        found = self._searcher.search(query, limit=max(rows, 1), offset=start, count=True)
        total = int(getattr(found, "count", 0))
        items = tuple(hit(self._searcher.doc(address)) for _, address in found.hits)[:rows]
        end = start + len(items)
        before = str(max(start - limit, 0)) if start else ""
        return Page(total, items, before, str(end) if items and end < min(total, BEST) else "")

    def counts(self, filters: Filters, names: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
        """For each facet its values with the number of incidents, most first.

        A facet that narrows the list is counted without itself, so that what could be ticked beside has its number.
        """
        free = [name for name in names if name not in filters.facets]
        found = self._terms(filters, free) if free else {}
        for name in names:
            if name in filters.facets:
                found |= self._terms(filters.without(name), [name])
        return {name: found[name] for name in names}

    def _terms(self, filters: Filters, names: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        asked = {name: {"terms": {"field": FACETS[name].field, "size": _VALUES}} for name in names}
        with plain_errors(self._index.folder):
            found = self._searcher.aggregate(self._query(filters), asked)
        counted = {name: [(b["key"], int(b["doc_count"])) for b in found[name]["buckets"]] for name in asked}
        if _SCREENED in counted:
            profiles = counted[_SCREENED]
            counted[_SCREENED] = self._screened().counts(profiles) if self._screened is not None else []
        return {name: sorted(values, key=lambda v: (-v[1], v[0])) for name, values in counted.items()}

    def time(self, filters: Filters, unit: str = "month") -> list[tuple[date, int]]:
        """The first day of each stretch (day, week from Monday, month, year) with the incidents that begin in it."""
        asked = {"days": {"terms": {"field": "first_day", "size": _DAYS}}}
        with plain_errors(self._index.folder):
            found = self._searcher.aggregate(self._query(filters), asked)
        bins: dict[date, int] = {}
        for bucket in found["days"]["buckets"]:
            if int(bucket["key"]) > 0:
                start = _start(date.fromordinal(int(bucket["key"])), unit)
                bins[start] = bins.get(start, 0) + int(bucket["doc_count"])
        return sorted(bins.items())

    def map(self, filters: Filters, zoom: int = 6) -> list[Cell]:
        """The cells of a grid with incidents in them, most first. At zoom 0 a cell has 90 degrees, half at each next.

        Only incidents with coordinates of their own are on it. A finer grid than fits one answer is made coarser.
        """
        side = 90 / 2 ** min(max(zoom, 0), 16)
        while True:
            cells = self._cells(filters, side)
            if cells is not None:
                return sorted(cells, key=lambda c: (-c.incidents, c.box.south, c.box.west))
            side *= 2

    def _cells(self, filters: Filters, side: float) -> list[Cell] | None:
        inner = {"w": {"histogram": {"field": "longitude", "interval": side, "min_doc_count": 1}}}
        outer = {"s": {"histogram": {"field": "latitude", "interval": side, "min_doc_count": 1}, "aggs": inner}}
        with plain_errors(self._index.folder):
            query = self._query(filters)
            ends = self._searcher.aggregate(query, {n: {"stats": {"field": n}} for n in ("latitude", "longitude")})
            if any(((e["max"] or 0) - (e["min"] or 0)) / side > _CELLS for e in ends.values()):
                return None
            found = self._searcher.aggregate(query, outer)
        return [
            Cell(Box(row["key"], b["key"], row["key"] + side, b["key"] + side), int(b["doc_count"]))
            for row in found["s"]["buckets"] for b in row["w"]["buckets"]
        ]  # fmt: skip


def _start(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=min(day.weekday(), day.toordinal() - 1))
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _cursor(text: str, numeric: bool) -> tuple[Any, str] | None:
    if not text:
        return None
    key, _, iri = text.partition("~")
    if not iri or len(iri) > 2000 or not _KEY.fullmatch(key) or (numeric and not (key.isascii() and key.isdigit())):
        raise _no_cursor(text)
    if numeric and int(key) >= 1 << 63:
        raise _no_cursor(text)
    return (int(key) if numeric else key), iri if "://" in iri else ID + iri


def _no_cursor(text: str) -> UsageError:
    return UsageError(
        f"{text[:40]!r} is not a place in this list", "", "Begin at the first page: leave out after and before."
    )
