"""What a part of a query becomes on its way to SQL: a relation with a column for each variable, and expressions.

A `term` column holds term numbers (kb.columns.build), with the families its terms can be of; `int`, `bool` and `text`
hold what the query itself computes. An unbound variable is NULL, and so is an error: SQL's three values of truth are
then SPARQL's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kb.columns.build import BITS

NONE: frozenset[str] = frozenset()
_PLAIN = ("iri", "string", "lang:")


class NotCompiled(Exception):
    """A query, or data, for which no SQL is known that surely gives the same answer; the store answers it."""


class NeedsSeed(NotCompiled):
    """A path of any length with neither end known: what surrounds it has to say which terms it may start from."""


@dataclass(frozen=True, slots=True)
class Value:
    """An expression in SQL, or a column: its kind, families, whether it may be NULL, and the number of a constant."""

    sql: str
    kind: str = "term"
    families: frozenset[str] = NONE
    nullable: bool = False
    constant: int | None = None
    literal: object = None  # what a constant literal says, as Python has it
    spelt: bool = False  # STR() of an IRI: compared like one, and not equal to one

    @property
    def rank(self) -> str:
        """What is compared: terms of equal value share it."""
        return f"({self.sql} >> {BITS})" if self.kind == "term" else self.sql


@dataclass(frozen=True, slots=True)
class Relation:
    """A SELECT, and the columns that it has by variable."""

    sql: str
    columns: Mapping[str, Value] = field(default_factory=dict)

    def under(self, alias: str) -> dict[str, Value]:
        """The columns as they are named where the relation stands under an alias."""
        return {name: replace(value, sql=f"{alias}.{value.sql}") for name, value in self.columns.items()}


def merged(one: Value, other: Value) -> Value:
    """What a column is that holds values of both."""
    if one.kind != other.kind:
        raise NotCompiled(f"{one.kind} beside {other.kind}")
    same = one.constant if one.constant == other.constant else None
    return Value("", one.kind, one.families | other.families, one.nullable or other.nullable, same, one.literal)


def equal(one: Value, other: Value) -> str:
    """SQL of `=`; refuses pairs for which the store may say an error, or knows rules of its own."""
    if one.spelt != other.spelt or one.kind != other.kind:
        raise NotCompiled(f"{one.kind} = {other.kind}")
    families = one.families | other.families
    if one.kind != "term" or all(name.startswith(_PLAIN) for name in families):
        return f"({one.sql} = {other.sql})"
    if families in ({"number"}, {"moment"}) and (one.constant is None or other.constant is None):
        return f"({one.rank} = {other.rank})"
    raise NotCompiled(f"equality of {', '.join(sorted(families))}")


def compared(one: Value, operator: str, other: Value) -> str:
    """SQL of `<`, `>`, `<=`, `>=` between values of one ordered family."""
    if one.spelt != other.spelt or one.kind != other.kind or one.kind == "bool":
        raise NotCompiled(f"{one.kind} {operator} {other.kind}")
    if one.kind == "term":
        families = one.families | other.families
        if one.constant is not None and other.constant is not None:
            raise NotCompiled("two constants compared")
        if families not in ({"iri"} if one.spelt else set(), {"number"}, {"moment"}, {"string"}):
            raise NotCompiled(f"order of {', '.join(sorted(families))}")
    return f"({one.rank} {operator} {other.rank})"


def sort_key(value: Value) -> str:
    """What ORDER BY sorts by, so that it is SPARQL's order; mixed kinds of literals are refused."""
    if value.kind != "term":
        return value.sql
    literals = value.families - {"iri"}
    typed = [name for name in literals if name.startswith("type:http://www.w3.org/2001/XMLSchema#")]
    if len(literals) > 1 or typed:
        raise NotCompiled(f"order of {', '.join(sorted(literals))}")
    return value.rank
