"""One compiled shape: what it asks of a focus node, as functions over the facts of a record."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from kb.ns import RDFS
from kb.validation.facts import TYPE, Facts
from kb.validation.path import Path
from kb.validation.value import Test

_RESOURCE = "<" + RDFS.base + "Resource>"
REMEMBERED = 2048  # verdicts kept in one place: codes and references come again and again, texts do not
MANY = 1 << 62  # more values than any node has


@dataclass(frozen=True, slots=True)
class Rule:
    """What every result of one constraint of one shape says."""

    shape: str
    component: str
    severity: str
    path: str
    messages: tuple[tuple[str, str], ...]


Failure = tuple[str, str, str | None, Rule]
"""Focus node, path, value and rule of one result."""
Check = Callable[[Facts, str, Collection[str], list[Failure]], None]
"""Adds the failures of a focus node and its value nodes."""
Count = tuple[int, int, Rule]
"""The fewest and the most values that a rule allows."""


class Shape:
    """A node shape (no path) or a property shape; filled by the compiler, then only read."""

    __slots__ = (
        "_verdicts", "always", "checks", "closed", "counts", "inner", "kinds", "lone", "path", "predicate",
        "near", "of_kind", "properties", "settled", "tests",
    )  # fmt: skip

    def __init__(self) -> None:
        self.path: Path | None = None
        self.predicate: str | None = None  # of a path that is one predicate and nothing more
        self.tests: list[tuple[Test, Rule]] = []
        self.counts: list[Count] = []
        self.kinds: list[tuple[str, Rule]] = []  # classes that every value must have
        self.checks: list[Check] = []
        self.of_kind: set[Check] = set()  # those checks that ask only which predicates the focus node has
        self.near: dict[Check, tuple[str, ...]] = {}
        """Those checks that look at nothing but the values, their classes, and the focus node's values of these."""
        self.closed: tuple[frozenset[str], Rule] | None = None
        self.always: list[Shape] = []  # property shapes that can fail without any value
        self.properties: dict[str, list[Shape]] = {}  # all others, by predicate
        self.inner = False  # what `has_inner` says when all is filled in
        self.lone = False  # whether a node shape asks nothing but tests of the term
        self.settled = False  # whether the classes of a focus node alone decide
        self._verdicts: dict[str, tuple[Rule, ...]] = {}

    def check(self, facts: Facts, focus: str, failures: list[Failure]) -> None:
        """Add a failure for each result that this shape has about `focus`."""
        self.judge(facts, focus, (focus,) if self.path is None else self.path(facts, focus), failures)

    def conforms(self, facts: Facts, focus: str) -> bool:
        """Whether the shape has no result about `focus`."""
        if self.lone:
            return not self._verdict(focus)
        failures: list[Failure] = []
        self.check(facts, focus, failures)
        return not failures

    def judge(self, facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        """The same for a focus node whose value nodes are known."""
        if self.tests:
            for value in values:
                for rule in self._verdict(value):
                    failures.append((focus, rule.path, value, rule))
        for least, most, rule in self.counts:
            if not least <= len(values) <= most:
                failures.append((focus, rule.path, None, rule))
        for kind, rule in self.kinds:
            for value in values:
                if kind not in facts.classes(value):
                    failures.append((focus, rule.path, value, rule))
        for check in self.checks:
            check(facts, focus, values, failures)
        if self.inner:
            self.descend(facts, focus, values, failures)

    def has_inner(self) -> bool:
        """Whether something is asked of the properties of the values."""
        return bool(self.closed or self.always or self.properties)

    def descend(self, facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        """What sh:property and sh:closed ask of each value."""
        for value in values:
            known = facts.properties(value)
            for predicate, objects in known.items():
                for shape in self.properties.get(predicate, ()):
                    shape.judge(facts, value, objects, failures)
            for shape in self.always:
                shape.check(facts, value, failures)
            if self.closed is not None:
                allowed, rule = self.closed
                for predicate in known.keys() - allowed:
                    close(facts, focus, value, predicate, rule, failures)

    def _verdict(self, value: str) -> tuple[Rule, ...]:
        found = self._verdicts.get(value)
        if found is None:
            found = tuple(rule for breaks, rule in self.tests if breaks(value))
            if len(self._verdicts) >= REMEMBERED:
                self._verdicts.clear()
            self._verdicts[value] = found
        return found


def close(facts: Facts, focus: str, value: str, predicate: str, rule: Rule, failures: list[Failure]) -> None:
    """A failure for each triple of `value` with a predicate that a closed shape does not allow."""
    fine = _RESOURCE if predicate == TYPE else ""
    for found in facts.values(value, predicate):
        if found != fine:
            failures.append((focus, predicate[1:-1], found, rule))
