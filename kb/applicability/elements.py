"""The elements of an offence against what is recorded of an incident: indications, assessments, and the gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode

from kb.applicability import recognition
from kb.applicability.law import Law
from kb.applicability.recognition import Indication, Kind, Material
from kb.errors import NotFound, UsageError
from kb.ns import ID, MZ, RDF, SCHEME, SKOS
from kb.record import system_node
from kb.store.local import LocalStore

NOT_ASSESSED = SCHEME + "assessment-value#not-assessed"
_NOT_CREDIBLE = SCHEME + "confidence#assessed-not-credible"


@dataclass(frozen=True, slots=True)
class Assessment:
    """A person's assessment of one element or precondition: its value, standard, author, day and reasons by language.

    `revision` counts from 1; what an earlier one said is in the ledger.
    """

    node: str
    value: str
    standard: str
    by: str
    on: str
    reasons: dict[str, str]
    supported_by: tuple[str, ...]
    contradicted_by: tuple[str, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Row:
    """One element, or one precondition, with what is recorded about it.

    `indications` are found by machine and are no assessment. `silent` are the kinds of facts that would speak to it
    and of which none is recorded; `recorded` the kinds of evidence that a recorded item is of, `missing` those of which
    none is. `origins` counts the sources behind the indications that do not derive from one another. `summaries` says
    by language what must be established, `cautions` (language, text) how it must not be read.
    """

    node: str
    number: int
    crime: str
    kinds: tuple[str, ...]
    indications: tuple[Indication, ...]
    silent: tuple[str, ...]
    recorded: tuple[str, ...]
    missing: tuple[str, ...]
    assessments: tuple[Assessment, ...]
    origins: int
    summaries: dict[str, str]
    cautions: tuple[tuple[str, str], ...]

    @property
    def values(self) -> tuple[str, ...]:
        """What persons say of it, each value once; not assessed where nobody has."""
        return tuple(sorted({a.value for a in self.assessments})) or (NOT_ASSESSED,)

    @property
    def rivals(self) -> dict[str, tuple[Indication, ...]]:
        """The kinds of facts on which claimants differ or one disputes another, with all that they claim."""
        found: dict[str, list[Indication]] = {}
        for indication in self.indications:
            if indication.claimant:
                found.setdefault(indication.kind, []).append(indication)
        return {kind: tuple(group) for kind, group in found.items() if _differ(group)}


@dataclass(frozen=True, slots=True)
class Fit:
    """A mode of liability that an alleged degree of involvement could fit, with the attributions that allege it."""

    mode: str
    degree: str
    attributions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """An incident against an offence: elements in order, preconditions, and modes that could be examined."""

    incident: str
    offence: str
    elements: tuple[Row, ...]
    preconditions: tuple[Row, ...]
    modes: tuple[Fit, ...] = field(default=())


def matrix(store: LocalStore, law: Law, incident: str, offence: str) -> Matrix:
    """The elements of `offence` (or of a mode of liability) against what the store holds of `incident`; both IRIs.

    NotFound for an incident or a provision that is not there, UsageError for a provision without elements.
    """
    _check(store, incident, offence)
    recorded = recognition.material(store, law, incident)
    nodes = [v.value for v in store.objects(NamedNode(offence), MZ.hasElement)]
    rows = sorted((_row(recorded, incident, n) for n in nodes), key=lambda r: (r.crime, r.number, r.node))
    conditions = {p for s in law.scopes if s.provision == offence for p in s.preconditions}
    return Matrix(
        incident, offence, tuple(rows), tuple(_row(recorded, incident, p) for p in sorted(conditions)),
        tuple(_modes(recorded)),
    )  # fmt: skip


def _check(store: LocalStore, incident: str, offence: str) -> None:
    if MZ.Incident not in store.objects(NamedNode(incident), RDF.type):
        raise NotFound(f"There is no incident {_short(incident)}", "", "Look for it with the search of the site.")
    if not store.knows(offence):
        raise NotFound(f"There is no provision {_short(offence)}", "", _with_elements(store))
    if not store.objects(NamedNode(offence), MZ.hasElement):
        raise UsageError(f"{_short(offence)} has no elements", "only offences and modes have", _with_elements(store))


def _with_elements(store: LocalStore) -> str:
    known = sorted({_short(t.object.value) for t in store.triples(MZ.elementOf) if isinstance(t.object, NamedNode)})
    return f"Elements are recorded of: {', '.join(known)}." if known else "No elements are recorded."


def _short(iri: str) -> str:
    return iri.removeprefix(ID).removeprefix("provision/").removeprefix("incident/")


def _row(recorded: Material, incident: str, iri: str) -> Row:
    store, node = recorded.store, NamedNode(iri)
    asked = recognition.kinds(store, _iris(store, node, MZ.indicatedBy))
    found = tuple(i for kind in asked for i in recorded.indications(kind))
    assessed = tuple(_assessments(store, incident, node))
    needed = recognition.kinds(store, _iris(store, node, MZ.evidenceNeeded))
    items = _evidence(store, found, assessed)
    held = {kind.iri for kind in needed if any(kind.fits(list(store.node(NamedNode(i))), recorded.law) for i in items)}
    kinds = {i.kind for i in found}
    return Row(
        iri,
        int(_literal(store, node, MZ.elementNumber) or 0),
        _literal(store, node, MZ.crimeLabel),
        tuple(sorted(_iris(store, node, MZ.elementKind))),
        found,
        tuple(kind.iri for kind in asked if kind.iri not in kinds),
        tuple(sorted(held)),
        tuple(kind.iri for kind in needed if kind.iri not in held),
        assessed,
        len(recorded.origins(s for i in found for s in i.sources)),
        dict(_texts(store, node, MZ.summary) or _texts(store, node, SKOS.definition)),
        tuple(_texts(store, node, MZ.caution)),
    )


def _evidence(store: LocalStore, found: tuple[Indication, ...], assessed: tuple[Assessment, ...]) -> set[str]:
    """What could be evidence for a row: the claims that speak to it, what they rest on, what an assessor relied on."""
    claims = {i.node for i in found if i.claimant} | {s for a in assessed for s in a.supported_by}
    cited = {v.value for c in claims for v in store.objects(NamedNode(c), MZ.restsOn)}
    return claims | cited | {s.partition("#")[0] for s in cited}


def _assessments(store: LocalStore, incident: str, node: NamedNode) -> Iterator[Assessment]:
    about = NamedNode(incident)
    for here in sorted(store.subjects(MZ.assesses, node), key=lambda n: n.value):
        if about in store.objects(here, MZ.about):
            yield Assessment(
                here.value,
                _literal(store, here, MZ.assessmentValue),
                _literal(store, here, MZ.standardOfProof),
                _literal(store, here, MZ.claimant),
                _literal(store, here, MZ.assessedOn),
                dict(_texts(store, here, MZ.rationale)),
                tuple(sorted(_iris(store, here, MZ.supportedBy))),
                tuple(sorted(_iris(store, here, MZ.contradictedBy))),
                _revision(store, here),
            )


def _revision(store: LocalStore, node: NamedNode) -> int:
    values = store.objects(system_node(node.value.partition("#")[0]), MZ.revision)
    return int(values[0].value) if values else 0


def _modes(recorded: Material) -> Iterator[Fit]:
    """The modes of liability that could be examined: by the degrees of involvement that credible attributions allege.

    An attribution names an organisation; a mode concerns a person. The degree only says where to look.
    """
    kind = Kind("", frozenset((MZ.Attribution.value,)), frozenset((MZ.allegedActor.value,)), frozenset())
    alleged: dict[str, list[str]] = {}
    for indication in recorded.indications(kind):
        said = dict(indication.said)
        degree = said.get(MZ.degreeOfInvolvement.value)
        if degree and said.get(MZ.confidence.value) != _NOT_CREDIBLE:
            alleged.setdefault(degree, []).append(indication.node)
    fits = [(t.subject.value, t.object.value) for t in recorded.store.triples(MZ.fitsDegree)
            if isinstance(t.subject, NamedNode) and isinstance(t.object, NamedNode)]  # fmt: skip
    for mode, degree in sorted(fits):
        if degree in alleged:
            yield Fit(mode, degree, tuple(alleged[degree]))


def _differ(group: list[Indication]) -> bool:
    by_claimant: dict[str, set[tuple[tuple[str, str], ...]]] = {}
    for indication in group:
        said = tuple(pair for pair in indication.said if pair[0] not in recognition.QUALIFIERS)
        by_claimant.setdefault(indication.claimant, set()).add(said)
    claims = list(by_claimant.values())
    return any(i.disputed_by for i in group) or any(c != claims[0] for c in claims)


def _iris(store: LocalStore, node: NamedNode, predicate: NamedNode) -> list[str]:
    return [v.value for v in store.objects(node, predicate) if isinstance(v, NamedNode)]


def _texts(store: LocalStore, node: NamedNode, predicate: NamedNode) -> list[tuple[str, str]]:
    return sorted((v.language or "en", v.value) for v in store.objects(node, predicate) if isinstance(v, Literal))


def _literal(store: LocalStore, node: NamedNode, predicate: NamedNode) -> str:
    values = store.objects(node, predicate)
    return values[0].value if values else ""
