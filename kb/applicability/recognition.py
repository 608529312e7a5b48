"""Which recorded facts are of which kind: what the vocabulary says of a kind, looked for in what is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Triple

from kb import origin
from kb.applicability.facts import Reader, reported
from kb.applicability.law import Law
from kb.ns import CITO, DCTERMS, MZ, PREFIXES, RDF
from kb.record import subject
from kb.store.local import LocalStore

_CLASS = NamedNode(PREFIXES["owl"] + "Class")
_SAID = tuple(
    term.value for term in (
        MZ.date, MZ.method, MZ.objectHit, MZ.weapon, MZ.allegedActor, MZ.confidence, MZ.degreeOfInvolvement,
        MZ.position, MZ.conflictType, MZ.areaControlledBy, MZ.withinPlace, MZ.factKind, MZ.harm, MZ.victimCategory,
        MZ.victimAge, MZ.victimSex, MZ.minimum, MZ.best, MZ.maximum,
    )
)  # fmt: skip
"""The properties that say what a claim claims, in the order in which they are shown."""
QUALIFIERS = frozenset((MZ.confidence.value, MZ.degreeOfInvolvement.value))
"""What is shown beside a claim and does not make it another claim."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fact or of evidence, and how one is recognised: AND over classes, properties and concepts, OR within.

    Each is empty where it restricts nothing; a kind with none of the three is never recognised.
    """

    iri: str
    classes: frozenset[str]
    properties: frozenset[str]
    concepts: frozenset[str]

    def fits(self, triples: list[Triple], law: Law) -> bool:
        """Whether a node, given by its triples, is such a fact; what is unspecific counts as nothing."""
        values = [(t.predicate.value, t.object.value) for t in triples if isinstance(t.object, NamedNode | Literal)]
        definite = [(p, v) for p, v in values if v not in law.unspecific]
        if self.classes and not any(p == RDF.type.value and v in self.classes for p, v in definite):
            return False
        if self.properties and not any(p in self.properties for p, _ in definite):
            return False
        if self.concepts and not any(law.ancestors(v) & self.concepts for _, v in definite):
            return False
        return bool(self.classes or self.properties or self.concepts)


@dataclass(frozen=True, slots=True)
class Indication:
    """One recorded fact that a machine recognised as of a kind that speaks to an element: never an assessment.

    `said` holds what the node claims as (property, value); `claimant` is empty where the incident's record speaks for
    itself; `disputed_by` are the nodes that dispute it.
    """

    kind: str
    node: str
    claimant: str
    said: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    disputed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Material:
    """All that is recorded of one incident, node by node, assessments left aside."""

    store: LocalStore
    law: Law
    nodes: dict[str, list[Triple]]
    disputed: dict[str, tuple[str, ...]]

    def indications(self, kind: Kind) -> Iterator[Indication]:
        """The recorded facts of a kind, in the order of their claimants."""
        found = [self._indication(kind, iri) for iri, triples in self.nodes.items() if kind.fits(triples, self.law)]
        yield from sorted(found, key=lambda i: (i.claimant, i.node))

    def _indication(self, kind: Kind, iri: str) -> Indication:
        triples = self.nodes[iri]
        # a claim that speaks of several things is quoted only on what makes it a fact of this kind
        shown = kind.properties | QUALIFIERS if kind.properties else frozenset(_SAID)
        ordered = [p for p in _SAID if p in shown] + sorted(shown - set(_SAID))
        said = [(p, v) for p in ordered for v in _values(triples, p)]
        sources = sorted(_values(triples, MZ.restsOn.value))
        claimants = _values(triples, MZ.claimant.value)
        disputed = self.disputed.get(iri, ())
        return Indication(kind.iri, iri, claimants[0] if claimants else "", tuple(said), tuple(sources), disputed)

    def origins(self, sources: Iterable[str]) -> frozenset[str]:
        """The sources at the root of these (see `origin.origins`)."""
        return origin.origins(self.store, sources)


def kinds(store: LocalStore, iris: Iterable[str]) -> list[Kind]:
    """The kinds with these IRIs, sorted, with the rules that the vocabulary gives for them."""
    return [_kind(store, iri) for iri in sorted(set(iris))]


def _kind(store: LocalStore, iri: str) -> Kind:
    node = NamedNode(iri)
    named = {v.value for v in store.objects(node, MZ.recognisedBy)}
    classes = {v for v in named if _CLASS in store.objects(NamedNode(v), RDF.type)}
    concepts = frozenset(v.value for v in store.objects(node, MZ.recognisedWith))
    return Kind(iri, frozenset(classes), frozenset(named - classes), concepts)


def material(store: LocalStore, law: Law, incident: str) -> Material:
    """What is recorded of an incident: its record, claims about it elsewhere, patterns, classifications in force."""
    nodes: dict[str, list[Triple]] = {}
    for triple in store.record(incident):
        nodes.setdefault(subject(triple), []).append(triple)
    here = NamedNode(incident)
    others = [*store.subjects(MZ.about, here), *store.subjects(MZ.groups, here)]
    facts = Reader(law).read(reported(store, incident))
    others += [NamedNode(c.claim) for c in law.classifying(facts.place, facts.earliest, facts.latest)]
    for node in others:
        nodes.setdefault(node.value, list(store.node(node)))
    kept = {
        iri: triples for iri, triples in sorted(nodes.items())
        if not any(t.object == MZ.ElementAssessment for t in triples) and not _says_none(triples)
    }  # fmt: skip
    disputed: dict[str, list[str]] = {}
    for iri, triples in kept.items():
        for target in _values(triples, CITO.disputes.value):
            disputed.setdefault(target, []).append(iri)
    return Material(store, law, kept, {target: tuple(sorted(by)) for target, by in disputed.items()})


def _says_none(triples: list[Triple]) -> bool:
    """Whether a node is an estimate of nobody: a report that none were harmed is no fact of harm."""
    numbers = [v for p in (MZ.minimum, MZ.best, MZ.maximum) for v in _values(triples, p.value)]
    return bool(numbers) and set(numbers) == {"0"}


def _values(triples: list[Triple], predicate: str) -> list[str]:
    return sorted(
        t.object.value for t in triples
        if t.predicate.value == predicate and isinstance(t.object, NamedNode | Literal)
    )  # fmt: skip


def text(triples: list[Triple], language: str) -> str:
    """The description of a node in a language, else in any."""
    texts = {t.object.language: t.object.value for t in triples
             if t.predicate == DCTERMS.description and isinstance(t.object, Literal)}  # fmt: skip
    return texts.get(language) or next(iter(texts.values()), "")
