"""The SPARQL service and its page: GET and POST, formats by negotiation, a plain form for people."""

from __future__ import annotations

from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, g, request
from markupsafe import Markup

from kb.errors import MizanError, UsageError
from kb.export import Rows, read
from kb.query import saved
from kb.query.saved import GROUPS, VIEWS, SavedQuery
from kb.snapshot import Snapshot
from kb.store.base import Answer
from web import about, asking, journal, negotiation, permalink, service
from web.chart import columns_for, draw
from web.compression import packed, sent
from web.crossing import open_to_others
from web.explaining import Explained, explain
from web.kept import description_folder, graphs, kept
from web.negotiation import HTML
from web.question import example
from web.service import Question
from web.site import here, not_modified, page, site, tagged, tongue
from web.views.about import GRAPH_TYPES, described, written
from web.views.query import GROUP_TITLES, VIEW_TITLES

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
            tagged(response, variant, keep=False)  # each question is run, limited and logged
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
        response = page("sparql.html", query=text, answer=None, **_frame(text))
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
    """The form with the query and its answer as a table and a picture, or as Turtle for a graph."""
    sort = service.formats_for(question.form)
    view = _view_asked()
    answer = run(question, "json" if "json" in sort else "turtle")
    link = permalink.address(question, here(), request.host_url)
    links = [(name, f"/sparql?{urlencode({'query': question.text, 'format': name})}") for name in sort]
    frame = _frame(question.text)
    response = page(
        "sparql.html", query=question.text, answer=answer, form=question.form, links=links, permalink=link,
        **_answered(answer, question.form, view, frame["explained"]), **frame,
    )  # fmt: skip
    response.headers["X-Mizan-Rows"] = str(answer.rows)
    permalink.mark(response, link)
    return response


def _frame(text: str) -> dict[str, Any]:
    """What the page shows around a query and its answer."""
    limits = site().base.pool().limits
    questions = _questions()
    return {
        "code_address": Markup('<code dir="ltr">{}</code>').format(request.base_url), "limits": limits,
        "snapshot": here(), "megabytes": limits.bytes // 2**20, "explained": explain(text, questions),
        "groups": [(GROUP_TITLES[group], [q for q in questions if q.group == group]) for group in GROUPS],
        "triples": kept().counts.triples(here(), count=False), "view_titles": VIEW_TITLES,
        "view": request.values.get("view", ""),
    }  # fmt: skip


def _view_asked() -> str:
    """The view that the form asks for; "" leaves it to the saved question."""
    view = request.values.get("view", "")
    if view and view not in VIEWS:
        raise UsageError(f"view={view[:40]} is not offered", "", f"Give one of: {', '.join(VIEWS)}.")
    return view


def _answered(answer: Answer, form: str, view: str, explained: Explained | None) -> dict[str, object]:
    """What the template needs to show an answer: columns and rows with their picture, a verdict, or text."""
    told: dict[str, object] = {"verdict": None, "columns": (), "rows": (), "text": "", "cap": SHOWN}
    if form == "ASK":
        return {**told, "verdict": b"true" in answer.body}
    if form != "SELECT":
        return {**told, "text": answer.body.decode()[:200_000]}
    rows = read(answer)
    chosen = _view(view, rows, explained)
    chart = draw(chosen, rows) if chosen else None
    return {**told, "columns": rows.columns, "rows": rows.rows[:SHOWN], "chart": chart}


def _view(asked: str, rows: Rows, explained: Explained | None) -> tuple[str, ...] | None:
    """The view with its columns: those of the saved question where they are in the answer, else what fits."""
    own = explained.question.view if explained else ("table",)
    if asked in ("", own[0]) and set(own[1:]) <= set(rows.columns):
        return own
    return columns_for(asked, rows)


def _questions() -> list[SavedQuery]:
    """The report queries, offered to begin with; read once a snapshot."""
    found: list[SavedQuery] = site().once("questions", here(), lambda: saved.every("report"))
    return found
