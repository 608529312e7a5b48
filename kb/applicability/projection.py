"""Screenings in the store: one triple an incident to its profile, and the profile's outcome for every provision.

Kept level with every change, touching no more than the change can touch. A profile's name holds all that its outcomes
rest on but the scopes, so a change of States, places, concepts, classifications or dates shows as a name that no
longer fits: its incidents are read again. A changed scope is evaluated again on the profiles that it can reach.
What is remembered of the law is written last, so that a run that was killed is repeated as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any

from pyoxigraph import Literal, NamedNode, Triple

from kb.applicability import facts as facts_text
from kb.applicability import law as law_reader
from kb.applicability.facts import Facts, reported
from kb.applicability.law import Law, Scope
from kb.applicability.screen import Screener
from kb.applicability.verdict import Outcome
from kb.canonical import Nodes
from kb.ns import ID, MZ, RDF, RDFS
from kb.record import system_node
from kb.store.local import LocalStore

STATE = f"{ID}screening"  # the node that remembers the law
_STATE = NamedNode(STATE)
_INCIDENT = f"{ID}incident/"
_PREDICATES = {
    Outcome.APPLICABLE: MZ.applicable,
    Outcome.UNDETERMINED: MZ.undetermined,
    Outcome.NOT_APPLICABLE: MZ.notApplicable,
}


@dataclass(slots=True)
class Work:
    """What a change made necessary: incidents profiled, profiles made, and provisions evaluated on a profile.

    `moved` are the incidents that have another profile now.
    """

    incidents: int = 0
    profiles: int = 0
    evaluations: int = 0
    moved: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Change:
    """What a law change leaves to do: provisions whose scope differs, and profiles whose name does not fit any more."""

    provisions: frozenset[str] = frozenset()
    stale: list[str] = field(default_factory=list)


def foresee(store: LocalStore, records: Iterable[str]) -> None:
    """Before records are replaced: remember the incidents that their claims are about, and the profiles of incidents.

    `update` looks at them again: a claim may be about another incident now, a profile without any.
    """
    seen: set[str] = set()
    for iri in records:
        if iri.startswith(_INCIDENT):
            seen |= {v.value for v in store.objects(system_node(iri), MZ.hasProfile)}
        else:
            seen |= {v.value for v in _about(store.record(iri)) if isinstance(v, NamedNode) and _is_incident(v.value)}
    store.add(Triple(_STATE, RDFS.seeAlso, NamedNode(iri)) for iri in sorted(seen))


def update(store: LocalStore, changed: dict[str, list[Triple]], known: Law | None = None) -> Work:
    """Bring the screenings in a store level with records that changed (their triples by IRI).

    `known` is the law in the store before the change, if it has been read; it is read again when it may have changed.
    """
    work, only_incidents = Work(), all(iri.startswith(_INCIDENT) for iri in changed)
    screener = Screener(known if known is not None and only_incidents else law_reader.read(store))
    touched = {iri for iri in changed if iri.startswith(_INCIDENT)}
    about = (v for triples in changed.values() for v in _about(triples))
    seen = {v.value for v in store.objects(_STATE, RDFS.seeAlso)}
    touched |= {v.value for v in about if isinstance(v, NamedNode)} | seen
    change, memory = _Change(), []
    if not only_incidents:
        memory = _memory(screener.law)
        change = _law_change(store, screener, memory, work)
    for name in change.stale:
        touched |= set(_incidents_of(store, name))
    left = {iri.rpartition("/")[2] for iri in seen if not _is_incident(iri)}
    for iri in sorted(touched):
        if _is_incident(iri) and store.knows(iri):
            left |= _place(store, screener, iri, change.provisions, work)
    for name in left | set(change.stale):
        if not store.points(MZ.hasProfile, _node(name)):
            store.drop(_node(name))
    if not only_incidents:
        store.set(_STATE, MZ.profileFacts, [Literal(line) for line in memory])
    store.set(_STATE, RDFS.seeAlso, [])
    return work


class Stream:
    """Screens the new incidents of a large change one by one, before they are in the store, each from its own record.

    `store` holds all else that the change brought. Incidents that other records speak of are left to `update`.
    """

    def __init__(self, store: LocalStore, law: Law) -> None:
        self._store = store
        self._screener = Screener(law)
        self._names: set[str] = set()

    def take(self, iri: str, nodes: Nodes) -> tuple[str, str]:
        """The profile of a new incident, and what to add to the store for it, as N-Triples; empty when it is left.

        The first incident of a profile brings what the law says of the profile.
        """
        if self._store.points(MZ.about, NamedNode(iri)):
            return "", ""
        name = self._screener.profile_of(self._screener.tell(nodes))
        text = f"{system_node(iri)} {MZ.hasProfile} {_node(name)} .\n"
        if name not in self._names:
            self._names.add(name)
            if not self._store.knows(_node(name).value):
                made = _profile(self._screener, name, {}, frozenset(), Work())
                text += "".join([f"{triple} .\n" for triple in made])
        return name, text


def _place(store: LocalStore, screener: Screener, iri: str, differ: frozenset[str], work: Work) -> set[str]:
    """Point an incident to its profile, made if need be; the profiles that it left."""
    node = system_node(iri)
    name = screener.profile(reported(store, iri))
    before = {v.value.rpartition("/")[2] for v in store.objects(node, MZ.hasProfile)}
    work.incidents += 1
    if not store.knows(_node(name).value):
        # where only the time around it is divided anew, the outcomes of provisions that did not change hold
        same = [old for old in before if old.partition("-")[0] == name.partition("-")[0]] if differ else []
        _make(store, screener, name, _held(store, same[0]) if same else {}, differ, work)
    if before != {name}:
        store.set(node, MZ.hasProfile, [_node(name)])
        work.moved.add(iri)
    return before - {name}


def _make(
    store: LocalStore, screener: Screener, name: str, held: dict[str, NamedNode], differ: frozenset[str], work: Work
) -> None:
    store.add(_profile(screener, name, held, differ, work))
    work.profiles += 1


def _profile(
    screener: Screener, name: str, held: dict[str, NamedNode], differ: frozenset[str], work: Work
) -> list[Triple]:
    """What is said of a profile: its facts, and the outcome of every provision with a scope."""
    profile, facts = _node(name), screener.facts(name)
    triples = [Triple(profile, RDF.type, MZ.Profile),
               Triple(profile, MZ.profileFacts, Literal(facts_text.to_text(facts)))]  # fmt: skip
    for provision, scope in screener.scopes.items():
        predicate = None if provision in differ else held.get(provision)
        if predicate is None:
            predicate = _PREDICATES[screener.outcome(scope, facts)]
            work.evaluations += 1
        triples.append(Triple(profile, predicate, NamedNode(provision)))
    return triples


def _held(store: LocalStore, name: str) -> dict[str, NamedNode]:
    """The outcomes of a profile, as the properties that state them."""
    outcomes = set(_PREDICATES.values())
    return {t.object.value: t.predicate for t in store.node(_node(name))
            if t.predicate in outcomes and isinstance(t.object, NamedNode)}  # fmt: skip


def _law_change(store: LocalStore, screener: Screener, memory: list[str], work: Work) -> _Change:
    """Find what changed since the law was remembered, and evaluate anew what stands on profiles that still fit."""
    before = {v.value for v in store.objects(_STATE, MZ.profileFacts)}
    old, new = ({line.split()[0]: line.split()[1:] for line in lines} for lines in (before, memory))
    differ = frozenset(p for p in old.keys() | new.keys() if old.get(p) != new.get(p))
    stale = []
    for node in store.subjects(RDF.type, MZ.Profile):
        facts = facts_text.from_text(store.objects(node, MZ.profileFacts)[0].value)
        name = node.value.rpartition("/")[2]
        if screener.again(facts) != name:
            stale.append(name)
            continue
        for provision in sorted(differ):
            if _reaches(old.get(provision), new.get(provision), facts):
                _evaluate(store, node, screener, provision, facts)
                work.evaluations += provision in screener.scopes
    return _Change(differ, sorted(stale))


def _reaches(old: list[str] | None, new: list[str] | None, facts: Facts) -> bool:
    """Whether a change of a scope can change its outcome: not if it was out of time before and is so now."""
    if old is None or new is None:
        return True
    times = [_when(line, facts) for line in (old, new)]
    return times[0] != times[1] or (old[2] != new[2] and times != ["out", "out"])


def _when(line: list[str], facts: Facts) -> str:
    start, end = (None if text == "-" else float(text) for text in line[:2])
    if (start is not None and facts.latest < start) or (end is not None and facts.earliest >= end):
        return "out"
    return "in" if facts.earliest >= (start or -inf) and (end is None or facts.latest < end) else "across"


def _evaluate(store: LocalStore, node: NamedNode, screener: Screener, provision: str, facts: Facts) -> None:
    scope = screener.scopes.get(provision)
    now = None if scope is None else _PREDICATES[screener.outcome(scope, facts)]
    for predicate in _PREDICATES.values():
        if predicate != now:
            store.discard(Triple(node, predicate, NamedNode(provision)))
    if now is not None:
        store.add([Triple(node, now, NamedNode(provision))])


def _about(triples: list[Triple]) -> Iterator[Any]:
    """What claims are about; whether two records tell of one event bears on no screening."""
    silent = {t.subject for t in triples if t.object == MZ.EventIdentity}
    return (t.object for t in triples if t.predicate == MZ.about and t.subject not in silent)


def _is_incident(iri: str) -> bool:
    """Whether it is an incident, not a claim in the record of one."""
    return iri.startswith(_INCIDENT) and "#" not in iri


def _incidents_of(store: LocalStore, name: str) -> list[str]:
    return [node.value.partition("#")[0] for node in store.subjects(MZ.hasProfile, _node(name))]


def _node(name: str) -> NamedNode:
    return NamedNode(f"{ID}profile/{name}")


def _memory(law: Law) -> list[str]:
    """What is remembered of each scope: its provision, its dates, and a digest of the rest with who is bound by it."""
    return [_line(scope, law) for scope in law.scopes]


def _line(scope: Scope, law: Law) -> str:
    dates = ("-" if t is None else f"{t:.0f}" for t in (scope.start, scope.end))
    rest = replace(scope, start=None, end=None, covers={})
    parts = [sorted(v) if isinstance(v, frozenset) else v for v in (getattr(rest, f.name) for f in fields(rest))]
    parts += [sorted((k, sorted(v)) for k, v in scope.covers.items())]
    if scope.binds == "states-party" or scope.party_territory:
        parts.append(law.memberships.get(scope.instrument))
    return f"{scope.provision} {' '.join(dates)} {hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"
