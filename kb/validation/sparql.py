"""The SPARQL constraints that are compiled: a few named templates, matched as text after prefixes are written out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from rdflib import Graph, Literal
from rdflib.namespace import OWL, RDF, SH
from rdflib.term import Node

from kb.ns import MZ
from kb.validation.facts import Facts
from kb.validation.finding import spoken
from kb.validation.path import Refused
from kb.validation.shape import Check, Failure, Rule
from kb.validation.term import lexical, node

_P = r"<([^>]*)>"
Answers = Callable[[Facts, str], Iterable[str]]
"""The values that the query returns for one focus node."""


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled query, and the predicates that may lead it from one record into another."""

    template: str
    answers: Answers
    far: frozenset[str]


def _belongs(value_of: str, owner_of: str, mark: str) -> Query:
    """`belongs`: a value whose text before a mark is not the text of another value of the same node."""

    def answers(facts: Facts, focus: str) -> Iterable[str]:
        owners = {lexical(owner) for owner in facts.values(focus, owner_of)}
        for value in facts.values(focus, value_of):
            before, found, _ = lexical(value).partition(mark)
            if owners - {before if found else ""}:
                yield value

    return Query("belongs", answers, frozenset())


def _numbered(member_of: str, number: str, label: str) -> Query:
    """`numbered`: a member whose number another member has too, under the same label or with none."""

    def labels(facts: Facts, member: str) -> list[Node]:
        return [node(value) for value in facts.values(member, label)] or [Literal("")]

    def alike(facts: Facts, one: str, other: str) -> bool:
        return any(_equal(a, b) for a in labels(facts, one) for b in labels(facts, other))

    def answers(facts: Facts, focus: str) -> Iterable[str]:
        members = facts.sources(member_of, focus)
        for one in members:
            numbers = set(facts.values(one, number))
            if any(
                one != other and numbers.intersection(facts.values(other, number)) and alike(facts, one, other)
                for other in members
            ):
                yield one

    # belonging never leads out of a record, so that membership by it needs no other record's triples
    return Query("numbered", answers, frozenset({member_of} - {str(MZ.inRecord)}))


def _mutual(member_of: str, has_member: str) -> Query:
    """`mutual`: a node that names this one and is not named by it, or the other way round."""

    def answers(facts: Facts, focus: str) -> Iterable[str]:
        return set(facts.sources(member_of, focus)) ^ set(facts.values(focus, has_member))

    return Query("mutual", answers, frozenset({member_of, has_member}))


_TEMPLATES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Query | None]]] = [
    (
        re.compile(
            rf"SELECT \$this \?value WHERE {{ \$this {_P} \?value ; {_P} \?offence \. "
            r'FILTER \(STRBEFORE\(STR\(\?value\), "([^"\\]+)"\) != STR\(\?offence\)\) }'
        ),
        lambda m: _belongs(f"<{m[1]}>", f"<{m[2]}>", m[3]),
    ),
    (
        re.compile(
            rf"SELECT DISTINCT \$this \?value WHERE {{ \?value {_P} \$this ; {_P} \?number \. "
            r"\?other <\1> \$this ; <\2> \?number \. FILTER \(\?value != \?other\) "
            rf"OPTIONAL {{ \?value {_P} \?label }} OPTIONAL {{ \?other <\3> \?otherLabel }} "
            r'FILTER \(COALESCE\(\?label, ""\) = COALESCE\(\?otherLabel, ""\)\) }'
        ),
        lambda m: _numbered(f"<{m[1]}>", f"<{m[2]}>", f"<{m[3]}>"),
    ),
    (
        re.compile(
            rf"SELECT DISTINCT \$this \?value WHERE {{ {{ \?value {_P} \$this \. "
            rf"OPTIONAL {{ \?owner {_P} \?value FILTER \(\?owner = \$this\) }} FILTER \(!BOUND\(\?owner\)\) }} UNION "
            r"{ \$this <\2> \?value \. OPTIONAL { \?value <\1> \?owner FILTER \(\?owner = \$this\) } "
            r"FILTER \(!BOUND\(\?owner\)\) } }"
        ),
        lambda m: _mutual(f"<{m[1]}>", f"<{m[2]}>"),
    ),
]


def compile_query(shapes: Graph, constraint: Node) -> Query:
    """The compiled form of an sh:select; Refused when no template fits."""
    texts = list(shapes.objects(constraint, SH.select))
    if len(texts) != 1 or not isinstance(texts[0], Literal) or not isinstance(texts[0].value, str):
        raise Refused("sparql", "it has no one text")
    text = _written_out(texts[0].value, _prefixes(shapes, constraint))
    for expression, make in _TEMPLATES:
        found = expression.fullmatch(text)
        query = make(found) if found else None
        if query is not None:
            return query
    raise Refused("sparql", "its query fits no template")


def _prefixes(shapes: Graph, constraint: Node) -> dict[str, str]:
    """The prefixes of a query: declared once, by ontologies that it names."""
    found: dict[str, str] = {}
    for ontology in shapes.objects(constraint, SH.prefixes):
        if (ontology, RDF.type, OWL.Ontology) not in shapes:
            raise Refused("sparql", "its prefixes are declared in no ontology")
        for declared in shapes.objects(ontology, SH.declare):
            prefix, namespace = shapes.value(declared, SH.prefix), shapes.value(declared, SH.namespace)
            if found.setdefault(str(prefix), str(namespace)) != str(namespace):
                raise Refused("sparql", f"the prefix {prefix} stands for two namespaces")
    return found


def _written_out(text: str, prefixes: dict[str, str]) -> str:
    """The query on one line, its prefixed names as IRIs; a prefix that is not known stays and fits no template."""

    def iri(found: re.Match[str]) -> str:
        return f"<{prefixes[found[1]]}{found[2]}>" if found[1] in prefixes else found[0]

    return re.sub(r"(?<![\w<?$])([A-Za-z][\w-]*):([A-Za-z][\w-]*)", iri, " ".join(text.split()))


def query_check(query: Query, rule: Rule, templates: Iterable[Node]) -> Check:
    """A result for each answer. `templates` are messages with `{?value}` in them, for a shape without its own."""
    texts = list(templates)

    def check(facts: Facts, focus: str, values: object, failures: list[Failure]) -> None:
        for value in dict.fromkeys(query.answers(facts, focus)):
            said = replace(rule, messages=_filled(texts, focus, value)) if texts else rule
            failures.append((focus, rule.path, value, said))

    return check


def _filled(texts: list[Node], focus: str, value: str) -> tuple[tuple[str, str], ...]:
    """Messages as pySHACL 0.40 fills them in: the language is lost, so that each counts as English."""
    filled = []
    for text in texts:
        said = str(text)
        for name, found in (("this", focus), ("value", value)):
            said = re.sub(f"{{[?$]{name}}}", lambda _, found=found: lexical(found), said)  # type: ignore[misc]
        filled.append(Literal(said))
    return spoken(dict.fromkeys(filled))


def _equal(left: Node, right: Node) -> bool:
    """SPARQL's `=` as rdflib evaluates it, where an error counts as no."""
    try:
        return bool(left.eq(right)) if isinstance(left, Literal) else left == right
    except TypeError:
        return False
