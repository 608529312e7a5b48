"""The application factory: one knowledge base behind pages, data and SPARQL."""

from __future__ import annotations

from flask import Flask, Response, request
from markupsafe import Markup
from werkzeug.routing import BaseConverter

from kb.knowledgebase import KnowledgeBase
from web import contribute, errors, exhibit, kept
from web.address import ENTITY, KIND, SUFFIXES
from web.jurisdiction import ANSWERS, GROUNDS, words
from web.language import LANGUAGES
from web.reading import shorten
from web.screening import anchor, covered, tally
from web.site import EXTENSION, Site, page_context
from web.views import (
    about,
    charts,
    data,
    editor,
    entity,
    front,
    guide,
    incidents,
    law,
    law_time,
    link,
    matrix,
    parcel,
    query,
    query_api,
    revision,
    screen,
    search,
    shape,
    sparql,
)

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# Forms complete what is typed, the editor runs queries in place, and stretches of time are drawn with the mouse: these
# scripts talk to this site alone.
_SCRIPTED = f"{_POLICY}; script-src 'self'; connect-src 'self'"
# pages of questions, of the service and its links, lists, pictures that become files, the law by days, and forms
_WITH_SCRIPT = ("query", "sparql", "link", "incidents", "charts", "law_time", "contribute_forms", "contribute_assess")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_MAX_BODY = 1024 * 1024  # bytes; the longest sensible query is a few kilobytes


class _Language(BaseConverter):
    regex = "|".join(LANGUAGES)


class _Kind(BaseConverter):
    regex = KIND


class _Entity(BaseConverter):
    regex = ENTITY
    part_isolating = False


class _Suffix(BaseConverter):
    regex = "|".join(SUFFIXES)


def create_app(base: KnowledgeBase) -> Flask:
    """The web application over an open knowledge base; the caller keeps `base` and closes it after the last request."""
    app = Flask("web")
    app.config.update(MAX_CONTENT_LENGTH=_MAX_BODY, MAX_FORM_MEMORY_SIZE=_MAX_BODY, MAX_FORM_PARTS=50)
    app.extensions[EXTENSION] = Site(base)
    app.extensions[kept.EXTENSION] = kept.Kept(base)
    app.url_map.strict_slashes = False
    app.url_map.converters.update(lang=_Language, kind=_Kind, entity=_Entity, suffix=_Suffix)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(GROUNDS=GROUNDS, ANSWERS=ANSWERS, avenue_words=words)
    app.jinja_env.globals.update(key=_key, editor_script=editor.script)
    app.jinja_env.globals.update(digests=exhibit.digests, graphic=exhibit.graphic)
    app.jinja_env.filters.update(tallied=tally, covered=covered, provision_anchor=anchor, shorten=shorten)
    app.context_processor(page_context)
    for module in (
        front, screen, search, incidents, matrix, charts, parcel, query, query_api, guide, sparql, editor, about, link,
        data, law, law_time, revision, shape, entity,
    ):  # fmt: skip
        app.register_blueprint(module.blueprint)
    contribute.register(app)
    app.after_request(_secure)
    errors.register(app)
    return app


def _key(name: str) -> Markup:
    """The name of a key, to be read from left to right."""
    return Markup('<kbd dir="ltr">{}</kbd>').format(name)


def _secure(response: Response) -> Response:
    kept.kept().journal.responded(response.status_code)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    scripted = request.blueprint in _WITH_SCRIPT
    response.headers["Content-Security-Policy"] = _SCRIPTED if scripted else _POLICY
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "no-cache")
    if request.endpoint == "static":
        response.headers["Cache-Control"] = "public, max-age=3600"
    return response


