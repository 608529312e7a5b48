"""The desk: what a contributor has submitted, its page, and the review by somebody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, redirect, request
from pyoxigraph import NamedNode

from kb.errors import DoesNotConform
from kb.people import Right
from kb.review import Kind, Submission, check, publish, upload
from kb.review.publish import judgement
from web.contribute import gate
from web.contribute.place import place
from web.language import marked
from web.reading import Node
from web.site import here, page, person, site, tongue

blueprint = Blueprint("contribute", __name__)
STATES = {
    "prepared": marked("not sent yet"), "waiting": marked("waits for review"), "returned": marked("returned"),
    "published": marked("published"), "withdrawn": marked("withdrawn"),
}  # fmt: skip
STEPS = {
    "prepared": marked("prepared"), "submitted": marked("submitted"), "returned": marked("returned"),
    "published": marked("published"), "withdrawn": marked("withdrawn"),
}  # fmt: skip
KINDS = {
    "incident": marked("Incident"), "claim": marked("Claim"), "assessment": marked("Assessment"),
    "upload": marked("Table"),
}  # fmt: skip


@blueprint.get("/<lang:lang>/contribute/")
def desk(lang: str) -> Response:
    """What the person who has signed in has submitted."""
    one = person()
    assert one is not None  # the gate lets nobody else in
    return _page("contribute/desk.html", submissions=place().queue.own(one), lang=lang)


@blueprint.get("/<lang:lang>/contribute/review")
def review(lang: str) -> Response:
    """What waits for review."""
    reviewer = gate.need(Right.REVIEW)
    found = place().queue.waiting(reviewer)
    own = {s.id for s in found if s.by(reviewer)} if place().queue.four_eyes else set()
    return _page("contribute/review.html", submissions=found, own=own, lang=lang)


@blueprint.get("/<lang:lang>/contribute/submission/<ident>")
def submission(lang: str, ident: str) -> Response:
    """One submission: what it says, as it would stand, and what has been done with it."""
    one = person()
    assert one is not None
    return _submission(place().queue.get(ident, one))


@blueprint.post("/<lang:lang>/contribute/submission/<ident>/publish")
def publish_it(lang: str, ident: str) -> Response:
    """Write it into the knowledge base."""
    reviewer = gate.need(Right.REVIEW)
    place().queue.publish(reviewer, ident, _version(), lambda held: publish(site().base, held, reviewer, file_of(held)))
    return _back(lang, ident)


@blueprint.post("/<lang:lang>/contribute/submission/<ident>/return")
def give_back(lang: str, ident: str) -> Response:
    """Return it to its author with a reason."""
    reviewer = gate.need(Right.REVIEW)
    reason = request.form.get("reason", "")
    if not reason.strip():
        refused = _submission(place().queue.get(ident, reviewer), reason_missing=True)
        refused.status_code = 422
        return refused
    place().queue.give_back(reviewer, ident, _version(), reason)
    return _back(lang, ident)


@blueprint.post("/<lang:lang>/contribute/submission/<ident>/withdraw")
def withdraw(lang: str, ident: str) -> Response:
    """Take a submission of one's own back."""
    one = person()
    assert one is not None
    upload.remove(place().queue.files(place().queue.withdraw(one, ident, _version()).id))
    return _back(lang, ident)


@blueprint.post("/<lang:lang>/contribute/submission/<ident>/send")
def send(lang: str, ident: str) -> Response:
    """Send a table that was looked at to review."""
    place().queue.send(gate.need(Right.UPLOAD), ident, _version())
    return _back(lang, ident, "?sent=1")


def file_of(held: Submission) -> Path | None:
    """The table that an upload brought, None where there is none."""
    if held.kind != Kind.UPLOAD:
        return None
    path = place().queue.files(held.id) / str(held.typed["file"])
    return path if path.is_file() else None


def _submission(held: Submission, reason_missing: bool = False) -> Response:
    one = person()
    assert one is not None
    own = held.token == one.token
    may_publish = one.may(Right.REVIEW) and held.state == "waiting"
    path = file_of(held)
    return _page(
        "contribute/submission.html", held=held, own=own, nodes=_nodes(held), wrong=_wrong(held), lang=tongue().code,
        may_return=may_publish and not own, may_publish=may_publish and not (place().queue.four_eyes and held.by(one)),
        four_eyes=place().queue.four_eyes, sent=request.args.get("sent", "")[:1], reason_missing=reason_missing,
        sheet=upload.sheet(held.typed["layout"], path) if path is not None else None,
        stands=bool(held.target) and here().store.knows(held.target),
    )  # fmt: skip


def _nodes(held: Submission) -> list[Node]:
    """What would be written, node by node, the record itself first."""
    triples = [t for record in held.records for t in record.triples]
    iris = sorted({t.subject.value for t in triples if isinstance(t.subject, NamedNode)})
    return [Node(iri, [t for t in triples if t.subject == NamedNode(iri)], tongue()) for iri in iris]


def _wrong(held: Submission) -> list[str]:
    """What the shapes say now against what waits: the law or a list may have changed since."""
    if held.state != "waiting" or held.kind == Kind.UPLOAD:
        return []
    records = held.records
    try:
        if held.kind == Kind.ASSESSMENT:
            records = (site().base.assessed(judgement(held.typed)),)
    except DoesNotConform as error:
        return [str(error)]
    found = [f for f in check(site().base, records) if f.severity == "Violation"]
    return list(dict.fromkeys(f.message(tongue().code) for f in found))


def _page(template: str, **values: Any) -> Response:
    return page(template, form_token=gate.form_token(), states=STATES, steps=STEPS, kinds=KINDS, **values)


def _version() -> int:
    text = request.form.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _back(lang: str, ident: str, more: str = "") -> Response:
    response: Response = redirect(f"/{lang}/contribute/submission/{ident}{more}", 303)  # type: ignore[assignment]
    return response
