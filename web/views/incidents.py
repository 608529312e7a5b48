"""The list of incidents: narrowed by facets, words, time, numbers and place; every state is an address."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from markupsafe import Markup

from kb.errors import UsageError
from kb.export import Context, write
from kb.search import FACETS, Filters, Listing, Screened
from kb.search.listing import MOST, UNITS, Page
from kb.snapshot import Snapshot
from web import choosing, question, selection
from web.language import LANGUAGES, language
from web.listing import ALL, FIRST, SHOWN, SORT_NAMES, TITLES, VIEWS, Chooser, State, Value, read
from web.site import here, not_modified, page, panels, reader, show, site, tagged, tongue
from web.stretch import bars, timeline

blueprint = Blueprint("incidents", __name__)
PER_PAGE = 25
_EXTRA = ("facets", "bins", "zoom", "limit", "format", "raw", "bom")
_FILES = (("csv", "CSV"), ("xlsx", "XLSX"), ("geojson", "GeoJSON"), ("jsonld", "JSON-LD"), ("turtle", "Turtle"))


@dataclass(frozen=True, slots=True)
class Choice:
    """One list to choose from: its name and title, the values, how many there are, whether it lies open."""

    name: str
    title: str
    values: list[Value]
    total: int
    open: bool


@blueprint.get("/<lang:lang>/incidents")
def show_list(lang: str) -> Response:
    """The page."""
    held = not_modified(f"{lang}-incidents")
    if held:
        return held
    state, snapshot = read(request.args), here()
    listing = listing_of(snapshot)
    found = listing.page(state.filters, state.order, PER_PAGE, state.after, state.before, lang)
    names = _names(state)
    chooser = Chooser(reader())
    counts = _counts(listing, snapshot, state.filters, names)
    path = f"/{lang}/incidents"
    return tagged(page(
        "incidents.html", state=state, found=found, sorts=SORT_NAMES, path=path, box=_box_words(state.filters),
        choices=[_choice(chooser, name, counts[name], state) for name in names], parts=parts(chooser, state, path),
        after=state.at(after=found.after).address(path) if found.after else "",
        before=state.at(before=found.before).address(path) if found.before else "",
        bars=bars(_days(listing, state.filters), state, path), files=_files(state, lang),
        crossed=replace(state.at(), view="").address(f"/{lang}/matrix"),
        charts=replace(state.at(), view="").address(f"/{lang}/charts"), whole="1" in state.more,
        views=_views(state, path), **_seen(state, found, listing, path),
    ), f"{lang}-incidents")  # fmt: skip


def _files(state: State, lang: str) -> list[tuple[str, str]]:
    """What the list can be taken away as: words and address; from its beginning, whatever page is shown."""
    start = replace(state.at(), view="")
    data = start.address("/api/incidents")
    joined = "&" if "?" in data else "?"
    files = [(words, f"{data}{joined}{urlencode({'format': name, 'lang': lang})}") for name, words in _FILES]
    return [*files, ("JSON", data), (tongue().gettext("Evidence bundle (ZIP)"), start.address("/api/bundle"))]


def _views(state: State, path: str) -> list[tuple[str, str, str]]:
    """The ways to look at the same incidents: name, words, address; the address keeps all that narrows the list."""
    return [(name, tongue().gettext(words), replace(state, view=name).address(path)) for name, words in VIEWS.items()]


def _seen(state: State, found: Page, listing: Listing, path: str) -> dict[str, Any]:
    """What one way of looking needs beside the page of incidents."""
    if state.view in ("table", "cards"):
        rows = selection.table(here(), reader(), tongue(), list(found.items))
        return {"rows": list(zip(found.items, rows.rows, strict=True)), "columns": selection.SEEN}
    if state.view == "timeline":
        return {"timeline": timeline(_days(listing, state.filters), panels()("law_changes"), state, path)}
    return {}


def listing_of(snapshot: Snapshot) -> Listing:
    """The lists of a snapshot, with what the screening says."""
    return Listing(snapshot.index, lambda: site().once("screened", snapshot, partial(Screened, snapshot.store)))


def _names(state: State) -> list[str]:
    """The facets that are shown: the first ones, those that narrow the list or are asked for, else all."""
    asked = {*FIRST, *state.filters.facets, *state.more}
    return [name for name in FACETS if name in asked or "1" in state.more]


def _counts(
    listing: Listing, snapshot: Snapshot, filters: Filters, names: list[str]
) -> dict[str, list[tuple[str, int]]]:
    """Counts of the whole list are the same for everybody and are kept until there is a newer snapshot.

    A facet that alone narrows the list is counted without itself, so it is counted over the whole.
    """
    found = listing.counts(filters, [name for name in names if filters.without(name)])
    for name in names:
        if name not in found:
            found |= site().once(f"facet {name}", snapshot, partial(listing.counts, Filters(), [name]))
    return found


def _days(listing: Listing, filters: Filters) -> list[tuple[date, int]]:
    if filters:
        return listing.time(filters, "day")
    found: list[tuple[date, int]] = site().once("days", here(), lambda: listing.time(filters, "day"))
    return found


def _choice(chooser: Chooser, name: str, counts: list[tuple[str, int]], state: State) -> Choice:
    chosen = state.filters.facets.get(name, ())
    values = chooser.values(name, counts, chosen, ALL if name in state.more else SHOWN)
    title, opened = tongue().gettext(TITLES[name]), bool(chosen) or name in (*FIRST, *state.more)
    return Choice(name, title, values, len(counts), opened)


def parts(chooser: Chooser, state: State, path: str) -> list[tuple[Markup, str]]:
    """Each thing that narrows the list in words, with the address of the list without it."""
    chosen, gettext = state.filters, tongue().gettext
    parts: list[tuple[Markup, Filters]] = []
    either = Markup(" {} ").format(gettext("or"))
    if chosen.text:
        parts.append((Markup(gettext("words: %(text)s")) % {"text": chosen.text}, replace(chosen, text="")))
    for name, codes in chosen.facets.items():
        words = either.join(Markup("{}").format(chooser.words(FACETS[name], code)) for code in codes)
        parts.append((Markup("{}: {}").format(gettext(TITLES[name]), words), chosen.without(name)))
    if chosen.since:
        parts.append((Markup(gettext("not before %(day)s")) % {"day": _day(chosen.since)}, replace(chosen, since=None)))
    if chosen.until:
        parts.append((Markup(gettext("not after %(day)s")) % {"day": _day(chosen.until)}, replace(chosen, until=None)))
    if chosen.killed != (None, None):
        parts.append((_killed_words(chosen), replace(chosen, killed=(None, None))))
    if chosen.box:
        parts.append((_box_words(chosen), replace(chosen, box=None)))
    return [(words, state.narrowed(left).address(path)) for words, left in parts]


def _killed_words(chosen: Filters) -> Markup:
    low, high = chosen.killed
    gettext = tongue().gettext
    if high is None:
        return Markup(gettext("one claim says at least %(low)s killed")) % {"low": show().number(low or 0)}
    return Markup(gettext("one claim says %(low)s to %(high)s killed, by its lower figure")) % {
        "low": show().number(low or 0), "high": show().number(high),
    }  # fmt: skip


def _box_words(chosen: Filters) -> Markup:
    if not chosen.box:
        return Markup("")
    box = chosen.box
    corners = f"{box.south:g}–{box.north:g}° N, {box.west:g}–{box.east:g}° E"
    return Markup(tongue().gettext("on the map: %(box)s")) % {"box": Markup('<bdi dir="ltr">{}</bdi>').format(corners)}


def _day(day: date) -> Markup:
    return show().day(day.isoformat())


@blueprint.get("/api/incidents")
def as_data() -> Response:
    """The same as JSON. Also: `facets` (names with commas), `bins` (a unit of time), `zoom` (of the map), `limit`."""
    variant = f"api-incidents-{tongue().code}"
    held = not_modified(variant)
    if held:
        return held
    state, snapshot = read(request.args, _EXTRA), here()
    listing = listing_of(snapshot)
    wanted = question.option("format", "json")
    if wanted != "json":
        return _as_file(state, listing, wanted)
    names = _asked_facets(state)
    limit = _whole("limit", PER_PAGE, MOST)
    found = listing.page(state.filters, state.order, limit, state.after, state.before, tongue().code)
    told: dict[str, Any] = {
        "snapshot": snapshot.number,
        "total": found.total,
        "sort": state.order,
        "narrowed": dict(_listed(state)),
        "incidents": [
            {"iri": hit.iri, "label": {"en": hit.label_en, "ar": hit.label_ar}, "date": hit.date} for hit in found.items
        ],
        "before": found.before,
        "after": found.after,
        "facets": {
            name: [{"value": c, "iri": FACETS[name].iri(c), "incidents": n} for c, n in counts]
            for name, counts in _counts(listing, snapshot, state.filters, names).items()
        },
    }
    unit = request.args.get("bins", "")
    if unit and unit not in UNITS:
        raise UsageError(f"There are no bins by {unit[:40]!r}", "", f"Use one of: {', '.join(UNITS)}.")
    if unit:
        told["time"] = [{"from": str(start), "incidents": n} for start, n in listing.time(state.filters, unit)]
    if request.args.get("zoom"):
        cells = listing.map(state.filters, _whole("zoom", 6, 16))
        told["map"] = [{**asdict(cell.box), "incidents": cell.incidents} for cell in cells]
    body = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    return tagged(Response(body, content_type="application/json; charset=utf-8"), variant)


def _as_file(state: State, listing: Listing, wanted: str) -> Response:
    """All incidents of the list as a file: a table, or their records in RDF."""
    snapshot, code = here(), tongue().code
    selected = selection.hits(listing, state, code)
    if wanted in selection.GRAPHS or wanted == "turtle":
        body = selection.records(snapshot, selected, wanted)
    else:
        raw, bom = (question.option(option, "0") == "1" for option in ("raw", "bom"))
        narrowed = {name: " | ".join(values) for name, values in _listed(state).items()}
        titles = {tag: language(tag).gettext("Incidents") for tag in LANGUAGES}
        source = state.address(f"{request.url_root}api/incidents")
        context = Context("incidents", titles, narrowed, snapshot.number, snapshot.time, code, source)
        rows = selection.table(snapshot, reader(), tongue(), selected)
        body = write(wanted, rows, choosing.label, context, raw=raw, bom=bom)
    response = question.handed(body, wanted, len(selected), f"incidents-{snapshot.number}")
    return tagged(response, f"api-incidents-{code}")


def _listed(state: State) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in state.pairs():
        if name not in ("sort", "after", "before", "more", "view"):
            found.setdefault(name, []).append(value)
    return found


def _asked_facets(state: State) -> list[str]:
    given = request.args.get("facets")
    names = _names(state) if given is None else [name for name in given.split(",") if name]
    for name in names:
        if name not in FACETS:
            raise UsageError(f"There is no facet {name[:40]!r}", "", f"Use some of: {', '.join(FACETS)}.")
    return list(dict.fromkeys(names))


def _whole(name: str, usual: int, most: int) -> int:
    text = request.args.get(name, "") or str(usual)
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= most):
        raise UsageError(f"{name}={text[:40]} does not fit", f"it is a whole number up to {most}", "")
    return int(text)
