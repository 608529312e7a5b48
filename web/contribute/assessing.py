"""Assessing one element of an offence, or a precondition, for one incident: a person's word, which is reviewed."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, redirect, request
from pyoxigraph import Literal, NamedNode

from kb.errors import DoesNotConform, MizanError, NotFound, UsageError
from kb.form import Fault, Typed, compose, faults_of, form_of, name_of
from kb.knowledgebase import now
from kb.ns import ID, MZ, RDF
from kb.people import Right
from kb.record import named, owner
from kb.review import Kind, State, Submission, check
from kb.review.publish import judgement
from kb.review.queue import number
from web.choosing import label
from web.contribute import choice, gate
from web.contribute.field import Shown, shown, summary, typed_of
from web.contribute.place import place
from web.site import here, page, site, tongue

blueprint = Blueprint("contribute_assess", __name__)
_ASKED = [name_of(p.value) for p in (
    MZ.assessmentValue, MZ.standardOfProof, MZ.rationale, MZ.claimant, MZ.supportedBy, MZ.contradictedBy, MZ.assessedOn
)]  # fmt: skip


@blueprint.route("/<lang:lang>/contribute/assess", methods=["GET", "POST"])
def assess(lang: str) -> Response:
    """The form for `incident` and `element`."""
    person = gate.need(Right.ASSESS)
    incident = _known("incident", request.args.get("incident", ""), MZ.Incident)
    element = _known("provision", request.args.get("element", ""), MZ.Element, MZ.Precondition)
    form = form_of(MZ.ElementAssessment.value)
    if request.method != "POST":
        return _page(incident, element, {name_of(MZ.assessedOn.value): [now()[:10]]}, [], None)
    typed = {name: texts for name, texts in typed_of(form, request.form).items() if name.partition("@")[0] in _ASKED}
    if request.form.get("do") == "lines":
        return _page(incident, element, typed, [], None)
    faults = _faults(incident, element, typed)
    if faults:
        return _page(incident, element, typed, faults, None)
    told = _judged(incident, element, typed)
    try:
        made = site().base.assessed(judgement(told))
    except (DoesNotConform, NotFound, UsageError) as error:
        return _page(incident, element, typed, [], error)
    title = f"{label_en(element)}: {label_en(incident)}"[:200]
    held = place().queue.submit(person, Submission(
        number(), Kind.ASSESSMENT, State.WAITING, person.name, person.token, title, form.of, told, made.iri, incident,
        (made,),
    ))  # fmt: skip
    response: Response = redirect(f"/{lang}/contribute/submission/{held.id}?sent=1", 303)  # type: ignore[assignment]
    return response


def label_en(iri: str) -> str:
    """The English name of a thing."""
    return here().labels(iri).get("en") or iri.removeprefix(ID)


def _known(kind: str, name: str, *classes: NamedNode) -> str:
    iri = named(kind, name.strip() or "-")
    if not set(classes) & set(here().store.objects(NamedNode(iri), RDF.type)):
        raise NotFound(f"There is no such {kind}", "", "Begin at the elements page of an incident.")
    return iri


def _faults(incident: str, element: str, typed: Typed) -> list[Fault]:
    """What the reading and the shapes find, as the record would stand."""
    store, form = here().store, form_of(MZ.ElementAssessment.value)
    offence = NamedNode(owner(element))
    kinds = store.objects(offence, RDF.type)
    fixed: dict[str, list[NamedNode | Literal]] = {
        MZ.about.value: [NamedNode(incident)], MZ.assesses.value: [NamedNode(element)],
    }  # fmt: skip
    if MZ.Offence in kinds or MZ.ModeOfLiability in kinds:
        fixed[MZ.offence.value] = [offence]
    satisfied = typed.get(name_of(MZ.assessmentValue.value)) == ["satisfied"]
    if satisfied and MZ.Precondition in store.objects(NamedNode(element), RDF.type):
        fixed[MZ.establishes.value] = [NamedNode(element)]
    iri = f"{ID}assessment/{site().base.policy.dataset}/draft"
    made, faults = compose(iri, form, typed, fixed, partial(choice.resolve, incident), site().base.policy.zone)
    return [*faults, *faults_of(check(site().base, (made,)), form, iri, faults)]


def _judged(incident: str, element: str, typed: Typed) -> dict[str, object]:
    """What was typed, in the words of `mizan assess`."""
    form = form_of(MZ.ElementAssessment.value)

    def one(path: NamedNode) -> str:
        return next(iter(typed.get(name_of(path.value), ())), "").strip()

    def things(path: NamedNode) -> list[str]:
        field = form.at(path.value)
        texts = [text.strip() for text in typed.get(name_of(path.value), ()) if text.strip()]
        return [iri for t in texts if field is not None and (iri := choice.resolve(incident, field, t))]

    reasons = {tag: "\n".join(typed.get(f"{name_of(MZ.rationale.value)}@{tag}", ())) for tag in ("en", "ar")}
    return {
        "incident": incident, "element": element, "value": one(MZ.assessmentValue), "on": one(MZ.assessedOn),
        "by": next(iter(things(MZ.claimant)), ""), "standard": one(MZ.standardOfProof), "reasons": reasons,
        "supported_by": things(MZ.supportedBy), "contradicted_by": things(MZ.contradictedBy),
    }  # fmt: skip


def _page(incident: str, element: str, typed: Typed, faults: list[Fault], error: MizanError | None) -> Response:
    form = form_of(MZ.ElementAssessment.value)
    found = {one.name: one for one in shown(form, typed, faults, incident) if one.name in _ASKED}
    fields: list[Shown] = [found[name] for name in _ASKED if name in found]
    response = page(
        "contribute/assess.html", fields=fields, wrong=summary(fields, faults), incident=incident, element=element,
        offence=owner(element), title=label(element), error=error, form_token=gate.form_token(), lang=tongue().code,
    )  # fmt: skip
    response.status_code = 422 if faults or error else 200
    return response
