"""The front page: what this is, what is in it, and where to begin."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from kb.errors import AnswerTooLarge, QueryTimeout
from kb.search import Hit
from kb.snapshot import Snapshot
from web import negotiation
from web.panel import Panel
from web.show import KINDS
from web.site import here, not_modified, page, panels, site, tagged

blueprint = Blueprint("front", __name__)


@blueprint.get("/")
def root() -> Response:
    """To the front page in the language that the client wants most."""
    code = negotiation.choose_language(request.accept_languages)
    response = Response(status=302, headers={"Location": f"/{code}/", "Vary": "Accept-Language"})
    return response


@blueprint.get("/<lang:lang>/")
def front(lang: str) -> Response:
    """The front page."""
    held = not_modified(f"front-{lang}")
    if held:
        return held
    snapshot = here()
    counts = site().once("counts", snapshot, snapshot.index.counts)
    documented = site().once("documented", snapshot, _documented)
    latest = site().once("latest", snapshot, lambda: latest_incidents(snapshot))
    kinds = [(kind, counts[kind]) for kind in KINDS if counts.get(kind) and kind != "ontology"]
    return tagged(
        page("front.html", kinds=kinds, documented=documented, latest=latest, snapshot=snapshot), f"front-{lang}"
    )


def latest_incidents(snapshot: Snapshot) -> tuple[Hit, ...]:
    """The newest incidents by date."""
    return snapshot.index.find(kinds=["incident"], limit=6).items


def _documented() -> Panel | None:
    try:
        return panels()("front_documented")
    except (QueryTimeout, AnswerTooLarge):  # on a very large base this page does without
        return None


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Crawlers may read the pages, and need not run queries."""
    lists = "Disallow: /*/search\nDisallow: /*/incidents?\nDisallow: /api/\n"
    return Response(f"User-agent: *\nDisallow: /sparql\n{lists}", mimetype="text/plain")


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Where browsers look for an icon without being told."""
    return redirect("/static/icon.svg", 301)  # type: ignore[return-value]


