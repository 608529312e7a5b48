"""What can be chosen in a field, and which thing a person means by what was typed into it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from pyoxigraph import NamedNode

from kb import vocabulary
from kb.errors import UsageError
from kb.form import Field
from kb.ns import ID, MZ, MZ_BASE, RDF, SCHEME
from kb.record import named
from kb.snapshot import Snapshot
from web.choosing import MOST, Choice, label
from web.site import here, reader, site, tongue

NEAR = 20  # choices that come near some words
_KINDS = {
    "Incident": "incident", "LegalInstrument": "instrument", "Provision": "provision", "Actor": "actor",
    "Source": "source", "EvidenceItem": "source", "Dataset": "dataset", "Place": "place",
}  # fmt: skip
_INSIDE = ("SpecificResource",)  # stands inside of records, never by itself: named by its IRI where it is needed


def kinds(field: Field) -> list[str]:
    """The kinds of record that a field takes; none where its things stand inside of records, as claims do."""
    found = {name: _KINDS.get(name, "") for name in _names(field) if name not in _INSIDE}
    return sorted({kind for kind in found.values() if kind})


def codes(field: Field) -> list[Choice]:
    """The concepts of a field, by their names."""
    members = [node.iri for scheme in field.schemes for node in reader().members(SCHEME + scheme)]
    found = [Choice(iri.partition("#")[2], label(iri) or iri.partition("#")[2]) for iri in members]
    return sorted(found, key=lambda c: str(c.words))


def things(field: Field, about: str) -> list[Choice]:
    """Things for a field: the newest of their kind, or the claims about the incident that the form is about."""
    found = kinds(field)
    if found:
        key = f"things {' '.join(found)} {tongue().code}"
        known: list[Choice] = site().once(key, here(), partial(_newest, found, here()))
        return [*_about(field, about), *known]
    return _about(field, about) or _all(field)


def closed(field: Field) -> bool:
    """Whether a field of things has so few that they make one list."""
    return not kinds(field)


def near(wanted: list[str], words: str) -> list[Choice]:
    """The best choices of some kinds for some words."""
    known = [kind for kind in wanted if kind in _KINDS.values()]
    return [_choice(hit.iri) for hit in here().index.find(words[:200], kinds=known, limit=NEAR).items] if known else []


def resolve(about: str, field: Field, text: str) -> str | None:
    """The IRI that a person means: by IRI, by short name, by the name of its page; None where it names nothing here."""
    store, wanted = here().store, kinds(field)
    texts = [f"{about}{text}"] if text.startswith("#") and about else []
    with suppress(UsageError):  # words with spaces, which are looked up by name below
        texts += [named("", text)] if "://" in text or "/" in text else [named(kind, text) for kind in wanted]
    for iri in texts:
        if store.knows(iri):
            return iri
    hits = here().index.find(text[:200], kinds=wanted, limit=NEAR).items if wanted else ()
    exact = {hit.iri for hit in hits if text.casefold() in (hit.label_en.casefold(), hit.label_ar.casefold())}
    return exact.pop() if len(exact) == 1 else None


def code_label(field: Field, value: str) -> str:
    """The name of a code, as it was typed where there is none."""
    node = next((n for s in field.schemes if (n := vocabulary.codes(s).get(value.lower())) is not None), None)
    return (label(node.value) if node is not None else "") or value


def _names(field: Field) -> list[str]:
    return [iri.rpartition("#")[2] for iri in field.classes]


def _about(field: Field, about: str) -> list[Choice]:
    """Claims about an incident, of the classes that a field takes."""
    if not about:
        return []
    store, wanted = here().store, {NamedNode(iri) for iri in field.classes}
    found = [n.value for n in store.subjects(MZ.about, NamedNode(about)) if wanted & set(store.objects(n, RDF.type))]
    return [Choice(iri.removeprefix(ID), _told(iri)) for iri in sorted(found)]


def _told(iri: str) -> str:
    """A claim in a few words: what it is, and whose."""
    store = here().store
    of = next((o.value for o in store.objects(NamedNode(iri), RDF.type) if o.value.startswith(MZ_BASE)), "")
    who = next((o.value for o in store.objects(NamedNode(iri), MZ.claimant)), "")
    return " · ".join(filter(None, (label(of), label(who) if who else "", iri.rpartition("#")[2] or iri[-12:])))


def _newest(wanted: list[str], snapshot: Snapshot) -> list[Choice]:
    found = [hit.iri for hit in snapshot.index.find(kinds=wanted, limit=MOST).items]
    return sorted(map(_choice, found), key=lambda c: str(c.words))


def _all(field: Field) -> list[Choice]:
    found = {n.value for iri in field.classes for n in here().store.subjects(RDF.type, NamedNode(iri))[:MOST]}
    return sorted(map(_choice, found), key=lambda c: str(c.words)) if len(found) <= MOST else []


def _choice(iri: str) -> Choice:
    short = iri.removeprefix(ID)
    return Choice(short, label(iri) or short)
