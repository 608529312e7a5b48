"""The saved questions as an OpenAPI 3.1 document, from their headers alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kb import __version__
from kb.export import FORMATS
from kb.query.parameter import Parameter
from kb.query.saved import GROUPS, SavedQuery

_STATES = {
    "400": "a parameter or option is unknown, given twice, or does not fit; it is named with what is allowed",
    "404": "there is no question of that name",
    "406": "none of the formats that the client accepts is offered",
    "413": "the answer is larger than the caps of the service; nothing of it is sent",
    "503": "the question took too long and was stopped; nothing of it is sent",
}
_TEXT: dict[str, Any] = {"type": "string"}
CHOICES = "/api/queries/{name}/choices/{parameter}"
_OPTIONS = {
    "format": ("The format of the answer; without it, what the Accept header asks for.", {"enum": list(FORMATS)}),
    "lang": ("The language of label columns, and of texts unless `language` is given.", {"enum": ["en", "ar"]}),
    "raw": ("1: CSV of the values alone, without label columns and apostrophes.", {"enum": ["0", "1"]}),
    "bom": ("1: CSV with a byte order mark, so that Excel reads Arabic.", {"enum": ["0", "1"]}),
}  # fmt: skip


def document(queries: Iterable[SavedQuery], server: str) -> dict[str, Any]:
    """The document for these questions served at `server` (scheme and host)."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mizan: saved questions",
            "version": __version__,
            "summary": "Questions to an open knowledge base of reported incidents and the law, one address each.",
            "description": (
                "Everything in an answer is alleged, reported or attributed by the claimant named in its row; what the "
                "screening computed is marked as computed. Figures of different sources are never added up."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "tags": [{"name": group} for group in GROUPS],
        "paths": {
            **{f"/api/queries/{query.name}": {"get": _operation(query)} for query in queries},
            CHOICES: {"get": _choices()},
        },
        "components": {
            "parameters": {name: _option(name) for name in _OPTIONS},
            "headers": {
                "Rows": {"description": "How many rows the answer has.", "schema": {"type": "integer"}},
                "Snapshot": {"description": "The number of the snapshot asked.", "schema": {"type": "integer"}},
                "ETag": {"description": "Changes with the snapshot and the software only.", "schema": _TEXT},
            },
            "schemas": {"Answer": _answer(), "Choices": _chosen(), "Problem": _problem()},
            "responses": {status: _response(status) for status in _STATES},
        },
    }


def _operation(query: SavedQuery) -> dict[str, Any]:
    content: dict[str, Any] = {media_type.partition(";")[0]: {} for media_type in FORMATS.values()}
    content["application/json"] = {"schema": {"$ref": "#/components/schemas/Answer"}}
    if query.view[0] != "map":
        del content["application/geo+json"]
    headers = {"X-Mizan-Rows": "Rows", "X-Mizan-Snapshot": "Snapshot", "ETag": "ETag"}
    return {
        "operationId": query.name,
        "summary": query.title,
        "description": f"{query.description}\n\n{query.title_ar}\n\n{query.description_ar}",
        "tags": [query.group],
        "x-view": list(query.view),
        "parameters": [
            *(_parameter(parameter) for parameter in query.parameters.values()),
            *({"$ref": f"#/components/parameters/{name}"} for name in _OPTIONS),
        ],
        "responses": {
            "200": {
                "description": "the whole answer",
                "headers": {name: {"$ref": f"#/components/headers/{of}"} for name, of in headers.items()},
                "content": content,
            },
            "304": {"description": "the client holds this answer already"},
            **{status: {"$ref": f"#/components/responses/{status}"} for status in _STATES},
        },
    }


def _choices() -> dict[str, Any]:
    """The values of a parameter found by words."""
    words = "Words of the label of the value, in English or Arabic; without any, the first values."
    asked = {"name": "q", "in": "query", "required": False, "schema": {**_TEXT, "maxLength": 500}, "description": words}
    path = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT, "description": text}
        for name, text in (("name", "The name of the question."), ("parameter", "The name of its parameter."))
    ]
    return {
        "operationId": "choices",
        "summary": "What may be given for a parameter of a question, best first, a few.",
        "parameters": [*path, asked, {"$ref": "#/components/parameters/lang"}],
        "responses": {
            "200": {
                "description": "values with their labels",
                "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Choices"}}},
            },
            "304": {"description": "the client holds this answer already"},
            **{status: {"$ref": f"#/components/responses/{status}"} for status in ("400", "404")},
        },
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer" if parameter.kind == "number" else "string"}
    if parameter.kind == "text" and parameter.of:
        schema["enum"] = list(parameter.of)
    if parameter.default is not None:
        schema["default"] = int(parameter.default) if parameter.kind == "number" else parameter.default
    return {
        "name": parameter.name, "in": "query", "required": False,
        "description": f"{parameter.meaning}: {parameter.rule}. {parameter.meaning_ar}".strip(),
        "schema": schema, "x-kind": parameter.kind, "x-of": list(parameter.of),
    }  # fmt: skip


def _option(name: str) -> dict[str, Any]:
    words, schema = _OPTIONS[name]
    return {"name": name, "in": "query", "required": False, "description": words, "schema": {**_TEXT, **schema}}


def _response(status: str) -> dict[str, Any]:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": _STATES[status], "content": {"application/problem+json": problem}}


def _answer() -> dict[str, Any]:
    names = {"type": "object", "additionalProperties": _TEXT}
    row = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
    return {
        "type": "object",
        "required": ["query", "parameters", "snapshot", "count", "columns", "rows"],
        "properties": {
            "query": _TEXT, "title": names, "description": _TEXT, "parameters": names,
            "snapshot": {"type": "integer"}, "snapshot_time": _TEXT, "language": _TEXT, "source": _TEXT,
            "count": {"type": "integer"}, "columns": {"type": "array", "items": _TEXT},
            "rows": {"type": "array", "items": row},
        },
    }  # fmt: skip


def _chosen() -> dict[str, Any]:
    choice = {"type": "object", "required": ["value", "label"], "properties": {"value": _TEXT, "label": _TEXT}}
    found = {"choices": {"type": "array", "items": choice}}
    return {"type": "object", "required": ["choices"], "properties": found}


def _problem() -> dict[str, Any]:
    texts = dict.fromkeys(("type", "title", "what", "why", "hint"), _TEXT)
    return {
        "type": "object", "required": ["type", "title", "status"],
        "properties": {**texts, "status": {"type": "integer"}},
    }  # fmt: skip
