"""What is being entered: which form, about what, under which IRI; made into a record and checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pyoxigraph import Literal, NamedNode

from kb.errors import NotFound
from kb.form import Fault, Form, Typed, compose, faults_of, form_of
from kb.ns import ID, MZ, MZ_BASE, RDF, SKOS
from kb.record import Record, local_name, named
from kb.review import Kind, Submission, check
from web.choosing import label
from web.contribute import choice
from web.language import marked
from web.site import here, site, tongue

IDENTIFIER = "dcterms:identifier"
_LONGEST = 100  # characters of an identifier, which becomes part of an address
CLAIMS = {  # the claims that have a form here: name in the address, class, and what to keep in mind
    "casualties": ("CasualtyEstimate", marked(
        "Give the figures as this one source gives them, as a range where it does. Figures of different sources are "
        "never added up: each source gets a claim of its own.")),
    "attribution": ("Attribution", marked(
        "An attribution says who is alleged to have had a part, according to the claimant named here. It is no "
        "finding, and will be shown as “attributed by” that claimant.")),
    "response": ("PartyResponse", marked(
        "The claimant is the party that answers. Its position stands beside the allegations, in its own terms.")),
    "statement": ("FactualStatement", marked(
        "State what the source reports, in words that leave open what is open: alleged, reported, said to be.")),
    "mapping": ("LegalMapping", marked(
        "The claimant is whoever says that the law applies. Unless a court has decided, the status is “alleged”: no "
        "one is accused here by this site.")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """A form being filled in. `held` is the submission that is changed; `corrects` one that was published."""

    kind: Kind
    form: Form
    name: str
    number: str
    about: str = ""
    held: Submission | None = None
    corrects: str = ""
    fixed: str = ""  # the IRI that is written, where it stands already

    def target(self, typed: Typed) -> str:
        """The IRI that is written."""
        if self.fixed:
            return self.fixed
        dataset = site().base.policy.dataset
        if self.kind == Kind.CLAIM:
            return f"{ID}claim/{dataset}/{self.number}"
        given = next(iter(typed.get(IDENTIFIER, ())), "").strip()[:_LONGEST]
        return f"{ID}incident/{dataset}/{local_name(given) or self.number}"

    def compose(self, typed: Typed) -> tuple[Record, list[Fault]]:
        """The record of what was typed, and all that is wrong with it by our reading and by the shapes."""
        base, iri = site().base, self.target(typed)
        fixed: dict[str, list[NamedNode | Literal]] = {}
        if self.kind == Kind.CLAIM:
            fixed[MZ.about.value] = [NamedNode(self.about)]
        else:
            fixed[MZ.inDataset.value] = [NamedNode(f"{ID}dataset/{base.policy.dataset}")]
        made, faults = compose(iri, self.form, typed, fixed, partial(choice.resolve, self.about), base.policy.zone)
        identifier = "".join(typed.get(IDENTIFIER, ())).strip()
        if self.kind == Kind.INCIDENT and not self.corrects and here().store.knows(iri):
            faults.append(Fault(IDENTIFIER, "taken"))
        if len(identifier) > _LONGEST:
            faults.append(Fault(IDENTIFIER, "long"))
        return made, [*faults, *faults_of(check(base, (made,)), self.form, iri, faults)]

    def title(self, made: Record) -> str:
        """What the submission is called in lists."""
        if self.kind == Kind.CLAIM:
            return f"{self.form.names['en']}: {_english(self.about)}"[:200]
        labels = [t.object for t in made.triples if t.predicate == SKOS.prefLabel and t.subject == NamedNode(made.iri)]
        own = [o for o in labels if isinstance(o, Literal)]
        return next((o.value for o in own if o.language == "en"), own[0].value if own else self.number)[:200]


def _english(iri: str) -> str:
    return here().labels(iri).get("en") or iri.removeprefix(ID)


def incident(number: str) -> Work:
    """A new incident."""
    return Work(Kind.INCIDENT, form_of(MZ.Incident.value), "incident", number)


def claim(name: str, about: str, number: str) -> Work:
    """A new claim about an incident, given by IRI or short name; NotFound where there is no such form or incident."""
    if name not in CLAIMS:
        raise NotFound("There is no form for this", "", f"There are: {', '.join(CLAIMS)}.")
    iri = named("incident", about)
    if MZ.Incident not in here().store.objects(NamedNode(iri), RDF.type):
        raise NotFound(f"There is no incident {about[:100]}", "", "Look for it with the search of the site.")
    return Work(Kind.CLAIM, form_of(MZ_BASE + CLAIMS[name][0]), name, number, iri)


def again(held: Submission, number: str = "") -> Work:
    """The form of a submission: to change it while it is open, or with a new `number` to correct what was published."""
    name = next((n for n, (of, _) in CLAIMS.items() if MZ_BASE + of == held.form), "incident")
    if number:
        return Work(held.kind, form_of(held.form), name, number, held.about, None, held.id, held.target)
    fixed = held.target if held.corrects or held.kind == Kind.CLAIM else ""
    return Work(held.kind, form_of(held.form), name, held.id, held.about, held, held.corrects, fixed)


def words_about(iri: str) -> str:
    """The name of the incident that a form is about, in the language of the page."""
    return label(iri) or iri.removeprefix(ID)


def heading(work: Work) -> str:
    """What the page of a form is called."""
    return work.form.names.get(tongue().code) or work.form.names["en"]


def identifier_of(number: str) -> dict[str, list[str]]:
    """What a new form for an incident is filled in with."""
    return {IDENTIFIER: [f"C-{number[:6].upper()}"]}
