"""A person's assessment of an element or a precondition, made into a record that supersedes that person's last one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pyoxigraph import NamedNode, Triple

from kb import document, vocabulary
from kb.applicability.law import Law
from kb.canonical import literal
from kb.errors import DoesNotConform, NotFound, UsageError
from kb.ns import ID, MZ, RDF, XSD
from kb.record import Record, local_name, named, owner
from kb.store.local import LocalStore

_SATISFIED = "satisfied"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person says of one element or precondition of one incident, in the words in which it was typed.

    Things are given by IRI or short name, codes as in their schemes, `on` as YYYY-MM-DD. `offence` may be empty; given,
    the element must belong to it.
    """

    incident: str
    element: str
    value: str
    by: str
    standard: str
    on: str
    reasons: dict[str, str]
    supported_by: tuple[str, ...] = ()
    contradicted_by: tuple[str, ...] = ()
    offence: str = ""


def record(store: LocalStore, law: Law, judgement: Judgement, today: str) -> Record:
    """The record of an assessment. One author has one for each element of an incident; a later one supersedes it.

    Raises NotFound, UsageError or DoesNotConform for what names nothing, is no code, or does not belong together.
    """
    incident = _known(store, "incident", judgement.incident, MZ.Incident)
    element = _element(store, judgement)
    author = _author(store, law, judgement.by)
    value = _code("assessment-value", "value", judgement.value)
    standard = _code("standard-of-proof", "standard", judgement.standard)
    iri = "/".join((f"{ID}assessment", incident.removeprefix(f"{ID}incident/"), _slug(element), _slug(author)))
    node = NamedNode(iri)
    triples = [
        Triple(node, RDF.type, MZ.ElementAssessment),
        Triple(node, MZ.about, NamedNode(incident)),
        Triple(node, MZ.assesses, NamedNode(element)),
        Triple(node, MZ.assessmentValue, value),
        Triple(node, MZ.claimant, NamedNode(author)),
        Triple(node, MZ.standardOfProof, standard),
        Triple(node, MZ.assessedOn, literal(_day(judgement.on, today), XSD.date.value)),
        *_reasons(node, judgement.reasons),
        *_links(store, node, MZ.supportedBy, judgement.supported_by, incident),
        *_links(store, node, MZ.contradictedBy, judgement.contradicted_by, incident),
        *_belonging(store, node, element, value.value.endswith(f"#{_SATISFIED}")),
    ]
    return document.record(iri, triples)


def _element(store: LocalStore, judgement: Judgement) -> str:
    element = named("provision", judgement.element)
    kinds = store.objects(NamedNode(element), RDF.type)
    offence = owner(element)
    if MZ.Element not in kinds and MZ.Precondition not in kinds:
        raise NotFound(f"There is no element or precondition {judgement.element}", "", _choices(store, offence))
    if judgement.offence and named("provision", judgement.offence) != offence:
        raise DoesNotConform(
            f"{judgement.element} does not belong to {judgement.offence}", f"it is of {_short(offence)}",
            _choices(store, named("provision", judgement.offence)),
        )  # fmt: skip
    return element


def _choices(store: LocalStore, offence: str) -> str:
    nodes = {n.value for kind in (MZ.Element, MZ.Precondition) for n in store.subjects(RDF.type, kind)}
    names = sorted(_short(n) for n in nodes if owner(n) == offence)
    if names:
        return f"{_short(offence)} has: {', '.join(names)}."
    return "See them with: mizan elements INCIDENT OFFENCE"


def _author(store: LocalStore, law: Law, name: str) -> str:
    hint = "Add a record of the person or body that answers for it with: mizan import rdf FILE"
    if not name.strip():
        raise DoesNotConform("Nobody is named as the author", "an assessment has somebody who answers for it", hint)
    author = named("actor", name)
    if author in law.unspecific:
        raise DoesNotConform(f"{name} is nobody", "an assessment has somebody who answers for it", hint)
    if MZ.Actor not in store.objects(NamedNode(author), RDF.type):
        raise NotFound(f"There is no actor {name}", "", hint)
    return author


def _known(store: LocalStore, kind: str, name: str, wanted: NamedNode) -> str:
    iri = named(kind, name)
    if wanted not in store.objects(NamedNode(iri), RDF.type):
        raise NotFound(f"There is no {kind} {name}", "", "Look for it with the search of the site.")
    return iri


def _code(scheme: str, what: str, text: str) -> NamedNode:
    codes = vocabulary.codes(scheme)
    node = codes.get(text.strip().lower())
    if node is None:
        known = sorted({n.value.partition("#")[2] for n in codes.values()})
        raise UsageError(f"{text!r} is not a {what}", "", f"Use one of: {', '.join(known)}.")
    return node


def _day(text: str, today: str) -> str:
    try:
        day = date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"{text!r} is not a day", str(error), "Write it as YYYY-MM-DD.") from None
    if day > today:
        raise UsageError(f"{day} has not come yet", "an assessment is dated when it is made", f"Today is {today}.")
    return day


def _reasons(node: NamedNode, reasons: dict[str, str]) -> Iterator[Triple]:
    if not reasons.get("en", "").strip():
        raise UsageError("No reason is given", "an assessment without reasoning cannot be weighed", "Add --reason.")
    for language, text in sorted(reasons.items()):
        if text.strip():
            yield Triple(node, MZ.rationale, literal(text.strip(), language=language))


def _links(
    store: LocalStore, node: NamedNode, predicate: NamedNode, names: tuple[str, ...], incident: str
) -> Iterator[Triple]:
    for name in names:
        iri = incident + name if name.startswith("#") else named("", name)
        if not store.knows(iri):
            hint = "Write a claim of the incident as #its-fragment, others as source/NAME or by IRI."
            raise NotFound(f"{name} names nothing in this knowledge base", "", hint)
        yield Triple(node, predicate, NamedNode(iri))


def _belonging(store: LocalStore, node: NamedNode, element: str, satisfied: bool) -> Iterator[Triple]:
    """What the assessed thing is of, and the precondition that is established when it is found satisfied."""
    offence = NamedNode(owner(element))
    kinds = store.objects(offence, RDF.type)
    if MZ.Offence in kinds or MZ.ModeOfLiability in kinds:
        yield Triple(node, MZ.offence, offence)
    if satisfied and MZ.Precondition in store.objects(NamedNode(element), RDF.type):
        yield Triple(node, MZ.establishes, NamedNode(element))


def _slug(iri: str) -> str:
    short = _short(iri).removeprefix("actor/")
    return local_name(short.replace("/", "-").replace("#", "-"))


def _short(iri: str) -> str:
    return iri.removeprefix(ID).removeprefix("provision/")
