"""The saved questions for people: a list in plain words, a form for each, its answer as picture and table."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, request

from kb.errors import UsageError
from kb.export import FORMATS, Rows
from kb.query import saved
from kb.query.saved import GROUPS, SavedQuery
from web import question
from web.chart import draw
from web.column import heading
from web.language import marked
from web.site import here, page

blueprint = Blueprint("query", __name__)
SHOWN = 500  # rows that the page shows; the downloads have all
GROUP_TITLES = {
    "law": marked("By law"),
    "pattern": marked("By pattern of incidents"),
    "evidence": marked("By gap in the evidence"),
    "attribution": marked("By attribution and contest"),
    "actor": marked("By actor"),
    "place-time": marked("By place and time"),
    "report": marked("By report, recommendation and follow-up"),
    "quality": marked("By quality of the data"),
}
VIEW_TITLES = {
    "map": marked("Map"), "timeline": marked("Timeline"), "bars": marked("Bars"), "matrix": marked("Matrix"),
}  # fmt: skip


@blueprint.get("/<lang:lang>/queries/")
def listing(lang: str) -> Response:
    """All saved questions by group."""
    by_group: dict[str, list[SavedQuery]] = {group: [] for group in GROUPS}
    for query in saved.every("report"):
        by_group.setdefault(query.group, []).append(query)
    return page("queries.html", by_group=by_group, titles=GROUP_TITLES)


@blueprint.get("/<lang:lang>/queries/<name>")
def run(lang: str, name: str) -> Response:
    """One question with its form; with `run=1` its answer too."""
    query = saved.load("report", name)
    for other in request.args:
        if other not in query.parameters and other not in ("run", "lang"):
            known = ", ".join(query.parameters) or "none"
            raise UsageError(f"{name} has no parameter {other[:60]}", "", f"Its parameters: {known}.")
    values = question.given(query, lang)
    fields = question.fields(query, values)
    unknown = any(field.typed for field in fields)  # then it is first to be chosen what is meant
    text = query.bind({field.parameter.name: field.value for field in fields})
    frame = {
        "query": query, "fields": fields, "group": GROUP_TITLES[query.group],
        "in_words": question.in_words, "text": text, "view": VIEW_TITLES.get(query.view[0], ""),
    }  # fmt: skip
    if unknown or request.args.get("run") != "1":
        response = page("query.html", rows=None, **frame)
        response.status_code = 400 if unknown else 200
        return response
    rows = question.answer(query, values)
    response = page(
        "query.html", rows=rows, shown=rows.rows[:SHOWN], cap=SHOWN, chart=draw(query.view, rows),
        headings=[(column, heading(column)) for column in _shown(rows)], links=_links(query, values, rows, lang),
        **frame,
    )  # fmt: skip
    response.headers["X-Mizan-Rows"] = str(len(rows.rows))
    response.headers["X-Mizan-Snapshot"] = str(here().number)
    return response


def _links(query: SavedQuery, values: dict[str, str], rows: Rows, lang: str) -> list[tuple[str, str]]:
    """The downloads: their names and addresses."""

    def address(**options: str) -> str:
        return f"/api/queries/{query.name}?{urlencode({**values, 'lang': lang, **options})}"

    found = [("CSV", address(format="csv")), ("CSV (Excel)", address(format="csv", bom="1"))]
    found.append(("CSV (raw)", address(format="csv", raw="1")))
    names = {"xlsx": "XLSX", "json": "JSON", "geojson": "GeoJSON", "turtle": "Turtle", "jsonld": "JSON-LD",
             "ntriples": "N-Triples", "rdfxml": "RDF/XML"}  # fmt: skip
    placed = rows.geometry() is not None
    return [*found, *((names[f], address(format=f)) for f in FORMATS if f in names and (placed or f != "geojson"))]


def _shown(rows: Rows) -> list[str]:
    """The columns of the table: things stand there as links under their names, so their labels are left out."""
    named = zip(("", *rows.columns), rows.columns, strict=False)
    return [c for before, c in named if c not in (f"{before}_label", "label") or not before]
