"""Queries that can be cited: an address for each at a snapshot, whether its answer still stands, what came and went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, g, redirect, request

from kb import snapshot
from kb.errors import UsageError
from kb.query import link as links
from kb.query import result as results
from kb.query.link import Link
from kb.query.result import Change, Result
from kb.snapshot import Snapshot
from kb.store.base import Scope
from web import asking, negotiation, permalink, service
from web.asking import Asked
from web.compression import packed
from web.negotiation import HTML
from web.service import Question
from web.site import here, page, site, tongue
from web.views.sparql import run

blueprint = Blueprint("link", __name__)
blueprint.after_request(packed)
_SHOWN = 200  # rows that came, and rows that went
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Compared:
    """A query cited at a snapshot beside its answer now.

    `verdict` is current (the snapshot is the present one), same, changed, or unknown (nothing of then is left).
    """

    question: Question
    at: int
    day: str  # of that snapshot, "" where it is not known any more
    address: str
    now: Result
    then: Result | None
    digest: str
    change: Change | None
    verdict: str


@blueprint.get(permalink.PATH)
def cited() -> Response:
    """A query in the address, cited at a snapshot; without one, a form to save one."""
    values = asking.fields(request.query_string, "address")
    text = permalink.unpack(values["z"]) if "z" in values else values.get("query")
    if text is None:
        if _chosen() == HTML:
            return page("link_form.html", asked="")
        raise UsageError("There is no query in the address", "", "Give at=<snapshot> and query=, or post one.")
    at = values.get("at", str(here().number))
    if not at.isascii() or not at.isdigit() or len(at) > 12 or int(at) > here().number:
        raise UsageError(f"There is no snapshot {at[:20]}", f"the present one is {here().number}", "Correct at=.")
    question = _question(text)
    return _shown(_compared(question, int(at), permalink.at_snapshot(question.text, int(at), request.host_url), None))


@blueprint.post(permalink.PATH)
def save() -> Response:
    """Save a query with the digest of its answer, under a short address."""
    asked = asking.asked(request)
    assert asked is not None  # a POST without a query is refused
    question = _question(asked.text)
    now, at = _result(question, here()), here()
    link = Link(
        question.text, question.form, at.number, at.time, at.ledger.sha256, len(now.lines), now.digest, now.columns,
        links.kept(now),
    )  # fmt: skip
    links.save(site().base.home.links, link, site().base.policy.links)
    address = f"{request.host_url}{permalink.PATH[1:]}/{link.name}"
    if _chosen() == HTML:
        response: Response = redirect(f"{address}?lang={tongue().code}", 303)  # type: ignore[assignment]
        return response
    body = json.dumps({"permalink": address, "snapshot": at.number, "rows": link.rows, "digest": link.digest})
    response = Response(body + "\n", 201, content_type=_JSON)
    response.headers["Location"] = address
    return response


@blueprint.get(f"{permalink.PATH}/<name>")
def saved(name: str) -> Response:
    """A saved query, compared with its answer now."""
    link = links.load(site().base.home.links, name)
    address = f"{request.host_url}{permalink.PATH[1:]}/{name}"
    return _shown(_compared(_question(link.query), link.snapshot, address, link))


def _question(text: str) -> Question:
    g.query_text = text
    return service.question(
        Asked(text, "", Scope(f"{request.host_url}sparql")), negotiation.ANY, services=site().base.policy.services
    )


def _result(question: Question, at: Snapshot) -> Result:
    return results.read(run(question, results.format_of(question.form), at), question.form)


def _compared(question: Question, at: int, address: str, link: Link | None) -> Compared:
    """The answer then, from the link or from the snapshot if that is kept, beside the answer now."""
    now, day = _result(question, here()), link.time[:10] if link else ""
    then, digest = (link.result, link.digest) if link else (None, "")
    if at == here().number and (not link or link.ledger == here().ledger.sha256):
        return Compared(question, at, here().time[:10], address, now, now, now.digest, None, "current")
    if then is None and question.repeatable:
        old = snapshot.kept(site().base.home, at)
        then = _result(question, old) if old else None
        day = old.time[:10] if old else day
    digest = digest or (then.digest if then else "")
    if not digest:
        return Compared(question, at, day, address, now, None, "", None, "unknown")
    verdict = "same" if digest == now.digest else "changed"
    changed = results.change(then, now) if then and verdict == "changed" else None
    return Compared(question, at, day, address, now, then, digest, changed, verdict)


def _shown(told: Compared) -> Response:
    chosen = _chosen()
    citations = {code: citation(told, code) for code in ("en", "ar")}
    if chosen == HTML:
        response = page(
            "link.html", told=told, citation=citations[tongue().code], shown=_SHOWN, number=here().number,
            query_address=permalink.at_snapshot(told.question.text, here().number, request.host_url),
        )  # fmt: skip
    else:
        response = Response(
            json.dumps(_told(told, citations), ensure_ascii=False, indent=1) + "\n",
            content_type=f"{_JSON}; charset=utf-8",
        )
    response.headers["X-Mizan-Snapshot"] = str(here().number)
    response.headers["Vary"] = "Accept, Accept-Language"
    response.headers["Cache-Control"] = "no-cache"
    return response


def _told(told: Compared, citations: dict[str, str]) -> dict[str, Any]:
    changed = told.change
    return {
        "permalink": told.address, "query": told.question.text, "verdict": told.verdict,
        "repeatable": told.question.repeatable,
        "then": {
            "snapshot": told.at, "digest": told.digest or None, "rows": len(told.then.lines) if told.then else None,
        },
        "now": {"snapshot": here().number, "digest": told.now.digest, "rows": len(told.now.lines)},
        "columns": told.now.columns,
        "came": {"rows": len(changed.came), "first": changed.came[:_SHOWN]} if changed else None,
        "went": {"rows": len(changed.went), "first": changed.went[:_SHOWN]} if changed else None,
        "citation": citations,
    }  # fmt: skip


def citation(told: Compared, code: str) -> str:
    """The words by which to cite a query and its answer."""
    rows, digest = (len(told.then.lines), told.digest) if told.then else (None, told.digest)
    if code == "ar":
        text = f"قاعدة معارف ميزان، اللقطة {told.at}" + (f" ({told.day})" if told.day else "")
        text += f"، الاستعلام: {told.address}"
        text += f"، عدد الصفوف: {rows}" if rows is not None else ""
        return text + (f"، بصمة الجواب SHA-256: {digest}" if digest else "")
    text = f"Mizan knowledge base, snapshot {told.at}" + (f" ({told.day})" if told.day else "")
    text += f", query: {told.address}"
    text += f", rows: {rows}" if rows is not None else ""
    return text + (f", SHA-256 of the answer: {digest}" if digest else "")


def _chosen() -> str:
    return negotiation.must_choose(request.accept_mimetypes, [_JSON, HTML])

