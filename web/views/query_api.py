"""The saved questions for programs: one address each, a list, and their description in OpenAPI 3.1."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from flask import Blueprint, Response, g, request

from kb.errors import NotFound, UsageError
from kb.export import FORMATS, write
from kb.query import saved
from kb.query.saved import SavedQuery
from web import choosing, negotiation, openapi, question
from web.language import LANGUAGES, language
from web.site import not_modified, tagged, tongue

blueprint = Blueprint("query_api", __name__)
_TYPES = {media_type.partition(";")[0]: name for name, media_type in FORMATS.items()}


@blueprint.get("/api/queries")
@blueprint.get("/api/queries/")
def listing() -> Response:
    """All questions with what each takes."""
    found = [_described(query) for query in saved.every("report")]
    return _json({"queries": found, "openapi": f"{request.url_root}api/openapi.json"}, "queries")


@blueprint.get("/api/openapi.json")
def description() -> Response:
    """The OpenAPI document, made from the headers of the questions."""
    return _json(openapi.document(saved.every("report"), request.url_root.rstrip("/")), "openapi")


@blueprint.get("/api/queries/<name>")
def run(name: str) -> Response:
    """The rows of one question in the format asked for."""
    query = saved.load("report", name)
    question.refuse_others(query)
    values = question.given(query, _language(query))
    wanted = question.option("format", "") if "format" in request.args else _negotiated()
    raw, bom = (question.option(option, "0") == "1" for option in ("raw", "bom"))
    query.bind(values)  # what does not fit is told even to a client that holds an older answer
    variant = f"query-{wanted}-{tongue().code}-{int(raw)}{int(bom)}"
    response = not_modified(variant) or _answer(query, values, wanted, raw, bom, variant)
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


@blueprint.get("/api/queries/<name>/choices/<parameter>")
def choices(name: str, parameter: str) -> Response:
    """What comes near the words `q` as a value of one parameter: best first, a few, each with its label."""
    query = saved.load("report", name)
    if parameter not in query.parameters:
        known = ", ".join(query.parameters) or "none"
        raise NotFound(f"{name} has no parameter {parameter[:60]}", "", f"Its parameters: {known}.")
    question.option("lang", LANGUAGES[0])
    words = request.args.get("q", "")
    if len(words) > question.LONGEST:
        raise UsageError("q is too long", f"more than {question.LONGEST} characters", "Shorten it.")
    found = choosing.near(query.parameters[parameter], words)
    variant = f"choices-{tongue().code}-{sha256(request.query_string).hexdigest()[:16]}"
    return _json({"choices": [{"value": c.value, "label": str(c.words)} for c in found]}, variant)


def _answer(query: SavedQuery, values: dict[str, str], wanted: str, raw: bool, bom: bool, variant: str) -> Response:
    rows = question.answer(query, values)
    body = write(wanted, rows, choosing.label, question.context(query, values), raw=raw, bom=bom)
    return tagged(question.handed(body, wanted, len(rows.rows), query.name), variant)


def _language(query: SavedQuery) -> str:
    """`lang` names the labels and, unless the question is given its own `language`, the texts in the rows."""
    if "lang" in request.args:
        question.option("lang", LANGUAGES[0])
    asked = request.args.get("language", "")
    if "lang" not in request.args and "language" in query.parameters and asked in LANGUAGES:
        g.language = language(asked)
    return tongue().code


def _negotiated() -> str:
    return _TYPES[negotiation.must_choose(request.accept_mimetypes, list(_TYPES))]


def _described(query: SavedQuery) -> dict[str, Any]:
    return {
        "name": query.name,
        "title": {"en": query.title, "ar": query.title_ar},
        "description": {"en": query.description, "ar": query.description_ar},
        "group": query.group, "tags": list(query.tags), "view": list(query.view),
        "parameters": [
            {
                "name": p.name, "kind": p.kind, "of": list(p.of), "default": p.default, "rule": p.rule,
                "meaning": {"en": p.meaning, "ar": p.meaning_ar},
            }
            for p in query.parameters.values()
        ],
        "address": f"{request.url_root}api/queries/{query.name}",
    }  # fmt: skip


def _json(found: dict[str, Any], variant: str) -> Response:
    held = not_modified(variant)
    if held:
        return held
    body = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
    return tagged(Response(body, content_type="application/json"), variant)
