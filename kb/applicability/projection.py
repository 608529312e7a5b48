"""Screenings in the store: one triple an incident to its profile, and the profile's outcome for every provision.

Kept up to date with every change: an incident that changed is profiled again; a scope that changed is evaluated again
on the profiles, and only incidents of profiles whose stretch of time its dates divide anew are profiled again.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

from pyoxigraph import Literal, NamedNode, Triple

from kb.applicability import facts as facts_text
from kb.applicability import law as law_reader
from kb.applicability import rule
from kb.applicability.law import Law, Scope
from kb.applicability.screen import Screener
from kb.applicability.verdict import Outcome
from kb.ns import ID, MZ, RDF
from kb.record import system_node
from kb.store.local import LocalStore

_STATE = NamedNode(f"{ID}screening")
_OUTCOMES = {
    Outcome.APPLICABLE: MZ.applicable,
    Outcome.UNDETERMINED: MZ.undetermined,
    Outcome.NOT_APPLICABLE: MZ.notApplicable,
}


def update(store: LocalStore, changed: dict[str, list[Triple]], incidents: Iterable[str]) -> int:
    """Bring the screenings in a store level with records that changed; returns how many profiles were evaluated.

    `changed` has the triples of every changed record by IRI; `incidents` gives all incidents, asked for only when the
    ground of the law (States, places, concepts, classifications) changed.
    """
    touched = {iri: triples for iri, triples in changed.items() if iri.startswith(f"{ID}incident/")}
    law_changed = any(not iri.startswith(f"{ID}incident/") for iri in changed)
    law = law_reader.read(store)
    screener = Screener(law)
    if law_changed:
        again, ground = _law_change(store, law)
        wanted = incidents if ground else (i for name in again for i in _incidents_of(store, name))
        touched |= {iri: store.record(iri) for iri in wanted if iri not in touched}
    evaluated = 0
    for iri, triples in touched.items():
        evaluated += _place(store, screener, iri, screener.profile(triples))
    return evaluated


def _place(store: LocalStore, screener: Screener, iri: str, name: str) -> int:
    node, profile = system_node(iri), NamedNode(f"{ID}profile/{name}")
    store.set(node, MZ.hasProfile, [profile])
    if store.knows(profile.value):
        return 0
    outcomes = screener.outcomes(name)
    text = facts_text.to_text(screener.facts(name))
    triples = [Triple(profile, RDF.type, MZ.Profile), Triple(profile, MZ.profileFacts, Literal(text))]
    triples += [Triple(profile, _OUTCOMES[o], NamedNode(p)) for p, o in outcomes.items()]
    store.add(triples)
    return 1


def _law_change(store: LocalStore, law: Law) -> tuple[list[str], bool]:
    """Evaluate what a change of law touches; the profiles to be made anew, and whether that is all of them."""
    before = {t.object.value for t in store.node(_STATE) if isinstance(t.object, Literal)}
    ground = f"ground {_ground(law)}"
    now = {_scope_text(s): s for s in law.scopes}
    store.set(_STATE, MZ.profileFacts, [Literal(text) for text in (ground, *now)])
    if ground not in before:
        for node in store.subjects(RDF.type, MZ.Profile):
            store.drop(node)
        return [], True
    old = {text for text in before if text.startswith("scope ")}
    different = {text.split()[1] for text in old ^ now.keys()}
    moments_before = sorted({float(t) for text in old for t in text.split()[2:4] if t != "-"} | set(law.lasting))
    moved = set(moments_before) ^ set(law.moments)
    scopes = {s.provision: s for s in law.scopes}
    again = []
    for node in store.subjects(RDF.type, MZ.Profile):
        if _divided(store, node, (moments_before, law.moments), moved):
            again.append(node.value)
        else:
            _evaluate(store, node, law, different, scopes)
    return again, False


def _divided(
    store: LocalStore, node: NamedNode, moments: tuple[Sequence[float], Sequence[float]], moved: set[float]
) -> bool:
    """Whether a moment that came or went lies in the stretch of time that a profile's incidents share."""
    facts = facts_text.from_text(store.objects(node, MZ.profileFacts)[0].value)
    for known in moments:
        for here in (facts.earliest, facts.latest):
            index = bisect_right(known, here)
            low = known[index - 1] if index else float("-inf")
            high = known[index] if index < len(known) else float("inf")
            if any(low <= moment <= high for moment in moved):
                return True
    return False


def _evaluate(store: LocalStore, node: NamedNode, law: Law, provisions: set[str], scopes: dict[str, Scope]) -> None:
    facts = facts_text.from_text(store.objects(node, MZ.profileFacts)[0].value)
    for provision in sorted(provisions):
        for predicate in _OUTCOMES.values():
            store.discard(Triple(node, predicate, NamedNode(provision)))
        if provision in scopes:
            outcome = rule.screen(law, scopes[provision], facts).outcome
            store.add([Triple(node, _OUTCOMES[outcome], NamedNode(provision))])


def _incidents_of(store: LocalStore, profile: str) -> list[str]:
    found = [node.value.partition("#")[0] for node in store.subjects(MZ.hasProfile, NamedNode(profile))]
    store.drop(NamedNode(profile))
    return found


def _ground(law: Law) -> str:
    parts = [law.memberships, law.classifications, sorted((k, sorted(v)) for k, v in law.above.items()),
             sorted(law.states), sorted(law.unspecific)]  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _scope_text(scope: Scope) -> str:
    """What is remembered of a scope: its provision, its dates, and a digest of all of it."""
    dates = ("-" if t is None else f"{t:.0f}" for t in (scope.start, scope.end))
    plain = replace(scope, covers={})
    parts = (_parts(plain), sorted((k, sorted(v)) for k, v in scope.covers.items()))
    return f"scope {scope.provision} {' '.join(dates)} {hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"


def _parts(scope: Scope) -> list[object]:
    """The parts of a scope in an order that does not depend on the run."""
    return [sorted(v) if isinstance(v, frozenset) else v for v in (getattr(scope, f.name) for f in fields(scope))]
