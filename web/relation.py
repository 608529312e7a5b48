"""Incidents that stand near one incident: in place and time, by what was hit, by pattern, or in another dataset.

All of it comes from the search index with small limits, so that a page takes as long in a base of a million.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from kb.search import FACETS, Filters, Hit, Listing
from web.language import marked
from web.listing import State
from web.reading import Node, Reader

SHOWN = 5
_NEAR, _MONTHS, _DAY = timedelta(days=3), timedelta(days=90), timedelta(days=1)
WORDS = {
    "place": (
        marked("The same place within three days"),
        marked("What is recorded for the same area on these days, whoever is named for it."),
    ),
    "object": (
        marked("The same kind of object in the same governorate"),
        marked("Within ninety days before or after."),
    ),
    "pattern": (
        marked("The same object, method and alleged actor"),
        marked("Anywhere, within ninety days. That some source names the same actor does not make it one."),
    ),
    "elsewhere": (
        marked("In other datasets, the same area and days"),
        marked("They may tell of the same event or of others. Being listed here says neither, and none is merged."),
    ),
}


@dataclass(frozen=True, slots=True)
class Related:
    """Incidents alike in one respect: the respect, some of them, how many there are, and the list of all."""

    name: str
    hits: tuple[Hit, ...]
    total: int
    address: str

    @property
    def title(self) -> str:
        """In what they are alike."""
        return WORDS[self.name][0]

    @property
    def rule(self) -> str:
        """What that means, and what it does not."""
        return WORDS[self.name][1]


@dataclass(frozen=True, slots=True)
class Bearings:
    """Where and when an incident is reported, what was hit, how, and whom sources name, as facets of the index."""

    first: date
    last: date
    areas: tuple[str, ...]
    governorates: tuple[str, ...]
    objects: tuple[str, ...]
    methods: tuple[str, ...]
    actors: tuple[str, ...]
    datasets: tuple[str, ...]


def bearings(reader: Reader, iri: str, attributions: Iterable[Node]) -> Bearings | None:
    """The bearings of an incident; None where it has no date that can be looked for."""
    main = reader.peek(iri)
    first, last = (_day(main, f"sem:{name}TimeStamp") for name in ("hasEarliestBegin", "hasLatestEnd"))
    if first is None:
        return None
    areas = [area for place in main.iris("mz:place") for area in reader.peek(place).iris("geo:sfWithin")]
    around = {iri for area in areas for iri in reader.around(area)}
    actors = {a for claim in attributions if claim.concept("mz:confidence") != "assessed-not-credible"
              for a in claim.iris("mz:allegedActor")}  # fmt: skip
    return Bearings(
        first, last or first, _codes("place", areas),
        _codes("place", (p for p in around if reader.peek(p).integer("mz:adminLevel") == 1)),
        _codes("object", main.iris("mz:objectHit")), _codes("method", main.iris("mz:method")),
        _codes("actor", actors), _codes("dataset", main.iris("mz:inDataset")),
    )  # fmt: skip


def related(listing: Listing, at: Bearings, iri: str, datasets: Iterable[str], lang: str) -> list[Related]:
    """What stands near the incident `iri`; respects in which nothing does are left out."""
    others = tuple(code for code in _codes("dataset", datasets) if code not in at.datasets)
    respects = {
        "place": (_NEAR, {"place": at.areas}),
        "object": (_MONTHS, {"object": at.objects, "place": at.governorates}),
        "pattern": (_MONTHS, {"object": at.objects, "method": at.methods, "actor": at.actors}),
        "elsewhere": (_DAY, {"place": at.areas, "dataset": others}),
    }
    found = []
    for name, (near, facets) in respects.items():
        if all(facets.values()):
            filters = Filters(facets=facets, since=_back(at.first, near), until=_on(at.last, near))
            page = listing.page(filters, "newest", SHOWN + 1)
            hits = tuple(hit for hit in page.items if hit.iri != iri)[:SHOWN]
            if hits:
                total = page.total - (name != "elsewhere")
                found.append(Related(name, hits, total, State(filters).address(f"/{lang}/incidents")))
    return found


def _codes(facet: str, iris: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({FACETS[facet].code(iri) for iri in iris}))


def _day(node: Node, name: str) -> date | None:
    try:
        return date.fromisoformat(str(node.text(name) or "")[:10])
    except ValueError:
        return None


def _back(day: date, span: timedelta) -> date:
    return day - span if day - date.min > span else date.min


def _on(day: date, span: timedelta) -> date:
    return day + span if date.max - day > span else date.max
