"""The six tests. Each looks at one scope and the facts of one incident, and says what it found and on what ground."""

from __future__ import annotations

from collections.abc import Set

from kb.applicability.facts import Facts
from kb.applicability.law import DIMENSIONS, Law, Scope
from kb.applicability.verdict import Outcome, Screening, Test, Verdict

PASSED, FAILED, UNKNOWN = Verdict.PASSED, Verdict.FAILED, Verdict.UNKNOWN
FREE = ("all-parties", "individuals")  # whom a provision may bind without a test of who acted


def screen(law: Law, scope: Scope, facts: Facts) -> Screening:
    """All six tests of one provision on one incident."""
    tests = (time, place, person, subject, exclusion, precondition)
    return Screening(scope.provision, tuple(test(law, scope, facts) for test in tests))


def outcome(law: Law, scope: Scope, facts: Facts) -> Outcome:
    """What `screen` would say, asked of the same tests: the cheap ones first, and no more once one has failed."""
    found = Outcome.APPLICABLE
    for test in (time, subject, place, person, exclusion, precondition):
        verdict = test(law, scope, facts).verdict
        if verdict is FAILED:
            return Outcome.NOT_APPLICABLE
        if verdict is UNKNOWN:
            found = Outcome.UNDETERMINED
    return found


def time(law: Law, scope: Scope, facts: Facts) -> Test:
    """Was the provision in force during all of the time in which the incident may have happened?"""
    if scope.start is not None and facts.latest < scope.start:
        return Test("time", FAILED, "time-before", law=(_stamp(scope.start),))
    if scope.end is not None and facts.earliest >= scope.end:
        return Test("time", FAILED, "time-after", law=(_stamp(scope.end),))
    starts_inside = scope.start is None or facts.earliest >= scope.start
    ends_inside = scope.end is None or facts.latest < scope.end
    if starts_inside and ends_inside:
        reason = "time-inside" if scope.start is not None else "time-open"
        return Test("time", PASSED, reason, law=() if scope.start is None else (_stamp(scope.start),))
    return Test("time", UNKNOWN, "time-straddles", law=(_stamp(scope.start if not starts_inside else scope.end),))


def _stamp(moment: float | None) -> str:
    return "" if moment is None else f"@{moment:.0f}"


def place(law: Law, scope: Scope, facts: Facts) -> Test:
    """Did it happen in the territory that the provision speaks of, or of a State that is bound by it?"""
    if not scope.territory and not scope.party_territory:
        return Test("place", PASSED, "place-any")
    if not facts.place:
        return Test("place", UNKNOWN, "place-unknown", law=_named(scope.territory) or (scope.instrument,))
    if scope.party_territory:
        return _party_territory(law, scope, facts, {p for here in facts.place for p in law.ancestors(here)})
    inside = frozenset(here for here in facts.place if law.ancestors(here) & scope.territory)
    if inside and inside != facts.place:
        return Test("place", UNKNOWN, "place-disputed", _named(facts.place), _named(scope.territory))
    verdict = PASSED if inside else FAILED
    reason = "place-inside" if inside else "place-outside"
    return Test("place", verdict, reason, _named(facts.place), _named(scope.territory))


def _party_territory(law: Law, scope: Scope, facts: Facts, reached: set[str]) -> Test:
    sovereigns = {law.sovereigns[p] for p in reached if p in law.sovereigns}
    if not sovereigns:
        return Test("place", UNKNOWN, "place-no-state", _named(facts.place), (scope.instrument,))
    bound = _bound(law, scope, facts, sovereigns)
    if isinstance(bound, str):
        return Test("place", UNKNOWN, bound, _named(sovereigns), (scope.instrument,))
    verdict = PASSED if bound else FAILED
    reason = "place-party" if bound else "place-not-party"
    return Test("place", verdict, reason, _named(sovereigns), (scope.instrument,))


def person(law: Law, scope: Scope, facts: Facts) -> Test:
    """Is the actor to whom the incident is attributed among those whom the provision binds?"""
    if scope.binds in FREE:
        return Test("person", PASSED, f"person-{scope.binds}", _named(facts.actors))
    known = frozenset(a for a in facts.actors if a not in law.unspecific)
    if not known:
        return Test("person", UNKNOWN, "person-unknown", _named(facts.actors))
    if scope.binds == "parties-to-the-cessation":
        return _party(law, scope, known)
    return _state(law, scope, facts, known)


def _party(law: Law, scope: Scope, known: frozenset[str]) -> Test:
    bound = frozenset(a for a in known if law.ancestors(a) & scope.binds_actors)
    if bound:
        return Test("person", PASSED, "person-named", _named(bound), _named(scope.binds_actors))
    outside = frozenset(a for a in known if law.ancestors(a) & scope.excludes)
    if outside == known:
        return Test("person", FAILED, "person-excluded", _named(outside), _named(scope.excludes))
    return Test("person", UNKNOWN, "person-acceptance", _named(known), _named(scope.binds_actors))


def _state(law: Law, scope: Scope, facts: Facts, known: frozenset[str]) -> Test:
    bound: Set[str]
    states = {state: actor for actor in sorted(known) for state in law.ancestors(actor) & law.states}
    if scope.binds_actors:
        bound = states.keys() & scope.binds_actors
    elif scope.binds == "states-party":
        found = _bound(law, scope, facts, set(states))
        if isinstance(found, str):
            return Test("person", UNKNOWN, found, _named(states), (scope.instrument,))
        bound = found
    else:
        bound = states.keys() & law.states
    if not bound and known & law.coalitions:
        return Test("person", UNKNOWN, "person-coalition", _named(known & law.coalitions), (scope.instrument,))
    if bound:
        return Test("person", PASSED, f"person-{scope.binds}", _named(bound), (scope.instrument,))
    reason = "person-not-party" if states else "person-no-state"
    return Test("person", FAILED, reason, _named(states or known), (scope.instrument,))


def _bound(law: Law, scope: Scope, facts: Facts, states: set[str]) -> set[str] | str:
    """Which of these States the scope's instrument bound at the time; a reason when what is recorded leaves it open."""
    members = law.memberships.get(scope.instrument, ())
    if not states <= {m.state for m in members}:
        return "person-participation"
    answers = [(m.state, m.covers(facts.earliest, facts.latest)) for m in members if m.state in states]
    bound = {state for state, answer in answers if answer}
    return "person-straddles" if not bound and any(answer is None for _, answer in answers) else bound


def subject(law: Law, scope: Scope, facts: Facts) -> Test:
    """Is what is reported the kind of thing that the provision covers, in every respect that it names?"""
    missing: list[str] = []
    for name in DIMENSIONS:
        covered = scope.covers.get(name)
        if covered is None:
            continue
        verdict = _match(law, name, covered, facts.dimension(name))
        if verdict is FAILED:
            return Test("subject", FAILED, f"subject-{name.lower()}", _named(facts.dimension(name)), _named(covered))
        if verdict is UNKNOWN:
            missing.append(name)
    if missing:
        disputed = missing == ["Conflict"] and len(facts.conflict) > 1
        reason = "subject-disputed" if disputed else "subject-unknown"
        wanted = tuple(c for name in missing for c in _named(scope.covers[name]))
        return Test("subject", UNKNOWN, reason, tuple(f"={name}" for name in missing), wanted)
    matched = tuple(
        f for name in scope.covers for f in _named(facts.dimension(name)) if law.ancestors(f) & scope.covers[name]
    )
    return Test("subject", PASSED, "subject-covered" if scope.covers else "subject-any", matched)


def _match(law: Law, name: str, covered: frozenset[str], reported: frozenset[str]) -> Verdict:
    # a value that says nothing definite counts only where the scope names it expressly
    specific = frozenset(c for c in reported if c not in law.unspecific or c in covered)
    matching = {c for c in specific if c in covered or law.ancestors(c) & covered}
    if name == "Conflict" and matching and matching != specific:
        return UNKNOWN  # classified both ways: disputed
    if matching:
        return PASSED
    return FAILED if specific and specific == reported else UNKNOWN


def exclusion(law: Law, scope: Scope, facts: Facts) -> Test:
    """Does what the provision leaves out stand against it?"""
    if not scope.excludes:
        return Test("exclusion", PASSED, "exclusion-none")
    known = frozenset(a for a in facts.control if a not in law.unspecific)
    if not known:
        return Test("exclusion", UNKNOWN, "exclusion-unknown", law=_named(scope.excludes))
    inside = frozenset(a for a in known if law.ancestors(a) & scope.excludes)
    if not inside and known == facts.control:
        return Test("exclusion", PASSED, "exclusion-other", _named(known), _named(scope.excludes))
    verdict = FAILED if inside == facts.control else UNKNOWN
    reason = "exclusion-applies" if verdict is FAILED else "exclusion-disputed"
    return Test("exclusion", verdict, reason, _named(inside or known), _named(scope.excludes))


def precondition(law: Law, scope: Scope, facts: Facts) -> Test:
    """Has a person established what the provision requires and no record can show by itself?"""
    missing = tuple(p for p in scope.preconditions if p not in facts.established)
    if missing:
        return Test("precondition", UNKNOWN, "precondition-open", law=missing)
    reason = "precondition-established" if scope.preconditions else "precondition-none"
    return Test("precondition", PASSED, reason, law=scope.preconditions)


def _named(iris: frozenset[str] | set[str] | dict[str, str]) -> tuple[str, ...]:
    return tuple(sorted(iris))
