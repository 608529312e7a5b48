"""What a report counts for a period and a place, beside what others count for the incidents recorded there.

Totals are taken within one claimant, over incidents, as ranges; nothing is added across claimants, and what differs is
said in words, not weighed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from kb.applicability import pattern
from kb.applicability.pattern import Count
from kb.search import FACETS, Filters, Hit, Listing
from kb.search.listing import MOST
from kb.store.local import LocalStore
from web.chronicle import local_day
from web.language import marked
from web.listing import State
from web.reading import Node, Reader

SHOWN, COUNTED = 5, 1_000  # incidents that are named, and over how many claims are counted at most
RELATIONS = {
    "higher": marked("the report’s number is higher than this range"),
    "lower": marked("the report’s number is lower than this range"),
    "overlap": marked("the report’s number lies within this range, or the two ranges overlap"),
    "open": marked("this range has no upper end, so that the two cannot be told apart"),
    "alone": marked("the report gives no number for it"),
}


@dataclass(frozen=True, slots=True)
class Group:
    """Incidents in a window: how many, some of them, and the list of all."""

    total: int
    hits: tuple[Hit, ...]
    address: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What one claimant counts over incidents of the window, and how the report's number stands to it."""

    count: Count
    relation: str


@dataclass(frozen=True, slots=True)
class Window:
    """One series of a report: its own numbers of killed, the incidents in its window, and others' numbers for them.

    `named` are those of the incidents for which some source names the actor that the report names; `beside` counts
    over them, and is None where they are too many to be counted for a page.
    """

    series: Node
    own: tuple[Node, ...]
    whole: Group
    datasets: tuple[tuple[str, int], ...]
    named: Group | None
    actors: tuple[str, ...]
    beside: tuple[Beside, ...] | None


Once = Callable[[str, Callable[[], tuple[Beside, ...]]], tuple[Beside, ...]]
"""Keeps a value for a snapshot, by name."""


def windows(store: LocalStore, listing: Listing, reader: Reader, claims: list[Node], once: Once) -> list[Window]:
    """The windows of the series that claims are about, the widest first."""
    about: dict[str, list[Node]] = {}
    for claim in claims:
        iri = claim.iri_value("mz:about")
        if iri and "mz:IncidentSeries" in reader.peek(iri).types:
            about.setdefault(iri, []).append(claim)
    actors = tuple(dict.fromkeys(a for c in claims if "mz:Attribution" in c.types for a in c.iris("mz:allegedActor")))
    claimants = {claim.iri_value("mz:claimant") for claim in claims}
    found = (_window(store, listing, reader, iri, told, actors, claimants, once) for iri, told in about.items())
    return sorted((w for w in found if w), key=lambda w: (-w.whole.total, w.series.iri))


def _window(
    store: LocalStore, listing: Listing, reader: Reader, iri: str, told: list[Node], actors: tuple[str, ...],
    claimants: set[str], once: Once,
) -> Window | None:  # fmt: skip
    series = reader.peek(iri)
    since, until = (_day(series, f"sem:{name}TimeStamp") for name in ("hasEarliestBegin", "hasLatestEnd"))
    if since is None or until is None:
        return None
    places = _codes("place", series.iris("mz:withinPlace"))
    within = {"place": places} if places else {}
    everything = Filters(facets=dict(within), since=since, until=until)
    own = tuple(c for c in told if c.concept("mz:harm") == "killed" and not _of_part(c))
    chain = {above for actor in actors for above in reader.organisations(actor)}
    named = Filters(facets=within | {"actor": _codes("actor", chain)}, since=since, until=until) if chain else None
    datasets = tuple(
        (FACETS["dataset"].iri(code), number) for code, number in listing.counts(everything, ["dataset"])["dataset"]
    )
    group = _group(listing, named, reader.language.code) if named else None
    beside: tuple[Beside, ...] | None = ()
    if named and group and group.total > COUNTED:
        beside = None
    elif named and group:
        beside = once(f"beside {iri}", lambda: _beside(store, _all(listing, named), own, claimants))
    return Window(series, own, _group(listing, everything, reader.language.code), datasets, group, actors, beside)


def _group(listing: Listing, filters: Filters, code: str) -> Group:
    page = listing.page(filters, "newest", SHOWN, language=code)
    return Group(page.total, page.items, State(filters).address(f"/{code}/incidents"))


def _all(listing: Listing, filters: Filters) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        page = listing.page(filters, "newest", MOST, after)
        found += [hit.iri for hit in page.items]
        after = page.after
        if not after:
            return found


def _beside(
    store: LocalStore, incidents: list[str], own: Iterable[Node], claimants: set[str]
) -> tuple[Beside, ...]:  # fmt: skip
    counts = [c for c in pattern.counts(store, incidents)
              if c.harm.endswith("#killed") and c.claimant not in claimants]  # fmt: skip
    return tuple(Beside(count, relation(count, own)) for count in counts)


def relation(count: Count, own: Iterable[Node]) -> str:
    """How the report's number stands to a range: a key of RELATIONS."""
    lows, highs = [], []
    for claim in own:
        lows += [n for n in (claim.integer("mz:minimum"), claim.integer("mz:maximum")) if n is not None][:1]
        highs += [n for n in (claim.integer("mz:maximum"), claim.integer("mz:minimum")) if n is not None][:1]
    if not lows:
        return "alone"
    if max(highs) < count.minimum:
        return "lower"
    if count.maximum is None:
        return "open"
    return "higher" if min(lows) > count.maximum else "overlap"


def _of_part(claim: Node) -> bool:
    """Whether a number is of the children or the women among those counted."""
    return any(claim.has(name) and claim.concept(name) != "not-stated" for name in ("mz:victimAge", "mz:victimSex"))


def _codes(facet: str, iris: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({FACETS[facet].code(iri) for iri in iris}))


def _day(node: Node, name: str) -> date | None:
    return local_day(str(node.text(name) or ""))
