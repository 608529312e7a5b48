"""The law as the engine needs it: scopes, participation of States, hierarchies, read from the store's triples."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from pyoxigraph import NamedNode

from kb.ns import GEO, MZ, ORG, RDF, SCHEME, SKOS
from kb.store.local import LocalStore

DIMENSIONS = ("Conflict", "Conduct", "Object", "Person", "Harm", "Age", "Weapon")
_ZONE = ZoneInfo("Asia/Damascus")


@dataclass(frozen=True, slots=True)
class Scope:
    """What one provision covers. Times are seconds since 1970, None where there is no limit.

    `covers` gives the concepts of each dimension that the scope restricts (see DIMENSIONS); one not given restricts
    nothing. With `party_territory` it applies only in the territory of a State that the instrument binds.
    """

    provision: str
    instrument: str
    start: float | None
    end: float | None
    covers: dict[str, frozenset[str]]
    binds: str
    binds_actors: frozenset[str]
    territory: frozenset[str]
    excludes: frozenset[str]
    preconditions: tuple[str, ...]
    party_territory: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """A State bound by an instrument from one moment (None: not bound) to another (None: still)."""

    instrument: str
    state: str
    start: float | None
    end: float | None


@dataclass(frozen=True, slots=True)
class Classification:
    """A claim that the conflict in a territory is of a type during a period."""

    claim: str
    claimant: str
    kind: str
    start: float | None
    end: float | None
    places: frozenset[str]


@dataclass(frozen=True, slots=True)
class Referral:
    """A Council text that refers, or would have referred, the situation in a place to the court of a statute."""

    instrument: str
    statute: str
    places: frozenset[str]
    vetoed_by: frozenset[str]


@dataclass(frozen=True)
class Law:
    """All scopes with what their tests look up."""

    scopes: tuple[Scope, ...]
    memberships: dict[str, tuple[Membership, ...]] = field(default_factory=dict)
    classifications: tuple[Classification, ...] = ()
    above: dict[str, frozenset[str]] = field(default_factory=dict)
    states: frozenset[str] = frozenset()
    coalitions: frozenset[str] = frozenset()
    unspecific: frozenset[str] = frozenset()
    sovereigns: dict[str, str] = field(default_factory=dict)
    referrals: tuple[Referral, ...] = ()

    def ancestors(self, iri: str) -> frozenset[str]:
        """A concept, place or organisation with everything above it."""
        return self.above.get(iri, frozenset((iri,)))

    @cached_property
    def moments(self) -> tuple[float, ...]:
        """Every moment at which any of the law changes, in order."""
        return tuple(sorted({*self.lasting, *(t for s in self.scopes for t in (s.start, s.end) if t is not None)}))

    @cached_property
    def lasting(self) -> tuple[float, ...]:
        """The moments that do not come from scopes: States joining and leaving, conflicts classified anew."""
        spans: list[Membership | Classification] = [m for group in self.memberships.values() for m in group]
        spans += self.classifications
        return tuple(sorted({t for s in spans for t in (s.start, s.end) if t is not None}))

    def stretch(self, earliest: float, latest: float) -> tuple[int, int]:
        """Between which changes of the law a time span lies: equal for all spans that the law cannot tell apart."""
        return bisect_right(self.moments, earliest), bisect_right(self.moments, latest)


def read(store: LocalStore) -> Law:
    """The law in a store."""
    above = dict(_above(store))
    return Law(
        tuple(sorted(_scopes(store), key=lambda s: s.provision)),
        _memberships(store),
        tuple(sorted(_classifications(store), key=lambda c: c.claim)),
        above,
        frozenset(node.value for node in store.subjects(ORG.classification, NamedNode(_KIND + "state"))),
        frozenset(node.value for node in store.subjects(ORG.classification, NamedNode(_KIND + "coalition"))),
        frozenset(t.subject.value for t in store.triples(MZ.unspecific) if isinstance(t.subject, NamedNode)),
        {t.subject.value: t.object.value for t in store.triples(MZ.territoryOf)
         if isinstance(t.subject, NamedNode) and isinstance(t.object, NamedNode)},
        tuple(sorted(_referrals(store), key=lambda r: r.instrument)),
    )  # fmt: skip


_KIND = SCHEME + "actor-kind#"
_BOTH = SCHEME + "conflict-type#both"


def _scopes(store: LocalStore) -> Iterator[Scope]:
    for node in store.subjects(RDF.type, MZ.Scope):
        provision = _one(store, node, MZ.scopeOf)
        covers = {d: _all(store, node, MZ[f"covers{d}"]) for d in DIMENSIONS}
        yield Scope(
            provision,
            _one(store, NamedNode(provision), MZ.ofInstrument),
            moment(_one(store, node, MZ["from"])),
            moment(_one(store, node, MZ.until)),
            {d: concepts for d, concepts in covers.items() if concepts},
            _one(store, node, MZ.binds).rpartition("#")[2],
            _all(store, node, MZ.bindsActor),
            _all(store, node, MZ.territory),
            _all(store, node, MZ.excludesActor),
            tuple(sorted(_all(store, node, MZ.hasPrecondition))),
            _one(store, node, MZ.requiresPartyTerritory) == "true",
        )


def _referrals(store: LocalStore) -> Iterator[Referral]:
    for triple in store.triples(MZ.refersTo):
        node, statute = triple.subject, triple.object
        if isinstance(node, NamedNode) and isinstance(statute, NamedNode):
            places = _all(store, node, MZ.refersSituationIn)
            yield Referral(node.value, statute.value, places, _all(store, node, MZ.vetoedBy))


def _memberships(store: LocalStore) -> dict[str, tuple[Membership, ...]]:
    found: dict[str, list[Membership]] = {}
    for node in sorted(store.subjects(RDF.type, MZ.Participation), key=lambda n: n.value):
        instrument = node.value.partition("#")[0]
        bound = _one(store, node, MZ.participationForm).endswith("#party")
        start = moment(_one(store, node, MZ.inForceForStateFrom)) if bound else None
        end = moment(_one(store, node, MZ.ceasedOn))
        state = _one(store, node, MZ.participant)
        found.setdefault(instrument, []).append(Membership(instrument, state, start, end))
    return {instrument: tuple(group) for instrument, group in sorted(found.items())}


def _classifications(store: LocalStore) -> Iterator[Classification]:
    for node in store.subjects(RDF.type, MZ.ConflictClassification):
        stated = _one(store, node, MZ.conflictType)
        for kind in (SCHEME + "conflict-type#iac", SCHEME + "conflict-type#niac") if stated == _BOTH else (stated,):
            yield Classification(
                node.value,
                _one(store, node, MZ.claimant),
                kind,
                moment(_one(store, node, MZ.validFrom)),
                moment(_one(store, node, MZ.validUntil), end_of_day=True),
                _all(store, node, MZ.withinPlace),
            )


def _above(store: LocalStore) -> Iterator[tuple[str, frozenset[str]]]:
    """What stands above each concept, gazetteer place and organisation, itself included."""
    direct: dict[str, set[str]] = {}
    pairs = [(t.subject, t.object) for p in (SKOS.broader, ORG.subOrganizationOf) for t in store.triples(p)]
    places = store.subjects(RDF.type, MZ.Place)
    pairs += [(place, wider) for place in places for wider in store.objects(place, GEO.sfWithin)]
    for lower, upper in pairs:
        if isinstance(lower, NamedNode) and isinstance(upper, NamedNode):
            direct.setdefault(lower.value, set()).add(upper.value)
    for iri in direct:
        yield iri, frozenset(_climb(iri, direct))


def _climb(iri: str, direct: dict[str, set[str]]) -> Iterator[str]:
    seen, waiting = set(), [iri]
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            yield here
            waiting += direct.get(here, ())


def moment(text: str, *, end_of_day: bool = False) -> float | None:
    """Seconds since 1970 of a timestamp, or of the start (or end) of a day in Damascus; None without a text."""
    if not text:
        return None
    if "T" in text:
        return datetime.fromisoformat(text).timestamp()
    day = datetime.combine(date.fromisoformat(text), datetime.min.time(), _ZONE)
    return (day + timedelta(days=1 if end_of_day else 0)).timestamp()


def _one(store: LocalStore, node: NamedNode, predicate: NamedNode) -> str:
    values = store.objects(node, predicate)
    return values[0].value if values else ""


def _all(store: LocalStore, node: NamedNode, predicate: NamedNode) -> frozenset[str]:
    return frozenset(v.value for v in store.objects(node, predicate))


