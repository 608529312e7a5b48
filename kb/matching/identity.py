"""Claims that two records tell of one event, or do not: written by the matcher, confirmed or disputed by persons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pyoxigraph import Literal, NamedNode, Triple

from kb import document
from kb.canonical import literal
from kb.errors import DoesNotConform, NotFound, UsageError
from kb.matching import model, wording
from kb.matching.link import Pair
from kb.ns import CITO, ID, MZ, ORG, RDF, SCHEME, XSD
from kb.record import Record, local_name, named, subject
from kb.store.local import LocalStore

MATCHER = f"{ID}actor/matcher"
OPEN, ACCEPTED, REJECTED, CONTESTED = "open", "accepted", "rejected", "contested"
STATES = (OPEN, ACCEPTED, REJECTED, CONTESTED)
_SOFTWARE = NamedNode(f"{SCHEME}actor-kind#software")
_BASIS = "computed from the two records; no person has looked at it"


@dataclass(frozen=True, slots=True)
class Review:
    """What a person says of a computed candidate."""

    claim: str
    by: str
    accepts: bool
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A computed pair as it stands in a knowledge base, with the reviews of persons.

    `state` is open until a person says something, then accepted or rejected, or contested where persons differ.
    """

    claim: str
    one: str
    other: str
    score: float
    reasons: dict[str, str]
    model: str
    reviews: tuple[Review, ...]

    @property
    def state(self) -> str:
        """See the class."""
        views = {review.accepts for review in self.reviews}
        if not views:
            return OPEN
        if len(views) > 1:
            return CONTESTED
        return ACCEPTED if views == {True} else REJECTED


def record(pair: Pair) -> Record:
    """The matcher's claim on a pair: the same address for the same pair, so that a new run replaces only its own."""
    iri = _address(pair.one.iri, pair.other.iri, MATCHER)
    node = NamedNode(iri)
    return document.record(iri, [
        Triple(node, RDF.type, MZ.EventIdentity),
        Triple(node, MZ.about, NamedNode(pair.one.iri)),
        Triple(node, MZ.sameEventAs, NamedNode(pair.other.iri)),
        Triple(node, MZ.claimant, NamedNode(MATCHER)),
        Triple(node, MZ.basis, Literal(_BASIS)),
        Triple(node, MZ.matchScore, literal(f"{pair.score:.4f}", XSD.decimal.value)),
        Triple(node, MZ.modelDigest, Literal(model.digest())),
        *_rationale(node, wording.reasons(pair)),
    ])  # fmt: skip


def review(store: LocalStore, given: Review) -> Record:
    """A person's claim that confirms or disputes a computed candidate; it replaces only that person's earlier one.

    Raises NotFound or UsageError for a claim that is none of the matcher's, or an author who is unknown or a program.
    """
    claim = named("identity", given.claim)
    found = _candidate(store, NamedNode(claim))
    if found is None:
        raise NotFound(f"There is no candidate {given.claim}", "", "See them with: mizan match list")
    author = _author(store, given.by)
    if not given.reasons.get("en", "").strip():
        raise UsageError("No reason is given", "a review without a reason cannot be weighed", "Add --reason.")
    iri = _address(found.one, found.other, author)
    node = NamedNode(iri)
    return document.record(iri, [
        Triple(node, RDF.type, MZ.EventIdentity),
        Triple(node, MZ.about, NamedNode(found.one)),
        Triple(node, MZ.sameEventAs if given.accepts else MZ.differentEventFrom, NamedNode(found.other)),
        Triple(node, MZ.claimant, NamedNode(author)),
        Triple(node, CITO.confirms if given.accepts else CITO.disputes, NamedNode(claim)),
        *_rationale(node, given.reasons),
    ])  # fmt: skip


def listed(store: LocalStore, state: str | None = None, skip: int = 0) -> Iterator[Candidate]:
    """The computed candidates, likeliest first, each read when it is asked for; those passed over are not read.

    With `state`, only those in it: claims that nobody reviewed are told from the others without being read.
    """
    heads = ((-float(_value(triple)), subject(triple)) for triple in store.triples(MZ.matchScore))
    if state is not None:
        reviewed = {_value(triple) for view in (CITO.confirms, CITO.disputes) for triple in store.triples(view)}
        heads = (head for head in heads if (head[1] in reviewed) != (state == OPEN))
    found = (_candidate(store, NamedNode(iri)) for iri in _passed(store, sorted(heads), state, skip))
    return (candidate for candidate in found if candidate is not None)


def _passed(store: LocalStore, heads: list[tuple[float, str]], state: str | None, skip: int) -> Iterator[str]:
    if state in (None, OPEN):
        return (iri for _, iri in heads[skip:])
    right = (iri for _, iri in heads if (found := _candidate(store, NamedNode(iri))) and found.state == state)
    return islice(right, skip, None)


def candidates(store: LocalStore, incident: str = "") -> list[Candidate]:
    """The computed candidates, likeliest first; with `incident` (an IRI), those that name it on either side."""
    if not incident:
        return list(listed(store))
    here = NamedNode(incident)
    nodes = {*store.subjects(MZ.about, here), *store.subjects(MZ.sameEventAs, here)}
    found = (_candidate(store, node) for node in nodes)
    return sorted((c for c in found if c is not None), key=lambda c: (-c.score, c.claim))


def _value(triple: Triple) -> str:
    assert isinstance(triple.object, NamedNode | Literal)
    return triple.object.value


def _candidate(store: LocalStore, node: NamedNode) -> Candidate | None:
    """The candidate that a node is; None where it is something else."""
    if NamedNode(MATCHER) not in store.objects(node, MZ.claimant):
        return None
    one, other, score, digest = (
        next((v.value for v in store.objects(node, p)), "")
        for p in (MZ.about, MZ.sameEventAs, MZ.matchScore, MZ.modelDigest)
    )
    return Candidate(node.value, one, other, float(score or 0), _texts(store, node), digest,
                     tuple(_reviews(store, node)))  # fmt: skip


def _reviews(store: LocalStore, claim: NamedNode) -> Iterator[Review]:
    for accepts, predicate in ((True, CITO.confirms), (False, CITO.disputes)):
        for node in sorted(store.subjects(predicate, claim), key=lambda n: n.value):
            by = next((v.value for v in store.objects(node, MZ.claimant)), "")
            yield Review(claim.value, by, accepts, _texts(store, node))


def _texts(store: LocalStore, node: NamedNode) -> dict[str, str]:
    values = (v for v in store.objects(node, MZ.rationale) if isinstance(v, Literal))
    return {v.language or "en": v.value for v in sorted(values, key=str)}


def _author(store: LocalStore, name: str) -> str:
    author = NamedNode(named("actor", name))
    if MZ.Actor not in store.objects(author, RDF.type):
        hint = "Add a record of the person or body that answers for it with: mizan import rdf FILE"
        raise NotFound(f"There is no actor {name}", "", hint)
    if _SOFTWARE in store.objects(author, ORG.classification):
        raise DoesNotConform(f"{name} is a program", "a candidate is reviewed by a person or a body",
                             "Name the one who looked at both records with --by.")  # fmt: skip
    return author.value


def _rationale(node: NamedNode, reasons: dict[str, str]) -> Iterator[Triple]:
    for language, text in sorted(reasons.items()):
        if text.strip():
            yield Triple(node, MZ.rationale, literal(text.strip(), language=language))


def _address(one: str, other: str, author: str) -> str:
    """`…/id/identity/<the one>/<the other, in one part>/<author>`: the order of the two is that of their IRIs."""
    first, second = (iri.removeprefix(f"{ID}incident/") for iri in (one, other))
    return f"{ID}identity/{first}/{local_name(second)}/{local_name(author.removeprefix(f'{ID}actor/'))}"
