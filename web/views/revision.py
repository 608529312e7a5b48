"""Pages of the history of a record: its revisions, one as it stood, and two against each other."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from kb.errors import NotFound
from kb.ledger import Ledger
from web.address import iri_of
from web.revision import changed, revisions, triples
from web.site import here, not_modified, page, reader, site, tagged

blueprint = Blueprint("revision", __name__)
_PLACE = "/<lang:lang>/<kind:kind>/<entity:path>/revisions"
_TOP = 1_000_000_000  # the highest number that a revision can have in an address


@blueprint.get(_PLACE)
def listed(lang: str, kind: str, path: str) -> Response:
    """Who wrote which revision and when, with a form to compare two."""
    if "from" in request.args or "to" in request.args:
        return _to_comparison(lang, kind, path)
    iri, variant = iri_of(kind, path), f"{lang}-revisions"
    held = not_modified(variant)
    if held:
        return held
    found = revisions(here(), reader(), iri)
    return tagged(page("revisions.html", iri=iri, revisions=found, place=_place(lang, kind, path)), variant)


def _to_comparison(lang: str, kind: str, path: str) -> Response:
    given = [request.args.get(name, "") for name in ("from", "to")]
    if not all(text.isascii() and text.isdecimal() and len(text) < 10 for text in given):
        raise NotFound("These are no two revisions", "a revision is a whole number", "Choose two on the page.")
    older, newer = sorted(int(text) for text in given)
    response: Response = redirect(f"{_place(lang, kind, path)}/{older}-{newer}", 303)  # type: ignore[assignment]
    return response


@blueprint.get(f"{_PLACE}/<int(max={_TOP}):older>-<int(max={_TOP}):newer>")
def compared(lang: str, kind: str, path: str, older: int, newer: int) -> Response:
    """What was added, removed and changed between two revisions; the address stays the same for good."""
    iri, variant = iri_of(kind, path), f"{lang}-revisions-{older}-{newer}"
    held = not_modified(variant)
    if held:
        return held
    snapshot, read, ledger = here(), reader(), Ledger(site().base.home.ledger)
    known = revisions(snapshot, read, iri)
    before, after = (triples(ledger, snapshot, iri, known, number) for number in (older, newer))
    pair = [next(one for one in known if one.number == number) for number in (older, newer)]
    return tagged(page(
        "revision.html", iri=iri, pair=pair, nodes=changed(iri, before, after, read), place=_place(lang, kind, path),
    ), variant)  # fmt: skip


@blueprint.get(f"{_PLACE}/<int(max={_TOP}):number>")
def stood(lang: str, kind: str, path: str, number: int) -> Response:
    """What one revision said, statement by statement."""
    iri, variant = iri_of(kind, path), f"{lang}-revision-{number}"
    held = not_modified(variant)
    if held:
        return held
    snapshot, read, ledger = here(), reader(), Ledger(site().base.home.ledger)
    known = revisions(snapshot, read, iri)
    said = triples(ledger, snapshot, iri, known, number)
    pair = [next(one for one in known if one.number == number)]
    return tagged(page(
        "revision.html", iri=iri, pair=pair, nodes=changed(iri, [], said, read), place=_place(lang, kind, path),
    ), variant)  # fmt: skip


def _place(lang: str, kind: str, path: str) -> str:
    return f"/{lang}/{kind}/{path}/revisions"
