"""The list of incidents as an address: what narrows it, how that reads in words, and the lists to choose from."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from markupsafe import Markup
from pyoxigraph import NamedNode
from werkzeug.datastructures import MultiDict

from kb.errors import UsageError
from kb.search import FACETS, Box, Facet, Filters
from kb.search.listing import SORTS
from web.language import marked
from web.reading import Reader, Text, expand
from web.screening import OUTCOMES

TITLES = {
    "place": marked("Place"), "object": marked("Object hit"), "method": marked("Method"),
    "actor": marked("Alleged actor"), "instrument": marked("Law invoked"), "weapon": marked("Weapon"),
    "harm": marked("Harm"), "victim": marked("Victims"), "confidence": marked("Confidence of the attribution"),
    "position": marked("Position of a party"), "party": marked("Side in the fighting"),
    "provision": marked("Provision invoked"), "status": marked("Status of the link to the law"),
    "grade": marked("Grade of evidence"), "claims": marked("Number of claims"),
    "sources": marked("Number of independent sources"), "differ": marked("Sources differ in"),
    "source": marked("Source"), "dataset": marked("Dataset"), "conflict": marked("Conflict"),
    "applicability": marked("What the screening computes"),
}  # fmt: skip
DIFFERENCES = {
    "figures": marked("casualty figures that cannot all hold"), "actors": marked("whom they allege to have acted"),
    "dates": marked("when it happened"),
}  # fmt: skip
FIRST = ("place", "object", "method", "actor", "instrument")  # shown at once; the others where asked for
SORT_NAMES = {
    "newest": marked("Newest first"), "oldest": marked("Oldest first"), "changed": marked("Last changed first"),
    "title": marked("By title"), "best": marked("Best match first"),
}  # fmt: skip
VIEWS = {"": marked("List"), "table": marked("Table"), "cards": marked("Cards"), "timeline": marked("Timeline")}
_PLAIN = ("q", "from", "to", "killed_from", "killed_to", "box", "sort", "view", "after", "before", "more", "lang")
_LONGEST = 300  # characters of a text or of one value
_MANY = 50  # values of one facet that are chosen at once
SHOWN, ALL = 10, 200  # values of a facet that are listed, and where all are asked for
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_PARENTS = {"place": "geo:sfWithin", "actor": "org:subOrganizationOf", "party": "org:subOrganizationOf",
            "provision": "eli:is_part_of", "source": "prov:wasDerivedFrom"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class State:
    """Everything that an address of the list says; `more` is `1` for all lists, or the name of one shown whole.

    `view` is one of VIEWS: how the same incidents are shown.
    """

    filters: Filters = Filters()
    sort: str = ""
    after: str = ""
    before: str = ""
    more: tuple[str, ...] = ()
    view: str = ""

    @property
    def order(self) -> str:
        """The sort that holds: as asked, else by relevance where words are asked for and newest first without."""
        if self.sort in SORTS and (self.sort != "best" or self.filters.text):
            return self.sort
        return "best" if self.filters.text else "newest"

    def pairs(self) -> list[tuple[str, str]]:
        """The state as parameters of an address, always in the same order."""
        chosen, box = self.filters, self.filters.box
        low, high = chosen.killed
        plain = [
            ("q", chosen.text), ("from", str(chosen.since or "")), ("to", str(chosen.until or "")),
            ("killed_from", "" if low is None else str(low)), ("killed_to", "" if high is None else str(high)),
            ("box", f"{box.south:g},{box.west:g},{box.north:g},{box.east:g}" if box else ""),
        ]  # fmt: skip
        facets = [(name, code) for name in FACETS for code in chosen.facets.get(name, ())]
        rest = [("sort", self.sort), ("view", self.view), *(("more", name) for name in self.more)]
        return [p for p in [*plain, *facets, *rest, ("after", self.after), ("before", self.before)] if p[1]]

    def address(self, path: str) -> str:
        """The address of this state."""
        pairs = self.pairs()
        return path + (f"?{urlencode(pairs)}" if pairs else "")

    def at(self, after: str = "", before: str = "") -> State:
        """The same list at another place; at its beginning without a cursor."""
        return replace(self, after=after, before=before)

    def narrowed(self, filters: Filters) -> State:
        """The list with other filters, from its beginning."""
        return replace(self, filters=filters, after="", before="")


def read(given: MultiDict[str, str], also: tuple[str, ...] = ()) -> State:
    """The state that the parameters of a request say; UsageError for what it does not know or cannot read.

    A parameter that were passed over in silence would show more than was asked for.
    """
    for name in given:
        if name not in FACETS and name not in _PLAIN and name not in also:
            raise UsageError(
                f"There is no parameter {name[:40]!r}", "", f"Use: {', '.join([*_PLAIN[:-1], *FACETS, *also])}."
            )
    facets = {name: _codes(name, given.getlist(name)) for name in FACETS if any(given.getlist(name))}
    text = given.get("q", "").replace("\0", " ").strip()[:_LONGEST]
    sort = given.get("sort", "")
    if sort and sort not in SORTS:
        raise UsageError(f"There is no sort {sort[:40]!r}", "", f"Use one of: {', '.join(SORTS)}.")
    view = given.get("view", "")
    if view not in VIEWS:
        raise UsageError(f"There is no view {view[:40]!r}", "", f"Use one of: {', '.join(filter(None, VIEWS))}.")
    numbers = (_number("killed_from", given), _number("killed_to", given))
    filters = Filters(text, facets, _day("from", given, False), _day("to", given, True), numbers, _box(given))
    more = tuple(name for name in dict.fromkeys(given.getlist("more")) if name == "1" or name in FACETS)
    return State(filters, sort, given.get("after", ""), given.get("before", ""), more, view)


def _codes(name: str, given: list[str]) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(code for code in given if code))
    if len(codes) > _MANY or any(len(code) > _LONGEST for code in codes):
        raise UsageError(f"{name} has too many values, or one that is too long", f"at most {_MANY} are taken", "")
    return codes


def _number(name: str, given: MultiDict[str, str]) -> int | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 12:
        raise UsageError(f"{name}={text[:40]} is not a whole number", "", "Write it in digits, such as 12.")
    return int(text)


def _day(name: str, given: MultiDict[str, str], last: bool) -> date | None:
    """A day, or the first or last day of a month or year."""
    text = given.get(name, "").strip()
    if not text:
        return None
    found = _DATE.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        year, month = int(found[1]), int(found[2] or (12 if last else 1))
        day = int(found[3] or (calendar.monthrange(year, month)[1] if last else 1))
        return date(year, month, day)
    except ValueError:
        raise UsageError(f"{name}={text[:40]} is not a date", "", "Write 2016-04-27, 2016-04 or 2016.") from None


def _box(given: MultiDict[str, str]) -> Box | None:
    text = given.get("box", "").strip()
    if not text:
        return None
    parts = text.split(",")
    if len(parts) == 4 and all(re.fullmatch(r"-?\d{1,3}(\.\d{1,12})?", part) for part in parts):
        south, west, north, east = map(float, parts)
        if -90 <= south <= north <= 90 and abs(west) <= 180 and abs(east) <= 180:
            return Box(south, west, north, east)
    raise UsageError(
        f"box={text[:60]} is not a part of the map", "", "Write south,west,north,east in degrees: box=35,36,37,38"
    )


@dataclass(frozen=True, slots=True)
class Value:
    """One line of a list to choose from: its code and words, how many incidents, how far indented, whether chosen."""

    code: str
    words: Text | Markup | str
    incidents: int
    depth: int
    chosen: bool


class Chooser:
    """Words for the values of facets, and the lists with what is narrower below what is broader."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def words(self, facet: Facet, code: str) -> Text | Markup | str:
        """A value in words; a code that names nothing known stays as it is."""
        value, status = facet.parted(code)
        if code in DIFFERENCES and facet.name == "differ":
            return self._reader.language.gettext(DIFFERENCES[code])
        if not facet.base:
            step = f"≥ {code[:-1]}" if code.endswith("-") else code.replace("-", "–")
            return Markup('<bdi dir="ltr">{}</bdi>').format(step)
        iri = facet.iri(value)
        label = self._reader.label(iri) if _node(iri) else value
        if not status:
            return label
        if status in OUTCOMES:
            return Markup("{} ({})").format(label, self._reader.language.gettext(OUTCOMES[status]))
        return Markup("{} ({})").format(label, self.words(FACETS["status"], status))

    def values(self, name: str, counts: list[tuple[str, int]], chosen: tuple[str, ...], most: int) -> list[Value]:
        """The values of a facet as a tree, most incidents first on each level: the first `most`, and what is chosen."""
        facet, numbers = FACETS[name], dict(counts[:ALL])
        numbers |= {code: dict(counts).get(code, 0) for code in chosen}
        if not facet.base:
            ordered = sorted(numbers, key=lambda c: int(re.split(r"\D", c)[0] or 0))
            return [Value(c, self.words(facet, c), numbers[c], 0, c in chosen) for c in ordered]
        below: dict[str, list[str]] = {}
        for code in numbers:
            below.setdefault(self._parent(facet, code, numbers), []).append(code)
        rows = list(_tree(below, "", 0))
        kept = [(code, depth) for at, (code, depth) in enumerate(rows) if at < most or code in chosen]
        return [Value(c, self._short(facet, c, depth), numbers[c], depth, c in chosen) for c, depth in kept]

    def _short(self, facet: Facet, code: str, depth: int) -> Text | Markup | str:
        """Words for a line; the status alone where it stands below what it is the status of."""
        status = facet.parted(code)[1]
        return self.words(FACETS["status"], status) if status and depth else self.words(facet, code)

    def _parent(self, facet: Facet, code: str, among: dict[str, int]) -> str:
        value, status = facet.parted(code)
        if status:
            return value if value in among else ""
        node = _node(facet.iri(code))
        if node is None:
            return ""
        wider = NamedNode(expand(_PARENTS.get(facet.name, "skos:broader")))
        parents = self._reader.snapshot.store.objects(node, wider)
        codes = sorted(facet.code(p.value) for p in parents)
        return next((c for c in codes if c in among and c != code), "")


def _node(iri: str) -> NamedNode | None:
    """The node of an IRI; None where what was typed can be none."""
    try:
        return NamedNode(iri)
    except ValueError:
        return None


def _tree(below: dict[str, list[str]], parent: str, depth: int) -> Iterator[tuple[str, int]]:
    """The values below one, each with its depth; every value once, even where lists go in a circle."""
    for code in below.pop(parent, ()):
        yield code, depth
        yield from _tree(below, code, depth + 1)
