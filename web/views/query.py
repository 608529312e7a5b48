"""The saved questions: a list in plain words, and a form for the parameters of each."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, request

from kb.errors import UsageError
from kb.query import saved
from kb.query.guard import form_of
from kb.query.saved import SavedQuery
from web import service
from web.site import here, page, site
from web.views.sparql import examples, table_of

blueprint = Blueprint("query", __name__)
_LONGEST = 500  # characters of a parameter


@blueprint.get("/<lang:lang>/queries/")
def listing(lang: str) -> Response:
    """All saved questions by tag."""
    by_tag: dict[str, list[SavedQuery]] = {}
    for query in examples():
        by_tag.setdefault(query.tags[0] if query.tags else "", []).append(query)
    return page("queries.html", by_tag=dict(sorted(by_tag.items())))


@blueprint.get("/<lang:lang>/queries/<name>")
def run(lang: str, name: str) -> Response:
    """One question with its form; with `run=1` its answer too."""
    query = saved.load("report", name)
    values = given(query, lang)
    if request.args.get("run") != "1":
        return page("query.html", query=query, values=values, answer=None)
    filled = {name: value for name, value in values.items() if value}
    text = query.bind(filled)
    form = form_of(text)
    sort = service.formats_for(form)
    answer = site().base.ask_saved(query, filled, "json" if "json" in sort else "turtle")
    links = [(kind, f"/sparql?{urlencode({'query': text, 'format': kind})}") for kind in sort]
    response = page(
        "query.html", query=query, values=values, answer=answer, form=form, links=links, **table_of(answer, form)
    )
    response.headers["X-Mizan-Rows"] = str(answer.rows)
    response.headers["X-Mizan-Snapshot"] = str(here().number)
    return response


def given(query: SavedQuery, lang: str) -> dict[str, str]:
    """The value of each parameter: from the address, else its default; the language follows the page."""
    values = {}
    for name, parameter in query.parameters.items():
        standard = lang if name == "language" else parameter.default or ""
        values[name] = request.args.get(name, standard).strip()
        if len(values[name]) > _LONGEST:
            raise UsageError(f"{name} is too long", f"more than {_LONGEST} characters", "Shorten it.")
    return values
