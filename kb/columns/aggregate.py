"""Compiles GROUP BY and its aggregates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rdflib import Variable

from kb.columns.expression import Expressions, Scope
from kb.columns.pattern import Names
from kb.columns.relation import NotCompiled, Relation, Value


def aggregated(part: Any, found: Relation, alias: str, expressions: Expressions, names: Names) -> Relation:
    """The groups of a relation with what is counted in each; without GROUP BY there is one, also of no rows."""
    scope = found.under(alias)
    keys = []
    for key in part.p.expr or []:
        if not isinstance(key, Variable):
            raise NotCompiled("GROUP BY of an expression")
        if str(key) in scope:
            keys.append(str(key))
    shown, columns = [scope[key].sql for key in keys], {}
    for aggregate in part.A:
        name = str(aggregate.res)
        if aggregate.name == "Aggregate_Sample" and isinstance(aggregate.vars, Variable):
            if str(aggregate.vars) not in keys:
                if str(aggregate.vars) in scope or not part.p.expr:
                    raise NotCompiled("a value of a group that is not one of its keys")
                value = Value("NULL::BIGINT", nullable=True)
            else:
                value = scope[str(aggregate.vars)]
        else:
            value = _counted(aggregate, expressions.value, scope)
        shown.append(f"{value.sql} AS {names.column(name)}")
        columns[name] = replace(value, sql=names.column(name))
    sql = f"SELECT {', '.join(shown)} FROM ({found.sql}) {alias}"
    if part.p.expr:
        sql += f" GROUP BY {', '.join(scope[key].sql for key in keys)}" if keys else " HAVING count(*) > 0"
    return Relation(sql, columns)


def _counted(aggregate: Any, value_of: Callable[[Any, Scope], Value], scope: Scope) -> Value:
    kind, distinct = aggregate.name, "DISTINCT " if aggregate.distinct else ""
    if kind == "Aggregate_Count" and str(aggregate.vars) == "*":
        if distinct:
            raise NotCompiled("COUNT(DISTINCT *)")
        return Value("count(*)", "int")
    value = value_of(aggregate.vars, scope)
    if value.spelt:
        raise NotCompiled("the texts of IRIs counted")
    if kind == "Aggregate_Count":
        return Value(f"count({distinct}{value.sql})", "int")
    # one unbound value or error in the group makes an error of the whole
    whole = f"count(*) = count({value.sql})"
    if kind == "Aggregate_Sum" and value.kind == "int" and not distinct:
        return Value(f"(CASE WHEN {whole} THEN COALESCE(sum({value.sql}), 0)::BIGINT END)", "int", nullable=True)
    if kind in ("Aggregate_Min", "Aggregate_Max"):
        if value.kind == "text" or (value.kind == "term" and value.families not in ({"moment"}, {"number"})):
            raise NotCompiled("the least of values of several kinds")
        sql = f"(CASE WHEN {whole} THEN {kind[-3:].lower()}({value.sql}) END)"
        return replace(value, sql=sql, nullable=True, constant=None, literal=None)
    raise NotCompiled(f"{kind} of {value.kind}")
