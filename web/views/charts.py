"""Casualties of a selection as pictures by month, place or object, a range for each source; with table and files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup
from pyoxigraph import Literal, NamedNode

from kb.errors import NotFound, UsageError
from kb.export import Context, Rows, write
from kb.export.rows import Term
from kb.ns import SCHEME, XSD
from kb.search.listing import MOST
from web import choosing, question
from web.casualties import BY, MANY, UNKNOWN, Reported, reported
from web.language import LANGUAGES, language, marked
from web.listing import TITLES, Chooser, State, read
from web.site import here, not_modified, page, reader, show, site, tagged, tongue
from web.stretch import stretch_words
from web.views.incidents import listing_of, parts

blueprint = Blueprint("charts", __name__)
BY_NAMES = {"month": marked("Month"), "place": TITLES["place"], "object": TITLES["object"]}
HARMS = ("killed", "injured")
_DRAWN = 120  # lines of a picture; the table has all
_WIDTH, _NAMES, _NUMBERS, _LINE, _HEAD = 960, 330, 130, 22, 74  # of a picture, in pixels
_COLUMNS = ("group", "claimant", "lowest", "highest", "no_upper_end", "incidents")


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a picture: a heading, or what a source reports; all lengths in pixels from the left."""

    top: int
    heading: str = ""
    name: str = ""
    words: str = ""
    left: float = 0.0
    width: float = 0.0
    open: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for: the selection, what it is divided by, and the kind of harm."""

    state: State
    by: str
    harm: str

    def address(self, path: str) -> str:
        """The address of the same under another path."""
        found = self.state.address(path)
        return f"{found}{'&' if '?' in found else '?'}by={self.by}&harm_shown={self.harm}"


@blueprint.get("/<lang:lang>/charts")
def show_charts(lang: str) -> Response:
    """The page: picture, table, and what narrows both."""
    held = not_modified(f"{lang}-charts")
    if held:
        return held
    asked, path = _asked(), f"/{lang}/charts"
    total = listing_of(here()).total(asked.state.filters)
    lines = _lines(asked) if total <= MANY else []
    files = [("CSV", f"{asked.address(f'/{lang}/charts.csv')}"), ("SVG", asked.address(f"/{lang}/charts.svg"))]
    return tagged(page(
        "charts.html", asked=asked, total=total, most=MANY, by_names=BY_NAMES, harms=[(h, _harm(h)) for h in HARMS],
        rows=[(_group(asked.by, r.group), show().link(r.claimant), r) for r in lines], files=files, path=path,
        parts=parts(Chooser(reader()), asked.state, path), drawn=min(len(lines), _DRAWN),
        list=asked.state.address(f"/{lang}/incidents"),
    ), f"{lang}-charts")  # fmt: skip


@blueprint.get("/<lang:lang>/charts.<form>")
def as_file(lang: str, form: str) -> Response:
    """The picture alone as SVG, or its table as CSV."""
    if form not in ("svg", "csv"):
        raise NotFound(f"There is no chart as {form[:20]}", "", "There are svg and csv.")
    held = not_modified(f"{lang}-charts-{form}")
    if held:
        return held
    asked = _asked()
    total = listing_of(here()).total(asked.state.filters)
    if total > MANY:
        raise UsageError(
            f"The list has {total:,} incidents", f"a chart is made of {MANY:,} at most", "Narrow the list."
        )
    lines = _lines(asked)
    response = _table(asked, lines) if form == "csv" else _picture(asked, lines)
    response.headers["Content-Language"] = lang
    return tagged(response, f"{lang}-charts-{form}")


def _asked() -> Asked:
    state = read(request.args, ("by", "harm_shown"))
    by, harm = request.args.get("by", BY[0]), request.args.get("harm_shown", HARMS[0])
    if by not in BY:
        raise UsageError(f"Charts are not made by {by[:40]!r}", "", f"Use one of: {', '.join(BY)}.")
    if harm not in HARMS:
        raise UsageError(f"There is no chart of {harm[:40]!r}", "", f"Use one of: {', '.join(HARMS)}.")
    return Asked(state.at(), by, harm)


def _lines(asked: Asked) -> list[Reported]:
    """Groups in the order of time, or those with most incidents first; sources by their names."""
    base, at, listing = site().base, here(), listing_of(here())
    incidents, after = [], ""
    while True:
        found = listing.page(asked.state.filters, "newest", MOST, after)
        incidents += [hit.iri for hit in found.items]
        after = found.after
        if not after:
            break
    if not incidents:
        return []
    figures = base.rows("browse", "selection_figures", at, incident=incidents, harm=[f"{SCHEME}harm#{asked.harm}"])
    lines = reported(figures, base.rows("browse", "selection_facts", at, incident=incidents), asked.by)
    weights: dict[str, int] = {}
    for line in lines:
        weights[line.group] = max(weights.get(line.group, 0), line.incidents)

    def order(line: Reported) -> tuple[bool, int, str, str]:
        weight = 0 if asked.by == "month" else -weights[line.group]
        return line.group == UNKNOWN, weight, line.group, str(reader().label(line.claimant))

    return sorted(lines, key=order)


def _harm(harm: str) -> str:
    return choosing.label(f"{SCHEME}harm#{harm}")


def _group(by: str, group: str) -> Markup | str:
    if group == UNKNOWN:
        return tongue().gettext("not recorded")
    if by == "month":
        return stretch_words(date.fromisoformat(f"{group}-01"), "month")
    return Markup("{}").format(reader().label(group))


def _words(line: Reported) -> str:
    """A range in words, such as `12–15` or `at least 60`."""
    low, high = tongue().number(line.low), tongue().number(line.high)
    if line.open:
        return str(tongue().gettext("at least %(number)s")) % {"number": low}
    return low if line.low == line.high else f"{low}–{high}"


def _picture(asked: Asked, lines: list[Reported]) -> Response:
    """The picture; in Arabic it reads from the right."""
    most = max((line.high for line in lines), default=0) or 1
    room, right = _WIDTH - _NAMES - _NUMBERS, tongue().code == "ar"
    bars: list[Bar] = []
    top, group = _HEAD, None
    for line in lines[:_DRAWN]:
        if line.group != group:
            bars.append(Bar(top, heading=str(Markup(_group(asked.by, line.group)).striptags())))
            top, group = top + _LINE, line.group
        start, length = _NAMES + room * line.low / most, max(room * (line.high - line.low) / most, 4.0)
        left = _WIDTH - start - length if right else start
        name, words = str(reader().label(line.claimant)), f"{_words(line)} ({tongue().number(line.incidents)})"
        bars.append(Bar(top, "", name, words, round(left, 1), round(length, 1), line.open))
        top += _LINE
    drawn = render_template(
        "charts.svg", bars=bars, width=_WIDTH, height=top + 16, right=right, title=_title(asked), snapshot=here(),
        day=str(show().day(here().time[:10]).striptags()), left_out=len(lines) - len(lines[:_DRAWN]),
    )  # fmt: skip
    response = Response(drawn, content_type="image/svg+xml; charset=utf-8")
    response.headers["Content-Disposition"] = f'inline; filename="casualties-{asked.by}-{here().number}.svg"'
    return response


def _title(asked: Asked) -> str:
    return str(tongue().gettext("%(harm)s: what each source reports, by %(by)s")) % {
        "harm": _harm(asked.harm), "by": tongue().gettext(BY_NAMES[asked.by]).lower(),
    }  # fmt: skip


def _table(asked: Asked, lines: list[Reported]) -> Response:
    rows = []
    for line in lines:
        iri = "://" in line.group
        cells: dict[str, Term] = {"claimant": NamedNode(line.claimant)}
        if line.group:
            cells["group"] = NamedNode(line.group) if iri else Literal(line.group)
        numbers = {"lowest": line.low, "highest": line.high, "incidents": line.incidents}
        cells |= {name: Literal(str(number), datatype=XSD.integer) for name, number in numbers.items()}
        cells["no_upper_end"] = Literal("true" if line.open else "false", datatype=XSD.boolean)
        rows.append(cells)
    titles = {tag: language(tag).gettext("Casualties as reported, by source") for tag in LANGUAGES}
    narrowed = {"by": asked.by, "harm": asked.harm}
    source = asked.address(f"{request.url_root.rstrip('/')}/{tongue().code}/charts.csv")
    context = Context("casualties", titles, narrowed, here().number, here().time, tongue().code, source)
    body = write("csv", Rows(_COLUMNS, tuple(rows)), choosing.label, context)
    return question.handed(body, "csv", len(rows), f"casualties-{asked.by}-{here().number}")
