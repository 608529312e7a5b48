"""The law on a day: the page that lists all of it, and what the pages of instruments and provisions show of a day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from kb.errors import UsageError
from kb.search import FACETS, Filters
from web import timeline
from web.chronicle import BONDS, EVENTS, STANDINGS, Bond, Chronicle, Event, around, chronicle
from web.listing import State
from web.site import here, not_modified, page, reader, site, tagged, tongue
from web.stretch import last_day, stretch_words
from web.views.incidents import listing_of

blueprint = Blueprint("law_time", __name__)
WORDS = {"EVENTS": EVENTS, "STANDINGS": STANDINGS, "BONDS": BONDS}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTHS = 60  # months that are shown one by one; more are shown as years


@dataclass(frozen=True, slots=True)
class Moment:
    """The day that is looked at (None: none), the changes that there are, and the nearest ones around the day."""

    path: str
    on: date | None
    events: Sequence[Event]
    before: date | None
    after: date | None

    def address(self, day: date) -> str:
        """The page with the law as it stood on another day."""
        return f"{self.path}?{urlencode({'on': day.isoformat()})}"

    @property
    def days(self) -> list[tuple[date, list[Event]]]:
        """The changes by day, the latest first."""
        found: dict[date, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.day, []).append(event)
        return sorted(found.items(), reverse=True)


def history() -> Chronicle:
    """The law in time, as this snapshot has it."""
    snapshot = here()
    found: Chronicle = site().once("chronicle", snapshot, lambda: chronicle(snapshot.store))
    return found


def asked() -> date | None:
    """The day that the address asks for; UsageError for what is none."""
    text = request.args.get("on", "").strip()
    if not text:
        return None
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"on={text[:40]} is no day", "", "Write it as year-month-day, such as 2016-02-27.") from None


def moment(events: Sequence[Event]) -> Moment:
    """What the control of a page needs: the day asked for, and these changes around it."""
    on = asked()
    before, after = around(events, on) if on else (None, None)
    return Moment(request.path, on, events, before, after)


@blueprint.get("/<lang:lang>/law")
def index(lang: str) -> Response:
    """All instruments by kind, with how each stood on the day asked for, and who was bound."""
    told = history()
    now = moment(told.events)
    held = not_modified(f"{lang}-law-{now.on}")
    if held:
        return held
    groups: dict[str, list[str]] = {}
    for iri in told.instruments:
        groups.setdefault(reader().peek(iri).iri_value("mz:instrumentKind"), []).append(iri)
    picture = timeline.of_instruments(told.instruments.values(), told, now.on)
    return tagged(page(
        "law_index.html", told=told, now=now, groups=sorted(groups.items()), picture=picture,
        bound=_bound(told, now.on), **WORDS,
    ), f"{lang}-law-{now.on}")  # fmt: skip


def _bound(told: Chronicle, on: date | None) -> dict[str, list[Bond]]:
    """The States that each instrument bound on a day."""
    if on is None:
        return {}
    return {iri: [b for b in bonds if b.standing(on) == "bound"] for iri, bonds in told.bonds.items()}


def of_instrument(iri: str) -> dict[str, Any]:
    """How an instrument and its provisions stood on the day asked for, and who was bound when as a picture."""
    told = history()
    now = moment(told.of(iri))
    bonds = told.bonds.get(iri, ())
    return {
        "told": told, "now": now, "bonds": {bond.iri: bond for bond in bonds},
        "picture": timeline.of_bonds(bonds, told, now.on), **WORDS,
    }  # fmt: skip


def of_provision(iri: str) -> dict[str, Any]:
    """How a provision stood on the day asked for, who was bound then, and its incidents over time."""
    told = history()
    instrument = reader().peek(iri).iri_value("mz:ofInstrument")
    now = moment([e for e in told.of(instrument) if e.node == iri or "/provision/" not in e.node])
    return {
        "told": told, "now": now, "of": instrument, "bonds": told.bonds.get(instrument, ()),
        "over_time": over_time(iri), **WORDS,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stretch:
    """Numbers of incidents of one month or year, each with the list that it counts and its bar in per cent."""

    words: object
    cells: tuple[tuple[int, float, str], ...]


def over_time(iri: str) -> list[Stretch]:
    """The incidents that a provision is invoked for by somebody, suggested for, and applicable to, by month or year.

    They are counted apart, since the first are claims, the second nobody's, and the third computed.
    """
    listing, path = listing_of(here()), f"/{tongue().code}/incidents"
    code = FACETS["provision"].code(iri)
    claimed = tuple(f"{code}:{status}" for status in ("alleged", "found", "adjudicated", "rejected"))
    kinds: list[dict[str, tuple[str, ...]]] = [
        {"provision": claimed}, {"provision": (f"{code}:candidate",)}, {"applicability": (f"{code}:applicable",)},
    ]  # fmt: skip
    counts = [dict(listing.time(Filters(facets=facets), "month")) for facets in kinds]
    months = sorted({start for found in counts for start in found})
    if not months:
        return []
    unit = "month" if len(months) <= _MONTHS else "year"
    if unit == "year":
        counts = [_by_year(found) for found in counts]
        months = sorted({start for found in counts for start in found})
    most = [max(found.values(), default=1) for found in counts]
    whole = State(Filters())

    def cell(kind: int, start: date) -> tuple[int, float, str]:
        number = counts[kind].get(start, 0)
        filters = replace(whole.filters, facets=kinds[kind], since=start, until=last_day(start, unit))
        return number, round(100 * number / most[kind], 1), whole.narrowed(filters).address(path)

    return [Stretch(stretch_words(start, unit), tuple(cell(k, start) for k in range(3))) for start in months]


def _by_year(found: dict[date, int]) -> dict[date, int]:
    years: dict[date, int] = {}
    for start, number in found.items():
        year = start.replace(month=1)
        years[year] = years.get(year, 0) + number
    return years
