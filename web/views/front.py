"""The front page: what this is, what is in it, and where to begin."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from kb.errors import AnswerTooLarge, QueryTimeout
from kb.search import Filters, Hit, Listing
from kb.search.schema import STEPS
from kb.snapshot import Snapshot
from web import negotiation
from web.panel import Panel
from web.show import KINDS
from web.site import here, not_modified, page, panels, site, tagged

blueprint = Blueprint("front", __name__)
_READ = 60  # incidents whose claims are counted at most


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
    """The incidents with most claims, out of those that the index knows to have many."""
    listing, found = Listing(here().index), list[str]()
    steps = [name for name, _ in reversed(STEPS) if name != "0"]
    for number in range(1, len(steps) + 1):
        many = Filters(facets={"claims": tuple(steps[:number])})
        if listing.total(many) > _READ:  # so many have as many as that: none of them stands out
            break
        found = listing.iris(many, _READ)
    try:
        return panels()("front_documented", incident=found) if found else None
    except (QueryTimeout, AnswerTooLarge):
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


