"""Constraints that a value meets or breaks by itself, each compiled into a test that is true for one that breaks it.

What they do with odd values follows pySHACL, case by case, which the tests compare.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import RDF, RDFS, SH, XSD
from rdflib.term import Node

from kb.validation.path import Refused
from kb.validation.term import FALSE, NO_BOOLEAN, language, lexical, literal, term

Test = Callable[[str], bool]
_PYTHON: dict[Node, type | tuple[type, ...]] = {
    XSD.string: (str, bytes), RDF.langString: (str, bytes), XSD.integer: int, XSD.float: float, XSD.decimal: Decimal,
    XSD.boolean: bool, XSD.date: date, XSD.time: time, XSD.dateTime: datetime,
}  # fmt: skip
_KINDS = {
    SH.IRI: "<", SH.Literal: '"', SH.BlankNode: "_", SH.IRIOrLiteral: '<"', SH.BlankNodeOrIRI: "_<",
    SH.BlankNodeOrLiteral: '_"',
}  # fmt: skip


def only(shapes: Graph, shape: Node, parameter: URIRef) -> Node:
    """The one value of a parameter; Refused when there are more."""
    found = list(shapes.objects(shape, parameter))
    if len(found) != 1:
        raise Refused(parameter.fragment, "it stands there more than once")
    return found[0]


def number(shapes: Graph, shape: Node, parameter: URIRef) -> int:
    """The one value of a parameter that must be a whole number of at least 0, typed xsd:integer."""
    found = only(shapes, shape, parameter)
    if not isinstance(found, Literal) or found.datatype != XSD.integer or not isinstance(found.value, int):
        raise Refused(parameter.fragment, f"{found} is not an integer")
    if found.value < 0:
        raise Refused(parameter.fragment, f"{found} is below 0")
    return found.value


def members(shapes: Graph, head: Node, parameter: URIRef) -> list[Node]:
    """The members of an RDF list, which must end and have each part once."""
    found: list[Node] = []
    seen: set[Node] = set()
    while head != RDF.nil:
        first, rest = list(shapes.objects(head, RDF.first)), list(shapes.objects(head, RDF.rest))
        if len(first) != 1 or len(rest) != 1 or head in seen:
            raise Refused(parameter.fragment, "its list is not well-formed")
        seen.add(head)
        found.append(first[0])
        head = rest[0]
    return found


def datatype(shapes: Graph, shape: Node) -> Iterator[Test]:
    """sh:datatype."""
    wanted = only(shapes, shape, SH.datatype)
    python = _PYTHON.get(wanted)
    breaks_plain, takes_language = wanted not in (XSD.string, RDFS.Literal), wanted == RDF.langString

    def breaks(value: str) -> bool:
        if value[0] != '"':
            return True
        if value[-1] == '"':
            return breaks_plain
        if takes_language and value[-1] != ">":
            return False
        found = literal(value)
        assert found is not None
        if found.datatype == wanted:
            return found.ill_typed is True or (python is not None and not isinstance(found.value, python))
        if wanted == RDFS.Literal or (wanted == RDFS.Datatype and found.datatype):
            return False
        return not (takes_language and found.language)

    yield breaks


def node_kind(shapes: Graph, shape: Node) -> Iterator[Test]:
    """sh:nodeKind; one that is not known is met by nothing."""
    first = _KINDS.get(only(shapes, shape, SH.nodeKind), "")  # type: ignore[call-overload]
    yield lambda value: value[0] not in first


def listed(shapes: Graph, shape: Node) -> Iterator[Test]:
    """sh:in."""
    allowed = {term(member) for member in members(shapes, only(shapes, shape, SH["in"]), SH["in"])}
    if FALSE in allowed:
        allowed.add(NO_BOOLEAN)  # for rdflib it is equal to false
    yield lambda value: value not in allowed


def language_in(shapes: Graph, shape: Node) -> Iterator[Test]:
    """sh:languageIn: a tag or its first part is in the list."""
    allowed = set()
    for member in members(shapes, only(shapes, shape, SH.languageIn), SH.languageIn):
        if not isinstance(member, Literal) or not isinstance(member.value, str):
            raise Refused("languageIn", f"{member} is not a string")
        allowed.add(member.value.lower())

    def breaks(value: str) -> bool:
        tag = language(value)
        return not tag or not ("*" in allowed or tag in allowed or tag.partition("-")[0] in allowed)

    yield breaks


def pattern(shapes: Graph, shape: Node) -> Iterator[Test]:
    """sh:pattern, one test for each; of the flags pySHACL knows `i` and `m` and passes over all others."""
    written_flags = list(shapes.objects(shape, SH.flags))
    if len(written_flags) > 1 or not all(isinstance(flag, Literal) for flag in written_flags):
        raise Refused("flags", "they stand there more than once, or are no text")
    flags = [str(flag).lower() for flag in written_flags]
    mode = sum(value for name, value in (("i", re.I), ("m", re.M)) if name in "".join(flags))
    for written in shapes.objects(shape, SH.pattern):
        if not isinstance(written, Literal) or not isinstance(written.value, str):
            raise Refused("pattern", f"{written} is not a string")
        try:
            yield _pattern(re.compile(str(written), mode))
        except re.error as error:
            raise Refused("pattern", f"{written}: {error}") from None


def _pattern(expression: re.Pattern[str]) -> Test:
    search = expression.search
    return lambda value: value[0] == "_" or search(lexical(value)) is None


def min_length(shapes: Graph, shape: Node) -> Iterator[Test]:
    """sh:minLength; a length of 0 is met by blank nodes too."""
    least = number(shapes, shape, SH.minLength)
    yield lambda value: least > 0 and (value[0] == "_" or len(lexical(value)) < least)


def max_length(shapes: Graph, shape: Node) -> Iterator[Test]:
    """sh:maxLength."""
    most = number(shapes, shape, SH.maxLength)
    yield lambda value: value[0] == "_" or len(lexical(value)) > most


def ranges(parameter: URIRef, holds: Callable[[int], bool]) -> Callable[[Graph, Node], Iterator[Test]]:
    """sh:minInclusive and its like: `holds` says which orders (-1, 0, 1) of value and bound keep to the bound."""

    def compiled(shapes: Graph, shape: Node) -> Iterator[Test]:
        for bound in shapes.objects(shape, parameter):
            if not isinstance(bound, Literal):
                raise Refused(parameter.fragment, f"{bound} is not a literal")
            yield _range(bound, holds)

    return compiled


def _range(bound: Literal, holds: Callable[[int], bool]) -> Test:
    text = isinstance(bound.value, str)

    def breaks(value: str) -> bool:
        found = literal(value)
        if found is None or isinstance(found.value, str) != text:
            return True
        try:
            return not holds(_order(found, bound))
        except (TypeError, ArithmeticError):
            return True  # what cannot be compared is not in the range; Python will not compare a decimal with NaN

    return breaks


def _order(left: Literal, right: Literal) -> int:
    """-1, 0 or 1 as pySHACL orders two literals; TypeError for what it cannot compare."""
    if left.eq(right):
        return 0
    # rdflib would order a moment with a time zone and one without; Python's own comparison refuses
    if left.value.__class__ in (datetime, time):
        return 0 if left.value == right.value else 1 if left.value > right.value else -1
    return 1 if left > right else -1


VALUE_TESTS: dict[Node, tuple[str, Callable[[Graph, Node], Iterator[Test]]]] = {
    SH.datatype: ("DatatypeConstraintComponent", datatype),
    SH.nodeKind: ("NodeKindConstraintComponent", node_kind),
    SH["in"]: ("InConstraintComponent", listed),
    SH.languageIn: ("LanguageInConstraintComponent", language_in),
    SH.pattern: ("PatternConstraintComponent", pattern),
    SH.minLength: ("MinLengthConstraintComponent", min_length),
    SH.maxLength: ("MaxLengthConstraintComponent", max_length),
    SH.minInclusive: ("MinInclusiveConstraintComponent", ranges(SH.minInclusive, lambda order: order >= 0)),
    SH.minExclusive: ("MinExclusiveConstraintComponent", ranges(SH.minExclusive, lambda order: order > 0)),
    SH.maxInclusive: ("MaxInclusiveConstraintComponent", ranges(SH.maxInclusive, lambda order: order <= 0)),
    SH.maxExclusive: ("MaxExclusiveConstraintComponent", ranges(SH.maxExclusive, lambda order: order < 0)),
}
"""By parameter: the name of the component and what compiles it into tests, one for each value of the parameter."""
