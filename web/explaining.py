"""A saved question in words, found again in a query that was made from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from kb.query import saved
from kb.query.parameter import Parameter
from kb.query.saved import SavedQuery

_VALUE = r"(?:<[^<>\s]*>|\"(?:[^\"\\\n]|\\.)*\"(?:@[\w-]+|\^\^<[^<>\s]*>)?|UNDEF)"
_SLOT = re.compile(rf"VALUES\s*\?(\w+)\s*\{{\s*({_VALUE})\s*\}}")


@dataclass(frozen=True, slots=True)
class Explained:
    """A saved question, what its parameters are in the query at hand (None: anything), whether all else is as saved."""

    question: SavedQuery
    values: Sequence[tuple[Parameter, NamedNode | Literal | None]]
    unchanged: bool


def explain(text: str, questions: Sequence[SavedQuery]) -> Explained | None:
    """The question from which `text` was made, known by its title; the words are those of the question's file."""
    title = saved.parse("", text).title
    question = next((one for one in questions if one.title == title), None)
    if question is None:
        return None
    given = dict(_SLOT.findall(text))
    values = [(one, _term(given.get(name, "UNDEF"))) for name, one in question.parameters.items()]
    return Explained(question, values, _frame(text) == _frame(question.text))


def _frame(text: str) -> list[str]:
    """The lines of a query without what is in its slots, and without the space around them."""
    return [line.strip() for line in _SLOT.sub(r"VALUES ?\1", text).splitlines() if line.strip()]


def _term(written: str) -> NamedNode | Literal | None:
    if written == "UNDEF":
        return None
    try:
        (quad,) = parse(f"<urn:s> <urn:p> {written} .", format=RdfFormat.N_TRIPLES)
    except (SyntaxError, ValueError):
        return None
    assert isinstance(quad.object, NamedNode | Literal)
    return quad.object
