"""Compiles the expressions of a query: filters, computed values, and what is compared with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rdflib import XSD, Literal, URIRef, Variable
from rdflib.plugins.sparql.parserutils import CompValue

from kb.columns.relation import NotCompiled, Value, compared, equal
from kb.columns.table import Tables

Scope = Mapping[str, Value]
Exists = Callable[[Any, Scope], str]
_ORDER = frozenset(["<", ">", "<=", ">="])


class Expressions:
    """Turns expressions into SQL over the columns in a scope; `exists` compiles a pattern inside one."""

    def __init__(self, tables: Tables, exists: Exists) -> None:
        self._tables = tables
        self._exists = exists

    def value(self, part: Any, scope: Scope) -> Value:
        """An expression as SQL; NotCompiled names what is not known here."""
        if isinstance(part, Variable):
            return scope.get(str(part), Value("NULL::BIGINT", nullable=True))
        if isinstance(part, Literal) and part.datatype == XSD.boolean:
            return Value("true" if part.value else "false", "bool")
        if isinstance(part, URIRef | Literal):
            return self._tables.constant(part)
        if not isinstance(part, CompValue):
            raise NotCompiled(f"the expression {part!r}"[:100])
        method = getattr(self, "_" + part.name.lower(), None)
        if method is None:
            raise NotCompiled(f"the expression {part.name}")
        found = method(part, scope)
        assert isinstance(found, Value)
        return found

    def truth(self, part: Any, scope: Scope) -> str:
        """A condition as SQL; only what is true or false of itself."""
        found = self.value(part, scope)
        if found.kind != "bool":
            raise NotCompiled("a value taken for a condition")
        return found.sql

    def number(self, part: Any, scope: Scope) -> Value:
        """A whole number that the query computes, or a constant one."""
        found = self.value(part, scope)
        return _computed(found, "int")

    def text(self, part: Any, scope: Scope) -> Value:
        """A text that the query computes, or the text of a plain literal."""
        found = _computed(self.value(part, scope), "text")
        if found.kind == "term" and found.families != {"string"}:
            raise NotCompiled("a text that may have a language or another type")
        return self._written(found) if found.kind == "term" else found

    def _relationalexpression(self, part: Any, scope: Scope) -> Value:
        if part.op in ("IN", "NOT IN"):
            one = self.value(part.expr, scope)
            others = part.other if isinstance(part.other, list) else [part.other]
            found = " OR ".join(equal(one, self.value(other, scope)) for other in others) or "false"
            return Value(f"({found})" if part.op == "IN" else f"(NOT ({found}))", "bool", nullable=True)
        for first, second in ((part.expr, part.other), (part.other, part.expr)):
            if getattr(first, "name", "") == "Builtin_LANG" and part.op in ("=", "!="):
                sql = self._in_language(self.value(first.arg, scope), self.value(second, scope))
                return Value(sql if part.op == "=" else f"(NOT {sql})", "bool", nullable=True)
        one, other = self.value(part.expr, scope), self.value(part.other, scope)
        if one.kind != other.kind:
            kind = one.kind if one.kind != "term" else other.kind
            one, other = _computed(one, kind), _computed(other, kind)
        if part.op in _ORDER:
            return Value(compared(one, part.op, other), "bool", nullable=True)
        if part.op not in ("=", "!="):
            raise NotCompiled(f"the operator {part.op}")
        sql = equal(one, other)
        return Value(sql if part.op == "=" else f"(NOT {sql})", "bool", nullable=True)

    def _in_language(self, one: Value, tag: Value) -> str:
        if one.kind != "term" or not isinstance(tag.literal, str) or any(n == "iri" for n in one.families):
            raise NotCompiled("LANG of what is not known to be a literal")
        family = self._tables.families.get(f"lang:{tag.literal}")
        if not tag.literal:
            raise NotCompiled("LANG of nothing")
        if family is None:
            return f"(CASE WHEN {one.sql} IS NULL THEN NULL ELSE false END)"
        return f"({one.sql} BETWEEN {family.low} AND {family.high})"

    def _conditionalandexpression(self, part: Any, scope: Scope) -> Value:
        return Value("(" + " AND ".join(self.truth(p, scope) for p in [part.expr, *part.other]) + ")", "bool")

    def _conditionalorexpression(self, part: Any, scope: Scope) -> Value:
        return Value("(" + " OR ".join(self.truth(p, scope) for p in [part.expr, *part.other]) + ")", "bool")

    def _unarynot(self, part: Any, scope: Scope) -> Value:
        return Value(f"(NOT {self.truth(part.expr, scope)})", "bool", nullable=True)

    def _additiveexpression(self, part: Any, scope: Scope) -> Value:
        sql = self.number(part.expr, scope).sql
        for operator, other in zip(part.op, part.other, strict=True):
            sql += f" {operator} {self.number(other, scope).sql}"
        return Value(f"({sql})", "int", nullable=True)

    def _builtin_bound(self, part: Any, scope: Scope) -> Value:
        return Value(f"({self.value(part.arg, scope).sql} IS NOT NULL)", "bool")

    def _builtin_coalesce(self, part: Any, scope: Scope) -> Value:
        values = [self.value(p, scope) for p in part.arg]
        kind = next((v.kind for v in values if v.kind != "term"), "term")
        values = [_computed(v, kind) for v in values]
        families = frozenset().union(*(v.families for v in values))
        sql = ", ".join(v.sql for v in values)
        return Value(f"COALESCE({sql})", _one_kind(values), families, all(v.nullable for v in values))

    def _builtin_if(self, part: Any, scope: Scope) -> Value:
        # an error of the condition is one of the whole, where SQL's ELSE would be taken
        asked = self.truth(part.arg1, scope)
        values = [self.value(part.arg2, scope), self.value(part.arg3, scope)]
        kinds = {v.kind for v in values} | ({"int"} if all(isinstance(v.literal, int) for v in values) else set())
        kind = next((k for k in sorted(kinds) if k != "term"), "term")
        one, other = (_computed(v, kind) for v in values)
        sql = f"(CASE WHEN {asked} THEN {one.sql} WHEN NOT {asked} THEN {other.sql} END)"
        return Value(sql, _one_kind([one, other]), one.families | other.families, nullable=True)

    def _builtin_str(self, part: Any, scope: Scope) -> Value:
        found = self.value(part.arg, scope)
        if found.kind == "text":
            return found
        if found.kind == "term" and found.families == {"iri"}:
            return Value(found.sql, families=found.families, nullable=found.nullable, spelt=True)
        return self._written(found)

    def _builtin_substr(self, part: Any, scope: Scope) -> Value:
        start, length = part.start, part.length
        if not isinstance(start, Literal) or not isinstance(length, Literal) or int(start) < 1 or int(length) < 0:
            raise NotCompiled("SUBSTR without plain numbers")
        words = self.text(part.arg, scope)
        return Value(f"substring({words.sql}, {int(start)}, {int(length)})", "text", nullable=True)

    def _builtin_contains(self, part: Any, scope: Scope) -> Value:
        wanted = self.value(part.arg2, scope).literal
        if not isinstance(wanted, str):
            raise NotCompiled("CONTAINS of what is no plain text")
        quoted = wanted.replace("'", "''")
        return Value(f"contains({self.text(part.arg1, scope).sql}, '{quoted}')", "bool", nullable=True)

    def _builtin_exists(self, part: Any, scope: Scope) -> Value:
        return Value(self._exists(part.graph, scope), "bool")

    def _builtin_notexists(self, part: Any, scope: Scope) -> Value:
        return Value(f"(NOT {self._exists(part.graph, scope)})", "bool")

    def _truefilter(self, part: Any, scope: Scope) -> Value:
        return Value("true", "bool")

    def _written(self, found: Value) -> Value:
        """The text of a literal, looked up within the ranges that it can be in."""
        known = [self._tables.families[name] for name in found.families if name in self._tables.families]
        if found.kind != "term" or found.spelt or "iri" in found.families or any(f.odd for f in known):
            raise NotCompiled("the text of this value")
        if isinstance(found.literal, str):
            quoted = found.literal.replace("'", "''")
            return Value(f"'{quoted}'", "text")
        if found.constant is not None:
            raise NotCompiled("the text of a constant")
        low, high = min((f.low for f in known), default=0), max((f.high for f in known), default=0)
        sql = f"(SELECT w.value FROM terms w WHERE w.id BETWEEN {low} AND {high} AND w.id = {found.sql})"
        return Value(sql, "text", nullable=True)


def _computed(found: Value, kind: str) -> Value:
    """A constant term as the value that it stands for, where the other side is computed."""
    if found.kind == kind or (kind == "text" and found.kind == "term" and found.literal is None):
        return found
    if kind == "int" and isinstance(found.literal, int):
        return Value(str(found.literal), "int")
    if kind == "text" and isinstance(found.literal, str):
        quoted = found.literal.replace("'", "''")
        return Value(f"'{quoted}'", "text")
    raise NotCompiled(f"{found.kind} where {kind} is needed")


def _one_kind(values: list[Value]) -> str:
    if len({v.kind for v in values}) != 1:
        raise NotCompiled("values of several kinds")
    return values[0].kind
