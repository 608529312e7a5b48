"""The law against a facet or time: for each provision, how many incidents of each value, as claimed and as screened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kb.search.asking import Filters
from kb.search.listing import Listing
from kb.search.schema import FACETS

CLAIMED, SCREENED = "provision", "applicability"  # the facets that the two kinds of number come from
TIMES = ("month", "year")
AXES = (*TIMES, "place", "actor", "object")
_NOBODYS = "candidate"  # a status that says: worth looking at. Nobody claims it, so it is not counted as claimed.
_HOLDS = "applicable"


@dataclass(frozen=True, slots=True)
class Line:
    """One provision: the codes that select its incidents in a list, how many there are, and how many by column."""

    provision: str
    codes: tuple[str, ...]
    incidents: int
    cells: dict[str, int] = field(default_factory=dict)


def lines(listing: Listing, filters: Filters, kind: str, axis: str) -> list[Line]:
    """Every provision that somebody invokes (`CLAIMED`) or that is applicable by its scope (`SCREENED`).

    A column is a code of the facet `axis`, or the first day of a month or year. An incident counts once in each cell,
    and in every column whose value it has, so that columns may add up to more than the whole. Provisions that `filters`
    name are all that is shown; the values that they name of the axis, too.
    """
    facet = FACETS[kind]
    named = {FACETS[name].parted(code)[0] for name in (CLAIMED, SCREENED) for code in filters.facets.get(name, ())}
    base = filters.without(CLAIMED).without(SCREENED)
    codes: dict[str, dict[str, int]] = {}
    for code, number in listing.counts(base, [kind])[kind]:
        provision, status = facet.parted(code)
        wanted = status == _HOLDS if kind == SCREENED else status not in ("", _NOBODYS)
        if wanted and (not named or provision in named):
            codes.setdefault(provision, {})[code] = number
    return [_line(listing, base, kind, axis, provision, found) for provision, found in codes.items()]


def by_year(found: list[Line]) -> list[Line]:
    """Lines over months as lines over years: an incident begins in one month."""
    years = []
    for line in found:
        cells: dict[str, int] = {}
        for month, number in line.cells.items():
            year = f"{month[:4]}-01-01"
            cells[year] = cells.get(year, 0) + number
        years.append(replace(line, cells=cells))
    return years


def _line(listing: Listing, base: Filters, kind: str, axis: str, provision: str, codes: dict[str, int]) -> Line:
    narrowed = replace(base, facets={**base.facets, kind: tuple(sorted(codes))})
    if axis in TIMES:
        cells = {str(start): number for start, number in listing.time(narrowed, axis)}
    else:
        shown = base.facets.get(axis)
        counted = listing.counts(narrowed, [axis])[axis]
        cells = {code: number for code, number in counted if not shown or code in shown}
    # of one code the number is known; of several some incidents may have more than one
    incidents = next(iter(codes.values())) if len(codes) == 1 else listing.total(narrowed)
    return Line(provision, narrowed.facets[kind], incidents, cells)
