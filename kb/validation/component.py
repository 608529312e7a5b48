"""Constraints that need more than one value: each compiled into a check of a focus node and its value nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any

from rdflib import Literal, URIRef

from kb.validation.facts import Facts
from kb.validation.shape import Check, Failure, Rule, Shape
from kb.validation.term import language, literal, term


def has_value(wanted: str, rule: Rule) -> Check:
    """sh:hasValue, for one value."""

    def check(facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        if wanted not in values:
            failures.append((focus, rule.path, None, rule))

    return check


def unique_language(rule: Rule) -> Check:
    """sh:uniqueLang: one result for each language that is used twice."""

    def check(facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        if len(values) > 1:
            tags = Counter(tag for value in values if (tag := language(value)))
            failures += [(focus, rule.path, None, rule) for count in tags.values() if count > 1]

    return check


def equal(predicate: str, rule: Rule) -> Check:
    """sh:equals, for one predicate."""

    def check(facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        others = set(facts.values(focus, predicate))
        failures += [(focus, rule.path, value, rule) for value in others.symmetric_difference(values)]

    return check


def disjoint(predicate: str, rule: Rule) -> Check:
    """sh:disjoint, for one predicate."""

    def check(facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        others = set(facts.values(focus, predicate))
        failures += [(focus, rule.path, value, rule) for value in others.intersection(values)]

    return check


def ordered(predicate: str, before: Callable[[Any, Any], Any], rule: Rule) -> Check:
    """sh:lessThan and sh:lessThanOrEquals, for one predicate: a result for each pair that does not stand in order.

    What cannot be compared is not in order, as the standard has it; pySHACL raises an error there.
    """

    def check(facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        for other in facts.values(focus, predicate):
            for value in values:
                if not _holds(before, value, other):
                    failures.append((focus, rule.path, value, rule))

    return check


def less(left: Any, right: Any) -> bool:
    """What sh:lessThan asks of two strings, or of two rdflib literals."""
    return bool(left < right)


def less_or_equal(left: Any, right: Any) -> bool:
    """What sh:lessThanOrEquals asks; TypeError for literals that cannot be compared.

    rdflib's `<=` would raise, or take them for ordered with a warning, by which of the two stands first.
    """
    if not isinstance(left, Literal):
        return bool(left <= right)
    below = left.__lt__(right)
    if below is NotImplemented:
        raise TypeError(f"{left} and {right} cannot be compared")
    return bool(below) or bool(left.eq(right))


@lru_cache(maxsize=1 << 14)
def _holds(before: Callable[[Any, Any], Any], left: str, right: str) -> bool:
    one, one_is_text = _comparable(left)
    other, other_is_text = _comparable(right)
    try:
        return one_is_text == other_is_text and bool(before(one, other))
    except (TypeError, ArithmeticError):
        return False


def _comparable(value: str) -> tuple[str | Literal, bool]:
    """What pySHACL compares: texts and IRIs as strings, every other literal by rdflib's order; and which of these."""
    found = literal(value)
    if found is None:
        return value[1:-1], True
    return (found.value, True) if isinstance(found.value, str) else (found, False)


def joined(shapes: list[Shape], accept: Callable[[int], bool], rule: Rule) -> Check:
    """sh:and, sh:or, sh:xone, sh:not: `accept` says of how many of the shapes a value may meet."""

    def check(facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        for value in values:
            if not accept(sum(shape.conforms(facts, value) for shape in shapes)):
                failures.append((focus, rule.path, value, rule))

    return check


def any_of(shapes: list[Shape], rule: Rule) -> Check:
    """sh:or, which is used most: it ends at the first shape that a value meets."""

    def check(facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        for value in values:
            if not any(shape.conforms(facts, value) for shape in shapes):
                failures.append((focus, rule.path, value, rule))

    return check


def any_class(choices: list[list[str]], rule: Rule) -> Check:
    """sh:or of shapes that ask for nothing but classes, which is how several classes are allowed."""

    def check(facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        for value in values:
            classes = facts.classes(value)
            for kinds in choices:
                if all(kind in classes for kind in kinds):
                    break
            else:
                failures.append((focus, rule.path, value, rule))

    return check


def like(shape: Shape, rule: Rule) -> Check:
    """sh:node, for one shape: a result for the value, and in the report beside it those that it rests on."""

    def check(facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        for value in values:
            before = len(failures)
            shape.check(facts, value, failures)
            if len(failures) > before:
                failures.append((focus, rule.path, value, rule))

    return check


def qualified(
    shape: Shape, siblings: list[Shape], least: tuple[int, Rule] | None, most: tuple[int, Rule] | None
) -> Check:
    """sh:qualifiedValueShape: how many values meet the shape and, where it is disjoint, none of its siblings."""

    def check(facts: Facts, focus: str, values: Collection[str], failures: list[Failure]) -> None:
        met = sum(
            shape.conforms(facts, value) and not any(other.conforms(facts, value) for other in siblings)
            for value in values
        )
        if most is not None and met > most[0]:
            failures.append((focus, most[1].path, None, most[1]))
        if least is not None and met < least[0]:
            failures.append((focus, least[1].path, None, least[1]))

    return check


def predicate(value: object) -> str | None:
    """A predicate as a term, None for what is none."""
    return term(value) if isinstance(value, URIRef) else None
