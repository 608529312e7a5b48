"""The matrix of the law: provisions against months, places, alleged actors or objects, each number a list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from flask import Blueprint, Response, request
from markupsafe import Markup

from kb.errors import UsageError
from kb.ns import ID
from kb.search import FACETS, Filters, Listing
from kb.search.matrix import AXES, CLAIMED, SCREENED, TIMES, Line, by_year, lines
from web.language import marked
from web.listing import TITLES, Chooser, State, read
from web.reading import Text
from web.site import here, not_modified, page, reader, show, site, tagged, tongue
from web.stretch import last_day, stretch_words
from web.views.incidents import listing_of, parts

blueprint = Blueprint("matrix", __name__)
AXIS_NAMES = {
    "month": marked("Month"), "year": marked("Year"), "place": TITLES["place"], "actor": TITLES["actor"],
    "object": TITLES["object"],
}  # fmt: skip
_KINDS = {CLAIMED: marked("Invoked by somebody"), SCREENED: marked("Applicable by its scope, as computed")}
_MOST, _MONTHS = 14, 36  # columns, and months before they become years
_STEPS = 6  # of the scale of colours


@dataclass(frozen=True, slots=True)
class Cell:
    """One number with the list that it counts; `heat` from 0 (none) to 6 says how large it is among its kind."""

    incidents: int
    heat: int
    address: str


@dataclass(frozen=True, slots=True)
class Row:
    """One provision: its address and words, its incidents in all, and the cells in the order of the columns."""

    address: str
    words: Text
    whole: Cell
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """The provisions of one kind, by instrument."""

    kind: str
    title: str
    groups: list[tuple[Text, list[Row]]]


@blueprint.get("/<lang:lang>/matrix")
def show_matrix(lang: str) -> Response:
    """The page; it takes the same filters as the list of incidents, and `axis`."""
    held = not_modified(f"{lang}-matrix")
    if held:
        return held
    state, axis = read(request.args, ("axis",)), request.args.get("axis", "month")
    if axis not in AXES:
        raise UsageError(f"There is no axis {axis[:40]!r}", "", f"Use one of: {', '.join(AXES)}.")
    state, listing, chooser = replace(state.at(), view=""), listing_of(here()), Chooser(reader())
    found = {kind: _lines(listing, state.filters, kind, axis) for kind in (CLAIMED, SCREENED)}
    if axis == "month" and len({code for rows in found.values() for row in rows for code in row.cells}) > _MONTHS:
        axis, found = "year", {kind: by_year(rows) for kind, rows in found.items()}
    columns, left = _columns(chooser, axis, [line for rows in found.values() for line in rows])
    path = f"/{lang}/matrix"
    tables = [_table(kind, rows, [code for code, _ in columns], axis, state, f"/{lang}/incidents")
              for kind, rows in found.items()]  # fmt: skip
    return tagged(page(
        "matrix.html", tables=tables, columns=[words for _, words in columns], left=left, axis=axis, axes=AXIS_NAMES,
        state=state, path=path, parts=parts(chooser, state, path), steps=range(1, _STEPS + 1),
    ), f"{lang}-matrix")  # fmt: skip


def _lines(listing: Listing, filters: Filters, kind: str, axis: str) -> list[Line]:
    """What is asked of the whole base is the same for everybody, and kept until there is a newer snapshot."""
    if filters:
        return lines(listing, filters, kind, axis)
    found: list[Line] = site().once(f"matrix {kind} {axis}", here(), partial(lines, listing, filters, kind, axis))
    return found


def _columns(chooser: Chooser, axis: str, found: list[Line]) -> tuple[list[tuple[str, Text | Markup | str]], int]:
    """The columns with their words, and how many are left out for want of room; places only as far as the widest."""
    sums: dict[str, int] = {}
    for line in found:
        for code, number in line.cells.items():
            sums[code] = sums.get(code, 0) + number
    if axis in TIMES:
        shown: list[tuple[str, Text | Markup | str]] = [
            (code, stretch_words(date.fromisoformat(code), axis)) for code in sorted(sums)
        ]
        return shown[-_MONTHS:], max(0, len(sums) - _MONTHS)
    if axis == "place":
        depths = {value.code: value.depth for value in chooser.values("place", list(sums.items()), (), len(sums))}
        level = min(1, max(depths.values(), default=0))
        sums = {code: number for code, number in sums.items() if depths.get(code) == level}
    ordered = sorted(sums, key=lambda code: (-sums[code], code))
    return [(code, chooser.words(FACETS[axis], code)) for code in ordered[:_MOST]], max(0, len(ordered) - _MOST)


def _table(kind: str, found: list[Line], columns: list[str], axis: str, state: State, path: str) -> Table:
    most = max((line.cells.get(code, 0) for line in found for code in columns), default=0)
    largest = max((line.incidents for line in found), default=0)
    groups: dict[str, list[Row]] = {}
    for line in sorted(found, key=lambda one: one.provision):
        iri = f"{ID}provision/{line.provision}"
        narrowed = replace(state.filters, facets={**state.filters.facets, kind: line.codes})
        cells = [
            _cell(line.cells.get(code, 0), most, state.narrowed(_within(narrowed, axis, code)), path)
            for code in columns
        ]
        row = Row(
            show().address(iri),
            reader().label(iri),
            _cell(line.incidents, largest, state.narrowed(narrowed), path),
            cells,
        )
        groups.setdefault(reader().peek(iri).iri_value("mz:ofInstrument"), []).append(row)
    ordered = sorted(((reader().label(iri), rows) for iri, rows in groups.items()), key=lambda group: str(group[0]))
    return Table(kind, tongue().gettext(_KINDS[kind]), ordered)


def _cell(incidents: int, most: int, state: State, path: str) -> Cell:
    heat = 0 if not incidents else max(1, -(-_STEPS * incidents // most))
    return Cell(incidents, heat, state.address(path) if incidents else "")


def _within(filters: Filters, axis: str, code: str) -> Filters:
    """The filters with one column's value: as it stands beside others of the facet, or the days of its stretch."""
    if axis not in TIMES:
        return replace(filters, facets={**filters.facets, axis: (code,)})
    start = date.fromisoformat(code)
    last = last_day(start, axis)
    return replace(filters, since=max(filters.since or start, start), until=min(filters.until or last, last))
