"""Screens many incidents: those that the law cannot tell apart share one evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import cached_property

from pyoxigraph import Triple

from kb.applicability import rule
from kb.applicability.facts import Facts, Reader
from kb.applicability.law import Law, Scope
from kb.applicability.verdict import Outcome, Screening

Profile = tuple[object, ...]


class Screener:
    """Evaluates incidents under one law. Its cost grows with the number of distinct profiles, plus one pass."""

    def __init__(self, law: Law) -> None:
        self.law = law
        self._reader = Reader(law)
        self._known: dict[Profile, str] = {}
        self._facts: dict[str, Facts] = {}

    def profile(self, triples: Iterable[Triple]) -> str:
        """The profile of one incident's record: a digest that all incidents share which the law cannot tell apart."""
        return self.profile_of(self._reader.read(triples))

    def profile_of(self, facts: Facts) -> str:
        """The profile of facts already read."""
        key = self._key(facts)
        name = self._known.get(key)
        if name is None:
            name = _digest(key, self.law)
            self._known[key] = name
            self._facts[name] = facts
        return name

    def facts(self, profile: str) -> Facts:
        """The facts of the first incident that was seen with this profile."""
        return self._facts[profile]

    def outcomes(self, profile: str) -> dict[str, Outcome]:
        """What the screening says of every provision with a scope, for incidents of this profile."""
        facts = self._facts[profile]
        return {s.provision: rule.screen(self.law, s, facts).outcome for s in self.law.scopes}

    def explain(self, triples: Iterable[Triple], provisions: Iterable[str] | None = None) -> Iterator[Screening]:
        """The six tests of each provision (all by default) for one incident, by the code that decides."""
        facts = self._reader.read(triples)
        wanted = None if provisions is None else set(provisions)
        for scope in self.law.scopes:
            if wanted is None or scope.provision in wanted:
                yield rule.screen(self.law, scope, facts)

    @cached_property
    def scopes(self) -> dict[str, Scope]:
        """Scopes by provision."""
        return {s.provision: s for s in self.law.scopes}

    def _key(self, facts: Facts) -> Profile:
        return (*self.law.stretch(facts.earliest, facts.latest), *(getattr(facts, n) for n in _SETS))


_SETS = tuple(f.name for f in fields(Facts) if f.name not in {"earliest", "latest"})


def _digest(key: Profile, law: Law) -> str:
    """A name for a profile that is the same in every run: the stretch of law by its moments, not by their number."""
    first, last, *sets = key
    assert isinstance(first, int) and isinstance(last, int)
    moments = ("-inf", *(f"{m:.0f}" for m in law.moments))
    text = "\n".join([moments[first], moments[last], *(" ".join(sorted(s)) for s in sets if isinstance(s, frozenset))])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


