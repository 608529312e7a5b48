"""The law as the engine needs it: scopes, participation of States, hierarchies, read from the store's triples."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from math import inf
from zoneinfo import ZoneInfo

from pyoxigraph import Literal, NamedNode, Triple

from kb.ns import GEO, MZ, ORG, RDF, SCHEME, SEM, SKOS
from kb.store.local import LocalStore

DIMENSIONS = ("Conflict", "Conduct", "Object", "Person", "Harm", "Age", "Weapon")
ZONE = ZoneInfo("Asia/Damascus")
"""The time in which days of the case, and of its law, begin."""


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
    """What is recorded of a State and an instrument: whether it is a party, from one moment to another (None: still).

    A party without a start is one of which it is not recorded since when.
    """

    instrument: str
    state: str
    start: float | None
    end: float | None
    party: bool = True

    def covers(self, earliest: float, latest: float) -> bool | None:
        """Whether the instrument bound the State during all of a stretch of time; None when unknown or in part."""
        if not self.party:
            return False
        if self.start is None:
            return None
        if latest < self.start or (self.end is not None and earliest >= self.end):
            return False
        return True if earliest >= self.start and (self.end is None or latest < self.end) else None


@dataclass(frozen=True, slots=True)
class Classification:
    """A claim that the conflict in a territory is of a type during a period; `mark` is how far it was verified."""

    claim: str
    claimant: str
    kind: str
    start: float | None
    end: float | None
    places: frozenset[str]
    mark: str = ""

    def covers(self, earliest: float, latest: float) -> bool | None:
        """Whether the claim speaks of all of a stretch of time; None when of a part of it."""
        if (self.start is not None and latest < self.start) or (self.end is not None and earliest >= self.end):
            return False
        whole = (self.start is None or earliest >= self.start) and (self.end is None or latest < self.end)
        return True if whole else None


@dataclass(frozen=True, slots=True)
class Referral:
    """A Council text that refers, or would have referred, the situation in a place to the court of a statute."""

    instrument: str
    statute: str
    places: frozenset[str]
    vetoed_by: frozenset[str]
    adopted: bool = True


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
    statutes: frozenset[str] = frozenset()
    universal: tuple[str, ...] = ()
    _there: dict[frozenset[str], tuple[Classification, ...]] = field(default_factory=dict, init=False, repr=False)
    _standing: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def ancestors(self, iri: str) -> frozenset[str]:
        """A concept, place or organisation with everything above it."""
        return self.above.get(iri, frozenset((iri,)))

    def standing(self, iri: str) -> str:
        """All that the tests ask of a fact besides its name: what is above it, and what it and those are."""
        known = self._standing.get(iri)
        if known is None:
            above = sorted(self.ancestors(iri))
            marks = (a + " state" * (a in self.states) + " " + self.sovereigns.get(a, "") for a in above)
            own = f"{iri in self.coalitions} {iri in self.unspecific}"
            known = self._standing[iri] = "\n".join((iri, own, *marks))
        return known

    def classifying(self, place: frozenset[str], earliest: float, latest: float) -> tuple[Classification, ...]:
        """The classifications of the conflict that speak of a place and of a stretch of time or a part of it."""
        there = self._there.get(place)
        if there is None:
            reached = {p for here in place for p in self.ancestors(here)}
            there = tuple(c for c in self.classifications if not c.places or c.places & reached)
            self._there[place] = there
        return tuple(c for c in there if c.covers(earliest, latest) is not False)

    def kinds(self, place: frozenset[str], earliest: float, latest: float) -> frozenset[str]:
        """The types that the conflict has there and then by claims that speak of all of that time.

        A type claimed for a part of that time joins them, so that it can make the conflict disputed, never settle it.
        """
        claims = self.classifying(place, earliest, latest)
        if not any(c.covers(earliest, latest) for c in claims):
            return frozenset()
        return frozenset(c.kind for c in claims)

    @cached_property
    def moments(self) -> tuple[float, ...]:
        """Every moment at which any of the law changes, in order: also States joining, conflicts classified anew."""
        spans: list[Scope | Membership | Classification] = [m for group in self.memberships.values() for m in group]
        spans += [*self.classifications, *self.scopes]
        return tuple(sorted({t for s in spans for t in (s.start, s.end) if t is not None}))

    def stretch(self, earliest: float, latest: float) -> tuple[int, int]:
        """Between which changes of the law a time span lies: equal for all spans that the law cannot tell apart."""
        return bisect_right(self.moments, earliest), bisect_right(self.moments, latest)

    def bounds(self, stretch: tuple[int, int]) -> tuple[float, float, float, float]:
        """The moments around the beginning and around the end of a stretch, infinite where there is none."""
        known = (-inf, *self.moments, inf)
        first, last = stretch
        return known[first], known[first + 1], known[last], known[last + 1]


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
        frozenset(node.value for node in store.subjects(MZ.instrumentKind, NamedNode(_KINDS + "statute"))),
        tuple(sorted(node.value for node in store.subjects(MZ.topic, Literal("universal-jurisdiction")))),
    )  # fmt: skip


_KIND = SCHEME + "actor-kind#"
_KINDS = SCHEME + "instrument-kind#"
BOTH = SCHEME + "conflict-type#both"
BOTH_KINDS = (SCHEME + "conflict-type#iac", SCHEME + "conflict-type#niac")


def _scopes(store: LocalStore) -> Iterator[Scope]:
    found: dict[str, dict[str, list[str]]] = {}
    for name in _SCOPE:  # by property: the long texts of a scope are never read
        for triple in store.triples(MZ[name]):
            found.setdefault(str(triple.subject), {}).setdefault(name, []).append(_text(triple))
    for node in store.subjects(RDF.type, MZ.Scope):
        said = {name: frozenset(values) for name, values in found.get(str(node), {}).items()}
        one = {name: next(iter(values)) for name, values in said.items()}
        covers = {d: said[f"covers{d}"] for d in DIMENSIONS if f"covers{d}" in said}
        yield Scope(
            one["scopeOf"],
            _one(store, NamedNode(one["scopeOf"]), MZ.ofInstrument),
            moment(one.get("from", "")),
            moment(one.get("until", "")),
            covers,
            one.get("binds", "").rpartition("#")[2],
            said.get("bindsActor", _NOBODY),
            said.get("territory", _NOBODY),
            said.get("excludesActor", _NOBODY),
            tuple(sorted(said.get("hasPrecondition", ()))),
            one.get("requiresPartyTerritory") == "true",
        )


_NOBODY: frozenset[str] = frozenset()
_SCOPE = ("scopeOf", "from", "until", "binds", "bindsActor", "territory", "excludesActor", "hasPrecondition",
          "requiresPartyTerritory", *(f"covers{d}" for d in DIMENSIONS))  # fmt: skip


def _text(triple: Triple) -> str:
    assert isinstance(triple.object, NamedNode | Literal)
    return triple.object.value


def _said(store: LocalStore, node: NamedNode) -> dict[str, list[str]]:
    """All that is said of a node, by property."""
    said: dict[str, list[str]] = {}
    for triple in store.node(node):
        said.setdefault(triple.predicate.value, []).append(_text(triple))
    return said


def _first(said: dict[str, list[str]], predicate: NamedNode) -> str:
    return said.get(predicate.value, ("",))[0]


def _referrals(store: LocalStore) -> Iterator[Referral]:
    for triple in store.triples(MZ.refersTo):
        node, statute = triple.subject, triple.object
        if isinstance(node, NamedNode) and isinstance(statute, NamedNode):
            places = _all(store, node, MZ.refersSituationIn)
            adopted = not _one(store, node, MZ.instrumentKind).endswith("#council-draft")
            yield Referral(node.value, statute.value, places, _all(store, node, MZ.vetoedBy), adopted)


def _memberships(store: LocalStore) -> dict[str, tuple[Membership, ...]]:
    found: dict[str, list[Membership]] = {}
    for node in sorted(store.subjects(RDF.type, MZ.Participation), key=lambda n: n.value):
        instrument, said = node.value.partition("#")[0], _said(store, node)
        start = moment(_first(said, MZ.inForceForStateFrom))
        end = moment(_first(said, MZ.ceasedOn))
        party = _first(said, MZ.participationForm).endswith("#party")
        member = Membership(instrument, _first(said, MZ.participant), start if party else None, end, party)
        found.setdefault(instrument, []).append(member)
    return {instrument: tuple(group) for instrument, group in sorted(found.items())}


def _classifications(store: LocalStore) -> Iterator[Classification]:
    """Classifications of a territory or a series; one about a single incident is a fact of that incident."""
    for node in store.subjects(RDF.type, MZ.ConflictClassification):
        said = _said(store, node)
        about = NamedNode(_first(said, MZ.about))
        if MZ.Incident in store.objects(about, RDF.type):
            continue
        # a claim about a series speaks of no more than the series, unless it says itself of what
        start = moment(_first(said, MZ.validFrom) or _one(store, about, SEM.hasEarliestBeginTimeStamp))
        end = moment(_first(said, MZ.validUntil), end_of_day=True)
        if end is None and (last := moment(_one(store, about, SEM.hasLatestEndTimeStamp))) is not None:
            end = last + 1
        places = said.get(MZ.withinPlace.value) or _all(store, about, MZ.withinPlace)
        stated = _first(said, MZ.conflictType)
        for kind in BOTH_KINDS if stated == BOTH else (stated,):
            claimant, mark = _first(said, MZ.claimant), _first(said, MZ.verification)
            yield Classification(node.value, claimant, kind, start, end, frozenset(places), mark)


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


@lru_cache(maxsize=65_536)
def moment(text: str, *, end_of_day: bool = False) -> float | None:
    """Seconds since 1970 of a timestamp, or of the start (or end) of a day in Damascus; None without a text."""
    if not text:
        return None
    if "T" in text:
        return datetime.fromisoformat(text).timestamp()
    day = datetime.combine(date.fromisoformat(text), datetime.min.time(), ZONE)
    return (day + timedelta(days=1 if end_of_day else 0)).timestamp()


def _one(store: LocalStore, node: NamedNode, predicate: NamedNode) -> str:
    values = store.objects(node, predicate)
    return values[0].value if values else ""


def _all(store: LocalStore, node: NamedNode, predicate: NamedNode) -> frozenset[str]:
    return frozenset(v.value for v in store.objects(node, predicate))
