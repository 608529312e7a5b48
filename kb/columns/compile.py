"""Compiles a SELECT, as rdflib's algebra has it, to SQL over a columnar copy; what it does not know it refuses.

Every part of a query becomes one SELECT; the engine finds the order of the joins. Where an answer could differ from
the store's in any way (mixed kinds of values compared, a sum over unbound values) NotCompiled is raised.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rdflib import Variable
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.algebra import translateGroupGraphPattern
from rdflib.plugins.sparql.parserutils import CompValue

from kb.columns.aggregate import aggregated
from kb.columns.expression import Expressions, Scope
from kb.columns.pattern import Names, Patterns, Seeds
from kb.columns.relation import NeedsSeed, NotCompiled, Relation, Value, merged, sort_key
from kb.columns.table import Tables
from kb.columns.wanted import nodes

_EXISTS = frozenset(["Builtin_EXISTS", "Builtin_NOTEXISTS"])


def compiled(query: str, tables: Tables) -> tuple[str, list[tuple[str, Value]]]:
    """The SQL of a query, and its columns in order, each with its kind; NotCompiled when it is not surely right."""
    part = prepareQuery(query).algebra
    if part.name != "SelectQuery" or part.datasetClause:
        raise NotCompiled(part.name)
    made = Compiler(tables)
    return made.answer(part.p)


class Compiler:
    """Compiles the parts of one query; parts used twice stand in front, as relations of their own."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._names = Names()
        self._patterns = Patterns(tables, self._names)
        self._expressions = Expressions(tables, self._exists)
        self._shared: list[str] = []
        self._translated: dict[int, Any] = {}

    def answer(self, part: Any) -> tuple[str, list[tuple[str, Value]]]:
        """The whole query, in its order; equal rows and ties come in the order of their columns."""
        relation, keys = self._modified(part)
        columns = [(name, relation.columns[name]) for name in map(str, _projected(part))]
        sql = f"{relation.sql} ORDER BY {', '.join([*keys, *(v.sql for _, v in columns)])}"
        if part.name == "Slice":
            sql += f" LIMIT {int(part.length)}" if part.length is not None else ""
            sql += f" OFFSET {int(part.start)}" if part.start else ""
        shared = f"WITH {', '.join(self._shared)} " if self._shared else ""
        return f"{shared}{sql}", columns

    def _modified(self, part: Any) -> tuple[Relation, list[str]]:
        """The rows of Slice, Distinct, Project and OrderBy, and the SQL that sorts them."""
        if part.name == "Slice":
            part = part.p
        distinct, part = part.name == "Distinct", part.p if part.name == "Distinct" else part
        if part.name != "Project":
            raise NotCompiled(part.name)
        inner = part.p
        orders = inner.expr if inner.name == "OrderBy" else []
        found = self.part(inner.p if inner.name == "OrderBy" else inner, {})
        shown = {}
        for name in map(str, part.PV):
            value = found.columns.get(name, Value("NULL::BIGINT", nullable=True))
            shown[name] = value if name in found.columns else replace(value, sql=self._names.column(name))
        keys, hidden = [], []
        for order in orders:
            if not isinstance(order.expr, Variable):
                raise NotCompiled("ORDER BY of an expression")
            if (key := found.columns.get(str(order.expr))) is None:
                continue
            down = order.order == "DESC"
            keys.append(f"{sort_key(key)} {'DESC NULLS LAST' if down else 'ASC NULLS FIRST'}")
            hidden += [] if str(order.expr) in shown else [key.sql]
        names = [v.sql if n in found.columns else f"NULL::BIGINT AS {v.sql}" for n, v in shown.items()]
        if not distinct:
            return Relation(f"SELECT {', '.join([*names, *dict.fromkeys(hidden)])} FROM ({found.sql})", shown), keys
        if not hidden:
            return Relation(f"SELECT DISTINCT {', '.join(names)} FROM ({found.sql})", shown), keys
        place = self._names.alias()
        numbered = f"row_number() OVER (ORDER BY {', '.join(keys)}) AS {place}"
        rows = f"SELECT {', '.join(names)}, {numbered} FROM ({found.sql})"
        columns = ", ".join(v.sql for v in shown.values())
        return Relation(f"SELECT {columns}, min({place}) AS {place} FROM ({rows}) GROUP BY {columns}", shown), [place]

    def part(self, part: Any, seeds: Seeds) -> Relation:
        """One part of the algebra."""
        method = getattr(self, "_" + part.name.lower(), None)
        if method is None:
            raise NotCompiled(part.name)
        found = method(part, seeds)
        assert isinstance(found, Relation)
        return found

    def _bgp(self, part: Any, seeds: Seeds) -> Relation:
        return self._patterns.group(list(part.triples), seeds)

    def _tomultiset(self, part: Any, seeds: Seeds) -> Relation:
        if part.p.name == "values":
            return self._values(part.p)
        if part.p.name == "Slice":
            raise NotCompiled("LIMIT within a query")
        relation, _ = self._modified(part.p)
        columns = ", ".join(v.sql for v in relation.columns.values())
        return Relation(f"SELECT {columns} FROM ({relation.sql})", relation.columns)

    def _values(self, part: Any) -> Relation:
        names = list(dict.fromkeys(str(name) for row in part.res for name in row))
        if not names:
            raise NotCompiled("VALUES of nothing")
        columns: dict[str, Value] = {}
        rows = []
        for row in part.res:
            cells = []
            for name in names:
                term = row.get(Variable(name), "UNDEF")
                value = Value("NULL", nullable=True) if str(term) == "UNDEF" else self._tables.constant(term)
                columns[name] = merged(columns[name], value) if name in columns else value
                cells.append(f"{value.sql}::BIGINT")
            rows.append(f"({', '.join(cells)})")
        columns = {n: replace(v, sql=self._names.column(n)) for n, v in columns.items()}
        listed = ", ".join(v.sql for v in columns.values())
        return Relation(f"SELECT * FROM (VALUES {', '.join(rows)}) {self._names.alias()}({listed})", columns)

    def _join(self, part: Any, seeds: Seeds) -> Relation:
        left = self.part(part.p1, seeds)
        left, right = self._seeded(left, part.p2, seeds)
        return self._joined(left, right, "JOIN", None)

    def _seeded(self, left: Relation, part: Any, seeds: Seeds) -> tuple[Relation, Relation]:
        """What `left` is joined with: its constants go into the patterns there, and its terms where a path needs it."""
        constants = {n: v for n, v in left.columns.items() if v.constant is not None and not v.nullable}
        known = {**seeds, **{n: Value(str(v.constant), "term", v.families, False, v.constant, v.literal)
                             for n, v in constants.items()}}  # fmt: skip
        try:
            return left, self.part(part, known)
        except NeedsSeed:
            name = self._names.alias()
            self._shared.append(f"{name} AS MATERIALIZED ({left.sql})")
            left = Relation(f"SELECT * FROM {name}", left.columns)
            for variable, value in left.columns.items():
                if value.kind == "term" and not value.nullable and variable not in known:
                    sql = f"SELECT DISTINCT {value.sql} FROM {name}"
                    known[variable] = Relation(sql, {variable: value})
            return left, self.part(part, known)

    def _leftjoin(self, part: Any, seeds: Seeds) -> Relation:
        left = self.part(part.p1, seeds)
        left, right = self._seeded(left, part.p2, {})
        expression = None if part.expr is None or part.expr.name == "TrueFilter" else part.expr
        if expression is None or not any(node.name in _EXISTS for node in nodes(expression)):
            return self._joined(left, right, "LEFT JOIN", expression)
        # a condition with a pattern in it cannot stand in ON: rows are numbered and those that hold joined back
        place, name = self._names.alias(), self._names.alias()
        self._shared.append(f"{name} AS MATERIALIZED (SELECT *, row_number() OVER () AS {place} FROM ({left.sql}))")
        numbered = Relation(f"SELECT * FROM {name}", {**left.columns, place: Value(place, "int")})
        held = self._filtered(self._joined(numbered, right, "JOIN", None), expression)
        alias, other = self._names.alias(), self._names.alias()
        shown, columns = [], {}
        for variable, value in {**held.columns, **left.columns}.items():
            if variable == place:
                continue
            result = held.columns[variable]
            inner = variable in left.columns and not left.columns[variable].nullable
            source = alias if inner else other
            sql = f"{source}.{value.sql}"
            if variable in left.columns and not inner:
                sql = f"COALESCE({alias}.{value.sql}, {other}.{value.sql})"
            shown.append(f"{sql} AS {value.sql}")
            columns[variable] = replace(result, nullable=result.nullable or not inner,
                                        constant=result.constant if inner else None)  # fmt: skip
        return Relation(
            f"SELECT {', '.join(shown)} FROM {name} {alias} LEFT JOIN ({held.sql}) {other} "
            f"ON {alias}.{place} = {other}.{place}", columns
        )  # fmt: skip

    def _joined(self, left: Relation, right: Relation, how: str, expression: Any) -> Relation:
        """Two relations joined where the variables that both have bound agree."""
        one, other = self._names.alias(), self._names.alias()
        ours, theirs = left.under(one), right.under(other)
        conditions, columns, shown, scope = [], {}, [], {}
        for name in {**ours, **theirs}:
            column = (left.columns.get(name) or right.columns[name]).sql
            if name in ours and name in theirs:
                value, condition = _agreeing(ours[name], theirs[name], how)
                conditions.append(condition)
            elif name in ours:
                value = ours[name]
            else:
                value = replace(theirs[name], nullable=theirs[name].nullable or how == "LEFT JOIN")
                value = replace(value, constant=None, literal=None) if how == "LEFT JOIN" else value
            scope[name] = value if name in ours or how == "JOIN" else theirs[name]
            shown.append(f"{value.sql} AS {column}")
            columns[name] = replace(value, sql=column)
        if expression is not None:
            conditions.append(self._expressions.truth(expression, scope))
        on = " AND ".join(conditions) or "true"
        sql = f"SELECT {', '.join(shown) or '1 AS one'} FROM ({left.sql}) {one} {how} ({right.sql}) {other} ON {on}"
        return Relation(sql, columns)

    def _filter(self, part: Any, seeds: Seeds) -> Relation:
        return self._filtered(self.part(part.p, seeds), part.expr)

    def _filtered(self, found: Relation, expression: Any) -> Relation:
        alias = self._names.alias()
        condition = self._expressions.truth(expression, found.under(alias))
        return Relation(f"SELECT * FROM ({found.sql}) {alias} WHERE {condition}", found.columns)

    def _extend(self, part: Any, seeds: Seeds) -> Relation:
        found, alias = self.part(part.p, {}), self._names.alias()
        name = str(part.var)
        if name in found.columns:
            raise NotCompiled(f"?{name} bound twice")
        value = self._expressions.value(part.expr, found.under(alias))
        if value.spelt:
            raise NotCompiled("the text of an IRI as a value")
        column = self._names.column(name)
        return Relation(
            f"SELECT *, {value.sql} AS {column} FROM ({found.sql}) {alias}",
            {**found.columns, name: replace(value, sql=column)},
        )

    def _union(self, part: Any, seeds: Seeds) -> Relation:
        both = [self.part(part.p1, seeds), self.part(part.p2, seeds)]
        names = list(dict.fromkeys(name for found in both for name in found.columns))
        columns = {}
        for name in names:
            values = [found.columns[name] for found in both if name in found.columns]
            value = merged(*values) if len(values) == 2 else replace(values[0], nullable=True, constant=None)
            if value.kind != "term" and len(values) == 1:
                raise NotCompiled(f"{value.kind} on one side of UNION")
            columns[name] = replace(value, sql=self._names.column(name))
        parts = []
        for found in both:
            shown = [
                f"{found.columns[n].sql if n in found.columns else 'NULL::BIGINT'} AS {columns[n].sql}" for n in names
            ]
            parts.append(f"SELECT {', '.join(shown) or '1 AS one'} FROM ({found.sql})")
        return Relation(" UNION ALL ".join(parts), columns)

    def _aggregatejoin(self, part: Any, seeds: Seeds) -> Relation:
        found, alias = self.part(part.p.p, {}), self._names.alias()
        return aggregated(part, found, alias, self._expressions, self._names)

    def _exists(self, graph: Any, scope: Scope) -> str:
        """Whether a pattern has a row that agrees with the row in scope; its filters see that row, too."""
        graph = self._flattened(graph)
        outer, self._expressions = self._expressions, _Within(self._tables, self._exists, scope)
        try:
            self._refuse_hiding(graph)
            constants = {n: v for n, v in scope.items() if v.constant is not None and not v.nullable}
            found = self.part(graph, {n: replace(v, sql=str(v.constant)) for n, v in constants.items()})
        finally:
            self._expressions = outer
        alias = self._names.alias()
        conditions = [
            _agreeing(scope[name], value, "JOIN")[1] for name, value in found.under(alias).items() if name in scope
        ]
        return f"EXISTS (SELECT 1 FROM ({found.sql}) {alias} WHERE {' AND '.join(conditions) or 'true'})"

    def _flattened(self, graph: Any) -> Any:
        """A pattern of EXISTS in which a further EXISTS is joined: whether there is a row is all that is asked.

        Two levels of patterns that each look at the row outside made the engine pair everything with everything. The
        library takes the filters out of what it translates, so each pattern is translated once.
        """
        if graph.name == "GroupGraphPatternSub":
            if id(graph) not in self._translated:
                self._translated[id(graph)] = translateGroupGraphPattern(graph)
            graph = self._translated[id(graph)]
        if graph.name != "Filter" or graph.expr.name != "Builtin_EXISTS":
            return graph
        inner = self._flattened(graph.expr.graph)
        condition = inner.expr if inner.name == "Filter" else None
        joined = CompValue("Join", p1=graph.p, p2=inner.p if condition is not None else inner)
        return joined if condition is None else CompValue("Filter", p=joined, expr=condition)

    def _refuse_hiding(self, graph: Any) -> None:
        """Parts in which the row outside could be seen or not, by the reading of the standard."""
        hiding = {node.name for node in nodes(graph)} & {"Extend", "AggregateJoin", "Project", "Minus", "LeftJoin"}
        if hiding:
            raise NotCompiled(f"{min(hiding)} within EXISTS")


class _Within(Expressions):
    """Expressions in a pattern of EXISTS: what the pattern does not bind itself is read from the row outside."""

    def __init__(self, tables: Tables, exists: Any, outside: Scope) -> None:
        super().__init__(tables, exists)
        self._outside = outside

    def value(self, part: Any, scope: Scope) -> Value:
        """See Expressions.value."""
        return super().value(part, {**self._outside, **scope})


def _agreeing(one: Value, other: Value, how: str) -> tuple[Value, str]:
    """The column that two columns of one variable become, and the condition under which their rows are joined."""
    if one.kind != other.kind:
        raise NotCompiled(f"{one.kind} joined with {other.kind}")
    condition = f"{one.sql} = {other.sql}"
    unbound = [f"{v.sql} IS NULL" for v in (one, other) if v.nullable]
    if unbound:
        condition = f"({' OR '.join([condition, *unbound])})"
    if not one.nullable:
        families = one.families & other.families if how == "JOIN" and not other.nullable else one.families
        known = one if one.constant is not None or other.nullable or how != "JOIN" else other
        return replace(one, families=families, constant=known.constant, literal=known.literal), condition
    value = Value(f"COALESCE({one.sql}, {other.sql})", one.kind, one.families | other.families)
    return replace(value, nullable=other.nullable or how != "JOIN"), condition


def _projected(part: Any) -> Any:
    while part.name != "Project":
        part = part.p
    return part.PV
