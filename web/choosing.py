"""What can be chosen for a parameter of a saved question: all there is, the newest of much, or what fits some words."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import NamedNode

from kb.errors import UsageError
from kb.ns import ID, MZ_BASE, RDF, SCHEME
from kb.query.parameter import Parameter, term
from kb.search.text import normalise
from kb.snapshot import Snapshot
from web.language import LANGUAGES
from web.reading import Text
from web.site import here, reader, site, tongue

MOST = 400  # choices sent with a form
NEAR = 20  # choices that come near some words
_KINDS = {
    "Incident": "incident", "LegalInstrument": "instrument", "Provision": "provision", "Actor": "actor",
    "Source": "source", "Dataset": "dataset", "Place": "place",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that a parameter can take: as it is written, and in words."""

    value: str
    words: Text | str


def label(iri: str) -> str:
    """The label of a thing in the language of this request, else in the other; "" for a thing without one."""
    found = here().labels(iri)
    code = tongue().code
    return found.get(code) or next((found[tag] for tag in LANGUAGES if tag in found), "")


def offered(parameter: Parameter) -> list[Choice]:
    """The choices that go with a form: all of them, or the newest MOST."""
    if parameter.kind == "text":
        return [Choice(value, value) for value in parameter.of]
    if parameter.kind not in ("iri", "concept") or not parameter.of:
        return []
    key = f"choices {parameter.kind} {parameter.of} {tongue().code}"
    snapshot = here()
    find = _concepts if parameter.kind == "concept" else _things
    found: list[Choice] = site().once(key, snapshot, lambda: find(parameter.of, snapshot))
    return found


def near(parameter: Parameter, words: str) -> list[Choice]:
    """The best choices for some words in either language, or for the beginning of one; without words the newest."""
    kinds = [_KINDS[name] for name in parameter.of if name in _KINDS]
    if parameter.kind == "iri" and kinds and len(kinds) == len(parameter.of):
        return [_choice(hit.iri) for hit in here().index.find(words, kinds=kinds, limit=NEAR).items]
    wanted = normalise(words)
    return [c for c in offered(parameter) if wanted in normalise(f"{c.words} {c.value}")][:NEAR]


def nearest(parameter: Parameter, value: str) -> list[Choice]:
    """What comes near a value that names nothing here; empty where it names something, and where nothing is near."""
    if parameter.kind != "iri" or not value:
        return []
    try:
        iri = term(parameter, value).value
    except UsageError:
        iri = ""  # no IRI can be made of it, such as of words with spaces between them
    if iri and here().store.knows(iri):
        return []
    return near(parameter, value.rpartition("/")[2].rpartition("#")[2])


def _concepts(schemes: tuple[str, ...], snapshot: Snapshot) -> list[Choice]:
    """All concepts of some schemes, by their names."""
    del snapshot
    members = [node.iri for scheme in schemes for node in reader().members(SCHEME + scheme)]
    return sorted(map(_choice, members), key=lambda c: str(c.words))


def _things(classes: tuple[str, ...], snapshot: Snapshot) -> list[Choice]:
    """Things of some classes, by their names: the newest of them where there are more than a form can hold."""
    iris: list[str] = []
    for name in classes:
        if name in _KINDS:
            iris += [hit.iri for hit in snapshot.index.find(kinds=[_KINDS[name]], limit=MOST).items]
        else:
            iris += [node.value for node in snapshot.store.subjects(RDF.type, NamedNode(MZ_BASE + name))[:MOST]]
    return sorted(map(_choice, iris), key=lambda c: str(c.words))


def _choice(iri: str) -> Choice:
    short = iri.removeprefix(ID).removeprefix(SCHEME)
    return Choice(short, label(iri) or short)
