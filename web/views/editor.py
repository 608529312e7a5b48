"""What the SPARQL editor loads: its script, as it was built from npm's packages, and the terms that it completes."""

from __future__ import annotations

import gzip
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Response, request

import web
from kb.errors import NotFound
from web import completion
from web.compression import packed
from web.site import here, not_modified, site, tagged

blueprint = Blueprint("editor", __name__)
_FOLDER = Path(web.__file__).resolve().parent / "static" / "editor"
_TYPES = {"sparql.js": "text/javascript; charset=utf-8", "LICENSES.txt": "text/plain; charset=utf-8"}
_YEAR = 365 * 24 * 3600


@blueprint.get("/sparql/terms")
def terms() -> Response:
    """Classes, properties, concepts, instruments and provisions with their labels, and the prefixes."""
    response = not_modified("terms")
    if response is None:
        body: bytes = site().once("terms", here(), lambda: completion.terms(here()))
        response = tagged(packed(Response(body, content_type="application/json; charset=utf-8")), "terms")
    return response


@blueprint.get("/static/editor/<name>")
def built(name: str) -> Response:
    """A built file, kept by browsers for as long as the page names this version of it."""
    if name not in _TYPES or not script():
        raise NotFound(f"There is nothing at {request.path}")
    plain, small = _file(name)
    takes_gzip = request.accept_encodings.quality("gzip") > 0
    response = Response(small if takes_gzip else plain, content_type=_TYPES[name])
    if takes_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    current = request.args.get("v") == script()
    response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if current else "no-cache"
    return response


@lru_cache
def script() -> str:
    """The version of the editor's script; "" where it was not built, and the form is all there is."""
    return sha256(_file("sparql.js")[0]).hexdigest()[:16] if (_FOLDER / "sparql.js").is_file() else ""


@lru_cache
def _file(name: str) -> tuple[bytes, bytes]:
    """The bytes of a built file, and the same gzipped; read once a process."""
    content = (_FOLDER / name).read_bytes()
    return content, gzip.compress(content, 9, mtime=0)
