"""What to check of one kind of node: all shapes aimed at nodes with these classes and predicates, merged once.

Most nodes of a large import are alike. For a kind of node it is known before any value is seen which property shapes
meet a value, which predicates a closed shape does not allow and what the classes alone decide; the rest is merged by
predicate, so that a value is looked up once however many shapes ask something of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kb.validation.facts import Facts
from kb.validation.shape import MANY, REMEMBERED, Check, Count, Failure, Rule, Shape, close
from kb.validation.value import Test


class Step:
    """All that shapes ask of the values of one predicate."""

    __slots__ = ("checks", "counts", "fine", "kinds", "least", "most", "near", "predicate", "tests")

    def __init__(self, predicate: str, shapes: Iterable[Shape]) -> None:
        self.predicate = predicate
        self.tests: list[tuple[Test, Rule]] = []
        self.counts: list[Count] = []
        self.kinds: list[tuple[str, Rule]] = []
        self.checks: list[Check] = []
        self.near: dict[Check, tuple[str, ...]] = {}  # see `Shape.near`
        for shape in shapes:
            self.tests += shape.tests
            self.counts += shape.counts
            self.kinds += shape.kinds
            self.checks += shape.checks
            self.near |= shape.near
            if shape.has_inner():
                self.checks.append(shape.descend)
        self.least = max((count[0] for count in self.counts), default=0)
        self.most = min((count[1] for count in self.counts), default=MANY)
        self.fine: set[str] = set()  # values that break no test

    def count(self, focus: str, values: Sequence[str], failures: list[Failure]) -> None:
        """Add the failures of a number of values that some rule does not allow."""
        failures += [(focus, c[2].path, None, c[2]) for c in self.counts if not c[0] <= len(values) <= c[1]]

    def test(self, focus: str, value: str, failures: list[Failure]) -> None:
        """Add the failures of one value by itself, or remember that it has none."""
        broken = [(focus, rule.path, value, rule) for breaks, rule in self.tests if breaks(value)]
        if broken:
            failures += broken
            return
        if len(self.fine) >= REMEMBERED:
            self.fine.clear()
        self.fine.add(value)


class Plan:
    """The checks for nodes of one kind, made with a first node of that kind at hand."""

    __slots__ = (
        "_checked", "_counted", "_kinds", "_lacking", "_tested", "closed", "far", "steps", "tests", "typed", "whole",
    )  # fmt: skip

    def __init__(self, shapes: Iterable[Shape], facts: Facts, node: str) -> None:
        self.tests: list[tuple[Test, Rule]] = []  # of the node's own IRI
        self.far: Collection[str] = ()  # predicates of this kind that lead to other records' triples
        self.typed: Collection[str] = ()  # and to nodes whose classes count
        self.whole: list[Shape] = []
        self.closed: list[tuple[str, Rule]] = []
        by_predicate: dict[str, list[Shape]] = {}
        present = facts.properties(node).keys()
        for shape in shapes:
            if not self._is_settled(shape, facts, node):
                self._take(shape, present, by_predicate, facts, node)
        self.steps = {predicate: Step(predicate, asked) for predicate, asked in by_predicate.items()}
        steps = self.steps.values()
        self._counted = [(s.predicate, s.least, s.most, s) for s in steps if s.counts]
        self._lacking = any(not s.least <= 1 <= s.most for s in steps)  # for whom one value is not right
        self._tested = [(s.predicate, s.fine, s) for s in steps if s.tests]
        self._kinds = [(s.predicate, s.kinds) for s in steps if s.kinds]
        self._checked = [(s.predicate, s.checks) for s in steps if s.checks]

    def run(self, facts: Facts, node: str, failures: list[Failure]) -> None:
        """Add the failures of a node of this kind."""
        properties = facts.nodes[node]
        for breaks, rule in self.tests:
            if breaks(node):
                failures.append((node, rule.path, node, rule))
        for shape in self.whole:
            shape.check(facts, node, failures)
        # an import spends its time in these loops: calls only where needed, and no counting where each predicate
        # has the one value that is right
        if self._lacking or node in facts.plural:
            for predicate, least, most, step in self._counted:
                if not least <= len(properties[predicate]) <= most:
                    step.count(node, properties[predicate], failures)
        for predicate, fine, step in self._tested:
            for value in properties[predicate]:
                if value not in fine:
                    step.test(node, value, failures)
        classes_of = facts.classes
        for predicate, kinds in self._kinds:
            for value in properties[predicate]:
                classes = classes_of(value)
                for kind, rule in kinds:
                    if kind not in classes:
                        failures.append((node, rule.path, value, rule))
        for predicate, checks in self._checked:
            for check in checks:
                check(facts, node, properties[predicate], failures)
        for predicate, rule in self.closed:
            close(facts, node, node, predicate, rule, failures)

    def _is_settled(self, shape: Shape, facts: Facts, node: str) -> bool:
        """Whether all nodes with these classes meet the shape."""
        return shape.settled and not facts.above and shape.conforms(facts, node)

    def _take(
        self, shape: Shape, present: Collection[str], by_predicate: dict[str, list[Shape]], facts: Facts, node: str
    ) -> None:
        if shape.path is not None:
            self._property(shape, present, by_predicate)
            return
        self.tests += shape.tests
        checks = [check for check in shape.checks if not (check in shape.of_kind and _passes(check, facts, node))]
        if shape.kinds or checks:
            self.whole.append(_without_properties(shape, checks))
        inner = [found for predicate in present for found in shape.properties.get(predicate, ())]
        for found in [*inner, *shape.always]:
            if not self._is_settled(found, facts, node):
                self._property(found, present, by_predicate)
        if shape.closed is not None:
            allowed, rule = shape.closed
            self.closed += [(predicate, rule) for predicate in present if predicate not in allowed]

    def _property(self, shape: Shape, present: Collection[str], by_predicate: dict[str, list[Shape]]) -> None:
        if shape.predicate is not None and shape.predicate in present:
            by_predicate.setdefault(shape.predicate, []).append(shape)
        else:
            self.whole.append(shape)


def _passes(check: Check, facts: Facts, node: str) -> bool:
    failures: list[Failure] = []
    check(facts, node, (node,), failures)
    return not failures


def _without_properties(shape: Shape, checks: list[Check]) -> Shape:
    """The part of a node shape that asks something of the node as a whole, with those checks that are not settled."""
    part = Shape()
    part.kinds, part.checks = shape.kinds, checks
    return part
