"""Screens many incidents: those that the law cannot tell apart share one evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from operator import attrgetter

from pyoxigraph import Triple

from kb.applicability import rule
from kb.applicability.facts import FIELDS, Facts, Reader
from kb.applicability.law import Law, Scope
from kb.applicability.verdict import Outcome, Screening, Test
from kb.canonical import Nodes

Key = tuple[tuple[int, int], tuple[frozenset[str], ...]]


class Screener:
    """Evaluates incidents under one law. Its cost grows with the number of distinct profiles, plus one pass.

    A profile is named by two digests: what is reported, with all that the tests ask of each fact, and between which
    changes of the law it happened. Everything that an outcome rests on besides the scopes is in that name.
    """

    def __init__(self, law: Law) -> None:
        self.law = law
        self._reader = Reader(law)
        self._known: dict[Key, str] = {}
        self._facts: dict[str, Facts] = {}
        self._seen: dict[str, tuple[Callable[[Facts], object], dict[object, Outcome]]] = {}

    def profile(self, triples: Iterable[Triple]) -> str:
        """The profile of what is recorded of one incident: all incidents share it that the law cannot tell apart."""
        return self.profile_of(self._reader.read(triples))

    def profile_of(self, facts: Facts) -> str:
        """The profile of facts already read."""
        key = self.law.stretch(facts.earliest, facts.latest), facts.sets
        name = self._known.get(key)
        if name is None:
            name = self._known[key] = self._name(*key)
            low, _, high, _ = self.law.bounds(key[0])
            self._facts[name] = replace(facts, earliest=low, latest=high)
        return name

    def again(self, facts: Facts) -> str:
        """The profile under this law of the facts that a profile had under an earlier one."""
        conflict = facts.stated | self.law.kinds(facts.place, facts.earliest, facts.latest)
        return self.profile_of(replace(facts, conflict=conflict))

    def facts(self, profile: str) -> Facts:
        """The facts that the incidents of a profile share; as times, the changes of law before them."""
        return self._facts[profile]

    def outcomes(self, profile: str) -> dict[str, Outcome]:
        """What the screening says of every provision with a scope, for incidents of this profile."""
        facts = self._facts[profile]
        return {s.provision: self.outcome(s, facts) for s in self.law.scopes}

    def outcome(self, scope: Scope, facts: Facts) -> Outcome:
        """What the screening says of one provision; asked once for facts alike in what its scope looks at."""
        look, known = self._seen.get(scope.provision) or self._seen.setdefault(scope.provision, (looked_at(scope), {}))
        key = look(facts)
        found = known.get(key)
        if found is None:
            found = known[key] = rule.outcome(self.law, scope, facts)
        return found

    def explain(self, triples: Iterable[Triple], provisions: Iterable[str] | None = None) -> Iterator[Screening]:
        """The six tests of each provision (all by default) for one incident, by the code that decides."""
        yield from self.screened(self._reader.read(triples), provisions)

    def screened(self, facts: Facts, provisions: Iterable[str] | None = None) -> Iterator[Screening]:
        """The same for facts already read."""
        wanted = None if provisions is None else set(provisions)
        for scope in self.law.scopes:
            if wanted is None or scope.provision in wanted:
                found = rule.screen(self.law, scope, facts)
                yield replace(found, tests=tuple(self._leaning(t, scope, facts) for t in found.tests))

    def read(self, triples: Iterable[Triple]) -> Facts:
        """The facts in what is recorded of one incident."""
        return self._reader.read(triples)

    def tell(self, nodes: Nodes) -> Facts:
        """The same from plain values."""
        return self._reader.tell(nodes)

    @cached_property
    def scopes(self) -> dict[str, Scope]:
        """Scopes by provision."""
        return {s.provision: s for s in self.law.scopes}

    def _leaning(self, test: Test, scope: Scope, facts: Facts) -> Test:
        """The test with the classifications of the conflict that it leans on, so that their marks can be shown."""
        if test.name != "subject" or "Conflict" not in scope.covers:
            return test
        return replace(test, claims=self.law.classifying(facts.place, facts.earliest, facts.latest))

    def _name(self, stretch: tuple[int, int], sets: tuple[frozenset[str], ...]) -> str:
        """The same in every run: moments by their time, not by their number, and facts in order."""
        facts = "\n\n".join("\n".join(self.law.standing(iri) for iri in sorted(part)) for part in sets)
        bounds = " ".join(f"{moment:.0f}" for moment in self.law.bounds(stretch))
        return f"{_digest(facts, 24)}-{_digest(bounds, 12)}"


def looked_at(scope: Scope) -> Callable[[Facts], object]:
    """Takes from facts those that the tests of a scope can look at; facts alike in them have the same outcome."""
    names = ["earliest", "latest", *(FIELDS[name] for name in sorted(scope.covers))]
    names += ["place"] if scope.territory or scope.party_territory else []
    names += [] if scope.binds in rule.FREE else ["actors"]
    names += ["control"] if scope.excludes else []
    names += ["established"] if scope.preconditions else []
    return attrgetter(*names)


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
