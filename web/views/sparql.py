"""The SPARQL service and its page: GET and POST, formats by negotiation, a plain form for people."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from flask import Blueprint, Response, g, request
from markupsafe import Markup
from pyoxigraph import RdfFormat, parse, serialize

from kb.errors import QueryInvalid, UsageError
from kb.knowledgebase import table
from kb.query import saved
from kb.store.base import Answer
from web import negotiation, service
from web.negotiation import HTML, UnsupportedBody
from web.service import Question
from web.site import here, not_modified, page, site, tagged, tongue

blueprint = Blueprint("sparql", __name__)
_GRAPH_TYPES = {
    "text/turtle": RdfFormat.TURTLE, "application/n-triples": RdfFormat.N_TRIPLES,
    "application/ld+json": RdfFormat.JSON_LD, "application/rdf+xml": RdfFormat.RDF_XML,
}  # fmt: skip
SHOWN = 500  # rows of a result that the page shows; the formats for programs always have all
_FORM, _DIRECT = "application/x-www-form-urlencoded", "application/sparql-query"


@blueprint.route("/sparql", methods=["GET", "POST"])
def endpoint() -> Response:
    """Answer a query, or without one show the form (to people) or the service description (to programs)."""
    text = _posted() if request.method == "POST" else service.query_text(request.args)
    if text is None:
        return _without_query()
    g.query_text = text
    wanted = request.values.get("format", "")
    asked = service.question(text, wanted, request.accept_mimetypes)
    repeatable = request.method != "POST" and asked.repeatable
    variant = f"sparql-{asked.format}-{tongue().code if asked.format == 'html' else ''}"
    response = not_modified(variant) if repeatable else None
    if response is None:
        response = answer_page(asked) if asked.format == "html" else _answer(asked)
        if repeatable:
            tagged(response, variant)
        response.headers["X-Mizan-Snapshot"] = str(here().number)
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


def _posted() -> str | None:
    kind = request.mimetype
    if kind == _DIRECT:
        charset = request.mimetype_params.get("charset", "utf-8").lower()
        if service.query_text(request.args) is not None:
            raise UsageError("The query is given twice", "in the address and in the body", "Leave one of them out.")
        try:
            if charset not in ("utf-8", "utf8", "us-ascii"):
                raise ValueError(f"charset {charset[:20]}")
            return request.get_data().decode("utf-8")
        except ValueError as error:
            raise QueryInvalid("The body is not UTF-8", str(error), "Send the query as UTF-8.") from None
    if kind == _FORM:
        if "default-graph-uri" in request.args or "named-graph-uri" in request.args:
            service.query_text(request.args)
        text = service.query_text(request.form)
        if text is None:
            raise UsageError("There is no query in the form", "", "Send it as the field `query`.")
        return text
    if kind == "application/sparql-update":
        raise service.updates_refused()
    raise UnsupportedBody(
        f"A body of type {kind[:60] or 'unknown'} is not read here", "",
        f"Send {_FORM} with a field `query`, or {_DIRECT}.",
    )


def _without_query() -> Response:
    offered = [*_GRAPH_TYPES, HTML]
    chosen = negotiation.must_choose(request.accept_mimetypes, offered)
    if chosen != HTML:
        text = service.description(request.base_url)
        body = serialize(parse(text, format=RdfFormat.TURTLE), format=_GRAPH_TYPES[chosen])
        response = Response(body, content_type=f"{chosen}; charset=utf-8")
    else:
        example = request.args.get("example", "")
        text = saved.load("report", example).bind({}) if example else ""
        response = page("sparql.html", query=text, answer=None, examples=examples(), **_frame())
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


def _answer(asked: Question) -> Response:
    answer = site().base.ask(asked.text, asked.format, at=here())
    media_type = service.CHARSETS.get(asked.format, answer.media_type)
    response = Response(answer.body, content_type=media_type)
    response.headers["X-Mizan-Rows"] = str(answer.rows)
    return response


def answer_page(asked: Question) -> Response:
    """The form with the query and its answer as a table, or as Turtle for a graph."""
    sort = service.formats_for(asked.form)
    answer = site().base.ask(asked.text, "json" if "json" in sort else "turtle", at=here())
    links = [(name, f"/sparql?{urlencode({'query': asked.text, 'format': name})}") for name in sort]
    response = page(
        "sparql.html", query=asked.text, answer=answer, form=asked.form, links=links, examples=examples(),
        **_frame(), **table_of(answer, asked.form),
    )  # fmt: skip
    response.headers["X-Mizan-Rows"] = str(answer.rows)
    return response


def _frame() -> dict[str, object]:
    return {"code_address": Markup('<code dir="ltr">{}</code>').format(request.base_url)}


def table_of(answer: Answer, form: str) -> dict[str, object]:
    """What a template needs to show an answer: columns and rows, a verdict, or text."""
    if form == "ASK":
        return {"verdict": b"true" in answer.body, "columns": [], "rows": [], "text": ""}
    if form != "SELECT":
        return {"verdict": None, "columns": [], "rows": [], "text": answer.body.decode()[:200_000]}
    return {"verdict": None, "columns": _columns(answer), "rows": table(answer)[:SHOWN], "text": "", "cap": SHOWN}


def _columns(answer: Answer) -> list[str]:
    return [str(name) for name in json.loads(answer.body)["head"]["vars"]]


def examples() -> list[saved.SavedQuery]:
    """The report queries, offered to begin with."""
    return [saved.load("report", name) for name in saved.names("report")]

