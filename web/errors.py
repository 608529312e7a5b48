"""One shape for every error on every route: a page for people, problem+json for programs."""

from __future__ import annotations

import difflib
import json
import logging
import re
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from kb.errors import (
    AnswerTooLarge,
    MizanError,
    NotFound,
    QueryBusy,
    QueryInvalid,
    QueryTimeout,
    StoreMissing,
    TooManyAttempts,
    TooManyQueries,
)
from kb.query.near import nearest
from kb.search import Hit
from web import negotiation
from web.language import LANGUAGES, marked
from web.site import here, page, tongue

_LOG = logging.getLogger("mizan.web")
PROBLEM = "application/problem+json"
TITLES = (  # of the errors in kb.errors and here, for translation
    marked("The columns could not be made"), marked("Mizan could not do this"), marked("The request does not fit"),
    marked("Not found"),
    marked("The data does not conform"), marked("The file cannot be read"), marked("No knowledge base here"),
    marked("The knowledge base is being written"), marked("The knowledge base is newer than this software"),
    marked("The disk refused"), marked("The ledger does not verify"), marked("The query does not parse"),
    marked("The query is refused"), marked("The query took too long"), marked("The answer is too large"),
    marked("The work was stopped"), marked("The service is busy"), marked("Too many queries at once"),
    marked("The store is being written"), marked("The client has gone"), marked("The port is in use"),
    marked("The query failed"), marked("No format that you accept"),
    marked("The body is of the wrong type"), marked("This went wrong on our side"),
    marked("The SPARQL service failed"), marked("The bundle exists already"), marked("Matching is not installed"),
    marked("You may not do this"), marked("It has changed meanwhile"),
    marked("The form is not from this session"), marked("Too many attempts"),
)  # fmt: skip


def register(app: Flask) -> None:
    """Handle all errors of `app` here; this is the only place where they are caught."""
    app.register_error_handler(MizanError, _expected)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _bug)


def _expected(error: MizanError) -> Response:
    problem: dict[str, Any] = {
        "type": f"urn:mizan:error:{type(error).__name__}",
        "title": error.title,
        "status": error.http_status,
        "what": error.what,
        "why": error.why,
        "hint": error.hint,
    }
    if isinstance(error, QueryInvalid) and error.line:
        problem |= {"line": error.line, "column": error.column, "excerpt": error.excerpt}
    if isinstance(error, QueryTimeout | AnswerTooLarge):
        problem |= _instead()
    if error.http_status >= 500:
        _LOG.error("%s: %s", type(error).__name__, error)
    response = _answer(problem, suggest() if isinstance(error, NotFound) else [])
    if isinstance(error, TooManyAttempts):
        response.headers["Retry-After"] = str(error.seconds)
    if isinstance(error, QueryTimeout | TooManyQueries):
        response.headers["Retry-After"] = "1" if isinstance(error, QueryBusy | TooManyQueries) else "60"
    return response


def _instead() -> dict[str, Any]:
    """The saved question that is nearest to the query that asked for too much."""
    question = nearest(g.get("query_text", ""))
    if question is None:
        return {}
    address = f"/{tongue().code}/queries/{question.name}"
    return {"saved": {"name": question.name, "title": question.title, "title_ar": question.title_ar, "href": address}}


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # redirects of the router come this way too
        return Response(error.get_response().data, status, headers=dict(error.get_response().headers))
    problem = {
        "type": "about:blank",
        "title": marked("Not found") if status == 404 else error.name,
        "status": status,
        "what": f"There is nothing at {request.path}" if status == 404 else error.name,
        "why": "" if status == 404 else (error.description or ""),
        "hint": "",
    }
    response = _answer(problem, suggest() if status == 404 else [])
    allowed = error.get_response().headers.get("Allow")
    if allowed:
        response.headers["Allow"] = allowed
    return response


def _bug(error: Exception) -> Response:
    _LOG.exception("bug at %s %s", request.method, request.path)
    return _answer({
        "type": "about:blank",
        "title": "This went wrong on our side",
        "status": 500,
        "what": "An unexpected error stopped this page",
        "why": "it has been written to the log of the server",
        "hint": "Try again; if it stays, tell whoever runs this server what you asked for.",
    }, [])  # fmt: skip


def suggest() -> list[Hit]:
    """Records that may have been meant by an address that leads nowhere: by its words, else by likeness."""
    parts = [p for p in request.path.split("/") if p and p not in LANGUAGES][:7]
    if not parts:
        return []
    try:
        index = here().index
    except StoreMissing:
        return []
    last = re.sub(r"\.\w{1,6}$", "", parts[-1])[:100]
    words = " ".join(re.findall(r"\w+", last)[:6])
    found = index.find(words, limit=5).items if words else ()
    kinds = [p for p in parts if p != "id"][:1]
    if not found and kinds:
        alike = index.find(kinds=kinds, limit=400).items
        names = {hit.iri.rpartition("/")[2]: hit for hit in alike}
        found = tuple(names[name] for name in difflib.get_close_matches(last, names, 5, 0.6))
    return list(found)


def _answer(problem: dict[str, Any], suggestions: list[Hit]) -> Response:
    if _wants_page():
        response = page(
            "error.html", problem=problem, suggestions=suggestions, asked=g.get("query_text", "")
        )
    else:
        shown = {k: v for k, v in problem.items() if v != ""}
        if suggestions:
            shown["suggestions"] = [{"iri": hit.iri, "label": hit.label_en} for hit in suggestions]
        response = Response(json.dumps(shown, ensure_ascii=False, indent=1) + "\n", mimetype=PROBLEM)
    response.status_code = problem["status"]
    response.headers["Vary"] = "Accept"
    response.headers["Cache-Control"] = "no-store"
    return response


def _wants_page() -> bool:
    """Pages are for people: without a preference, addresses of pages answer in HTML, all others in JSON."""
    people = request.path == "/" or request.path.split("/")[1] in LANGUAGES
    offered = [negotiation.HTML, PROBLEM, "application/json"]
    chosen = negotiation.choose(request.accept_mimetypes, offered if people else [*offered[1:], offered[0]])
    return chosen == negotiation.HTML if chosen else people
