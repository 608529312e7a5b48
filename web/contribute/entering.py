"""The forms for an incident and for a claim: asked, refused with everything as it was typed, or sent to review."""

from __future__ import annotations

import json
from dataclasses import replace

from flask import Blueprint, Response, redirect, request

from kb.errors import Conflicting
from kb.form import Fault, Form, form_of
from kb.ns import MZ_BASE
from kb.people import Right
from kb.review import Kind, State, Submission
from kb.review.queue import number
from web.contribute import choice, gate
from web.contribute.field import shown, summary, typed_of
from web.contribute.place import place
from web.contribute.work import CLAIMS, Work, again, claim, heading, identifier_of, incident, words_about
from web.site import page, site, tongue

blueprint = Blueprint("contribute_forms", __name__)


@blueprint.route("/<lang:lang>/contribute/incident", methods=["GET", "POST"])
def new_incident(lang: str) -> Response:
    """One incident."""
    gate.need(Right.ENTER)
    ident = number()
    return _form(incident(ident), identifier_of(ident))


@blueprint.get("/<lang:lang>/contribute/claim")
def which_claim(lang: str) -> Response:
    """Which claim, and about which incident."""
    gate.need(Right.ENTER)
    kinds = [(name, claim_name(name)) for name in CLAIMS]
    about = request.args.get("about", "")[:300]
    near = choice.near(["incident"], about)
    return page(
        "contribute/which.html", kinds=kinds, about=about, near=near, form_token=gate.form_token(), lang=lang,
        chosen=request.args.get("kind", ""),
    )  # fmt: skip


@blueprint.get("/<lang:lang>/contribute/claim/go")
def go(lang: str) -> Response:
    """To the form of the claim that was chosen."""
    gate.need(Right.ENTER)
    work = claim(request.args.get("kind", ""), request.args.get("about", "").strip() or "-", "")
    return _to(f"/{lang}/contribute/claim/{work.name}/{work.about.partition('/id/incident/')[2]}")


@blueprint.route("/<lang:lang>/contribute/claim/<name>/<entity:about>", methods=["GET", "POST"])
def new_claim(lang: str, name: str, about: str) -> Response:
    """A claim about an incident that stands."""
    gate.need(Right.ENTER)
    return _form(claim(name, about, number()), {})


@blueprint.route("/<lang:lang>/contribute/submission/<ident>/edit", methods=["GET", "POST"])
def edit(lang: str, ident: str) -> Response:
    """A submission of one's own that is open."""
    held = _own(ident)
    if not held.open:
        raise Conflicting("This submission is closed", f"it is {held.state.value}", "Correct what is published.")
    return _form(again(held), held.typed)


@blueprint.route("/<lang:lang>/contribute/submission/<ident>/correct", methods=["GET", "POST"])
def correct(lang: str, ident: str) -> Response:
    """A correction of what was published: a submission of its own, whose record supersedes the first."""
    held = _own(ident)
    if held.state != State.PUBLISHED:
        raise Conflicting("This submission is not published", f"it is {held.state.value}", "Change it as it is.")
    return _form(again(held, number()), held.typed)


@blueprint.post("/<lang:lang>/contribute/live/<name>")
def live(lang: str, name: str) -> Response:
    """What is wrong with what stands in a form now, by the name of the field; nothing is kept."""
    gate.need(Right.ENTER)
    work = incident("live") if name == "incident" else claim(name, request.form.get("about", "-"), "live")
    if request.form.get("fixed"):
        work = replace(work, corrects="live")
    typed = typed_of(work.form, request.form)
    _, faults = work.compose(typed)
    found = summary(shown(work.form, typed, faults, work.about), faults)
    told = {"faults": [{"id": ident, "text": text} for ident, _, text in found if ident]}
    return Response(json.dumps(told, ensure_ascii=False), mimetype="application/json")


@blueprint.get("/<lang:lang>/contribute/choices")
def choices(lang: str) -> Response:
    """What comes near some words, for the list of a field."""
    gate.need(Right.ENTER)
    found = choice.near(request.args.get("kinds", "").split(), request.args.get("q", ""))
    told = {"choices": [{"value": c.value, "label": str(c.words)} for c in found]}
    return Response(json.dumps(told, ensure_ascii=False), mimetype="application/json")


def claim_name(name: str) -> str:
    """What a claim is called, in the language of the page."""
    return heading(Work(Kind.CLAIM, claim_form(name), name, ""))


def claim_form(name: str) -> Form:
    """The form of a claim by the name that it has in addresses."""
    return form_of(MZ_BASE + CLAIMS[name][0])


def _own(ident: str) -> Submission:
    person = gate.need(Right.ENTER)
    held = place().queue.get(ident, person)
    if held.token != person.token or held.kind not in (Kind.INCIDENT, Kind.CLAIM):
        raise Conflicting("This submission is not yours to change", "", "Return it to its author with a reason.")
    return held


def _form(work: Work, filled: dict[str, list[str]]) -> Response:
    """The form as it is asked for; sent back with what is wrong; or kept, and on to its page."""
    if request.method != "POST":
        return _page(work, filled, [], 200)
    typed = typed_of(work.form, request.form)
    if request.form.get("do") == "lines":  # more lines, without judging what is there
        return _page(work, typed, [], 200)
    made, faults = work.compose(typed)
    if faults:
        return _page(work, typed, faults, 422)
    person, queue = gate.need(Right.ENTER), place().queue
    given = Submission(
        work.number, work.kind, State.WAITING, person.name, person.token, work.title(made), work.form.of, typed,
        made.iri, work.about, (made,), work.corrects,
    )  # fmt: skip
    if work.held is not None:
        version = request.form.get("version", "", type=str)
        kept = queue.revise(person, given, int(version) if version.isascii() and version.isdecimal() else 0)
    else:
        kept = queue.submit(person, given)
    return _to(f"/{tongue().code}/contribute/submission/{kept.id}?sent=1")


def _page(work: Work, typed: dict[str, list[str]], faults: list[Fault], status: int) -> Response:
    fields = shown(work.form, typed, faults, work.about)
    response = page(
        "contribute/form.html", work=work, fields=fields, wrong=summary(fields, faults), heading=heading(work),
        about=words_about(work.about) if work.about else "", form_token=gate.form_token(), lang=tongue().code,
        hint=CLAIMS[work.name][1] if work.name in CLAIMS else "", zone=site().base.policy.zone,
        reason=work.held.reason if work.held else "", version=work.held.version if work.held else 0,
    )  # fmt: skip
    response.status_code = status
    return response


def _to(address: str) -> Response:
    response: Response = redirect(address, 303)  # type: ignore[assignment]
    return response
