"""The SPARQL service and its page: GET and POST, formats by negotiation, a plain form for people."""

from __future__ import annotations

import json
from time import perf_counter
from urllib.parse import urlencode

from flask import Blueprint, Response, g, request
from markupsafe import Markup

from kb.errors import MizanError
from kb.knowledgebase import table
from kb.query import saved
from kb.snapshot import Snapshot
from kb.store.base import Answer
from web import about, asking, journal, negotiation, permalink, service
from web.compression import packed, sent
from web.crossing import open_to_others
from web.kept import description_folder, graphs, kept
from web.negotiation import HTML
from web.question import example
from web.service import Question
from web.site import here, not_modified, page, site, tagged, tongue
from web.views.about import GRAPH_TYPES, described, written

blueprint = Blueprint("sparql", __name__)
blueprint.after_request(packed)
blueprint.after_request(open_to_others)
SHOWN = 500  # rows of a result that the page shows; the formats for programs always have all


@blueprint.route("/sparql", methods=["GET", "POST"])
def endpoint() -> Response:
    """Answer a query, or without one show the form (to people) or the service description (to programs)."""
    asked = asking.asked(request)
    if asked is None:
        return _without_query()
    g.query_text = asked.text
    question = service.question(asked, request.accept_mimetypes, graphs(), site().base.policy.services)
    repeatable = request.method != "POST" and question.repeatable
    variant = f"sparql-{question.format}-{tongue().code if question.format == 'html' else ''}"
    response = not_modified(variant) if repeatable else None
    if response is None:
        response = answer_page(question) if question.format == "html" else _answer(question)
        if repeatable:
            tagged(response, variant)
        response.headers["X-Mizan-Snapshot"] = str(here().number)
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


@blueprint.route("/rdf-graph-store", methods=["GET", "PUT", "POST", "DELETE", "PATCH"])
def graph_store() -> Response:
    """The graph store protocol: the data of one record, named by its IRI, can be read; nothing can be changed."""
    if request.method not in ("GET", "HEAD"):
        raise asking.updates_refused()
    return written(request)


def _without_query() -> Response:
    chosen = negotiation.must_choose(request.accept_mimetypes, [*GRAPH_TYPES, HTML])
    if chosen != HTML:
        response = described(chosen)
    else:
        text = example(request.args.get("example", ""))
        response = page("sparql.html", query=text, answer=None, examples=examples(), **_frame())
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


def run(question: Question, name: str, at: Snapshot | None = None) -> Answer:
    """The answer over a snapshot (by default the one of this request) as format `name`, entered in the journal."""
    started, answer, outcome, at = perf_counter(), None, "ok", at or here()
    try:
        if about.asks_about_service(question.text):
            folder = description_folder(request.base_url)
            answer = site().base.pool().ask(
                folder, question.text, name, asker=asking.asker(request), scope=question.scope
            )
        else:
            answer = site().base.ask(
                question.text, name, at=at, asker=asking.asker(request), scope=question.scope
            )
        return answer
    except MizanError as error:
        outcome = type(error).__name__
        raise
    finally:
        entry = journal.Entry(question.form, name, outcome, perf_counter() - started, at.number, answer)
        kept().journal.enter(entry, question.text)


def _answer(question: Question) -> Response:
    answer = run(question, question.format)
    link = permalink.address(question, here(), request.host_url)
    body = permalink.linked(answer.body, link) if question.format == "json" else answer.body
    response = sent(body, service.CHARSETS.get(question.format, answer.media_type))
    response.headers["X-Mizan-Rows"] = str(answer.rows)
    permalink.mark(response, link)
    return response


def answer_page(question: Question) -> Response:
    """The form with the query and its answer as a table, or as Turtle for a graph."""
    sort = service.formats_for(question.form)
    answer = run(question, "json" if "json" in sort else "turtle")
    link = permalink.address(question, here(), request.host_url)
    links = [(name, f"/sparql?{urlencode({'query': question.text, 'format': name})}") for name in sort]
    response = page(
        "sparql.html", query=question.text, answer=answer, form=question.form, links=links, examples=examples(),
        permalink=link, **_frame(), **table_of(answer, question.form),
    )  # fmt: skip
    response.headers["X-Mizan-Rows"] = str(answer.rows)
    permalink.mark(response, link)
    return response


def _frame() -> dict[str, object]:
    limits = site().base.pool().limits
    return {
        "code_address": Markup('<code dir="ltr">{}</code>').format(request.base_url), "limits": limits,
        "snapshot": here(), "megabytes": limits.bytes // 2**20,
    }  # fmt: skip


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
