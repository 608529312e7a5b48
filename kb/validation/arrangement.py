"""One arrangement of a record's lines, and what is still to be asked of the values in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import NamedTuple

from kb.validation.facts import Facts, Types
from kb.validation.plan import Plan, Step
from kb.validation.shape import Check, Failure, Rule
from kb.validation.term import normal
from kb.validation.value import Test

_BLIND = {f"{name}ConstraintComponent" for name in (
    "NodeKind", "Datatype", "LanguageIn", "MinInclusive", "MinExclusive", "MaxInclusive", "MaxExclusive")}  # fmt: skip
"""What these say of an IRI holds of every IRI, whatever its letters."""
_NODE = "<urn:node>"
Learn = Callable[[set[str]], None]
"""Told of nodes whose classes are needed, it adds to the mapping that gives them what it finds."""


class Line(NamedTuple):
    """A line of a record: node and object as what follows on the record's IRI, and where its value stands."""

    node: str
    predicate: str
    at: int  # index of the piece
    start: int  # of the value in the piece
    odd: bool  # whether the value may be spelled in several ways
    target: str = ""  # a node of the record, as it follows on the record's IRI


class Glance(Facts):
    """The classes of foreign nodes, some of which are only asked for when needed, and a few values of one node."""

    __slots__ = ("_learn",)

    def __init__(self, types: Types, learn: Learn | None) -> None:
        super().__init__("", types)
        self._learn = learn

    def learns(self, node: str) -> bool:
        """Whether the classes of a node that was not known are known now."""
        if self._learn is not None:
            self._learn({node})
        return node in self.foreign


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the values of one predicate at one node: one by one, or where there are `checks`, together."""

    lines: tuple[Line, ...]
    tests: tuple[Test, ...] = ()
    kinds: tuple[str, ...] = ()
    typed: bool = False
    checks: tuple[Check, ...] = ()
    fine: set[str] = field(default_factory=set)
    """Values known to meet it, the same set for all nodes that ask the same."""


@dataclass(slots=True)
class Arrangement:
    """What is asked in records of one arrangement, and the pieces known to meet it."""

    nodes: list[tuple[tuple[str, ...], str]]
    """The classes of each node, and what its IRI adds to the record's."""
    tail: int  # where in a piece a value ends, counted from the piece's end
    alone: dict[int, Asked] = field(default_factory=dict)
    together: list[tuple[Callable[[list[str]], object], Asked]] = field(default_factory=list)
    named: dict[tuple[str, Test], None] = field(default_factory=dict)
    """Tests that look at the letters of an IRI, with the nodes of the record that they are for."""
    several: list[tuple[int, ...]] = field(default_factory=list)
    """The pieces that hold the values of one predicate, which must differ."""
    _fine: set[object] = field(default_factory=set)
    _places: list[int] = field(default_factory=list)
    _alike: dict[tuple[object, ...], set[str]] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was found of values."""
        self._fine.clear()
        for asked in self.alone.values():
            asked.fine.clear()

    def is_met(self, iri: str, pieces: list[str], glance: Glance) -> bool:
        """Whether a record has no finding."""
        fine = self._fine
        for at in [at for at in self._places if pieces[at] not in fine]:
            asked = self.alone[at]
            value = pieces[at][asked.lines[0].start : self.tail]
            if value not in asked.fine:
                if not _answer(asked, pieces, self.tail, glance):
                    return False
                asked.fine.add(value)
            fine.add(pieces[at])
        for pick, asked in self.together:
            found = pick(pieces)
            if found not in fine:
                if not _answer(asked, pieces, self.tail, glance):
                    return False
                fine.add(found)
        for places in self.several:
            if len({pieces[at] for at in places}) < len(places):
                return False
        return not any(breaks(f"<{iri}{node}") for node, breaks in self.named)

    def ask(self, asked: Asked) -> None:
        """Have something asked of one value, or of several together."""
        places = [line.at for line in asked.lines]
        if len(places) > 1:
            self.together.append((itemgetter(*places), asked))
            return
        if places[0] not in self.alone:
            self._places.append(places[0])
        alike = self._alike.setdefault((asked.tests, asked.kinds, asked.typed, asked.checks), asked.fine)
        self.alone[places[0]] = replace(asked, fine=alike)


def _answer(asked: Asked, pieces: list[str], tail: int, glance: Glance) -> bool:
    """Whether values, which end `tail` characters before the end of their pieces, meet what is asked of them."""
    properties: dict[str, list[str]] = {}
    glance.nodes = {_NODE: properties}
    types: Types = glance.foreign
    for line in asked.lines:
        value = pieces[line.at][line.start : tail]
        if line.odd:
            value = normal(value)
        if asked.typed and value[0] == "<" and not (value in types or glance.learns(value)):
            return False
        for breaks in asked.tests:
            if breaks(value):
                return False
        for kind in asked.kinds:
            if kind not in types.get(value, ()):
                return False
        if asked.checks:
            properties.setdefault(line.predicate, []).append(value)
    failures: list[Failure] = []
    for check in asked.checks:
        check(glance, _NODE, properties[asked.lines[0].predicate], failures)
    return not failures


def arrange(
    iri: str, lines: Sequence[Line], facts: Facts, planned: Sequence[tuple[str, Plan]], tail: int
) -> Arrangement | None:
    """The arrangement of a record that has no findings, given the plans of its nodes.

    None where more than single nodes with their values is asked for, so that each such record is judged as a whole.
    """
    by_place: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        by_place.setdefault((line.node, line.predicate), []).append(line)
        if line.target and f"<{iri}{line.target}" not in facts.nodes:
            return None
    found = Arrangement([(tuple(facts.classes(n)), n[len(iri) + 1 :]) for n in facts.nodes], tail)
    for (node, predicate), there in by_place.items():
        if len(facts.values(f"<{iri}{node}", predicate)) < len(there):
            return None
        if len(there) > 1 and any(line.odd for line in there):
            return None  # in another record they may be one value
        if len(plain := tuple(line.at for line in there if not line.target)) > 1:
            found.several.append(plain)
    for name, plan in planned:
        if not _take(found, name[len(iri) + 1 :], plan, by_place):
            return None
    return found


def _take(found: Arrangement, node: str, plan: Plan, by_place: dict[tuple[str, str], list[Line]]) -> bool:
    """Add what a plan asks of a node; False for what cannot be asked of its values alone."""
    if plan.far or plan.whole or plan.closed:
        return False
    _name(found, node, plan.tests)
    steps = plan.steps
    for predicate in {*steps, *plan.typed}:
        step, there = steps.get(predicate), by_place[node, predicate]
        typed = predicate in plan.typed
        for line in there:
            if not line.target:
                tests = tuple(breaks for breaks, _ in step.tests) if step else ()
                kinds = tuple(kind for kind, _ in step.kinds) if step else ()
                if tests or kinds or typed:
                    found.ask(Asked((line,), tests, kinds, typed))
            elif step:
                _name(found, line.target, step.tests)
        if step and step.checks and not _take_checks(found, node, step, by_place):
            return False
    return True


def _take_checks(found: Arrangement, node: str, step: Step, by_place: dict[tuple[str, str], list[Line]]) -> bool:
    """Add the checks of some values together; False when one looks at more than the values of their node."""
    if not all(check in step.near for check in step.checks):
        return False
    predicates = {step.predicate: None} | dict.fromkeys(p for check in step.checks for p in step.near[check])
    lines = tuple(line for predicate in predicates for line in by_place.get((node, predicate), ()))
    if any(line.target for line in lines):
        return False  # a check may look at the letters of these
    asked = Asked(lines, checks=tuple(step.checks))
    if len(lines) == 1 and (first := found.alone.get(lines[0].at)):
        asked = replace(asked, tests=first.tests, kinds=first.kinds, typed=first.typed)
    found.ask(asked)
    return True


def _name(found: Arrangement, node: str, tests: Sequence[tuple[Test, Rule]]) -> None:
    found.named.update({(node, breaks): None for breaks, rule in tests if rule.component not in _BLIND})
