"""Compiles triple patterns and paths to joins of the tables of pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from rdflib import Literal, URIRef, Variable
from rdflib.paths import AlternativePath, MulPath

from kb.columns.relation import NeedsSeed, NotCompiled, Relation, Value
from kb.columns.table import Tables
from kb.columns.wanted import chain

Seeds = Mapping[str, Value | Relation]
"""For a variable the constant that it will be joined with, or the terms that it will be joined with."""


@dataclass(slots=True)
class Names:
    """Names for columns and relations; SQL does not tell upper from lower case, so variables are numbered."""

    _columns: dict[str, str] = field(default_factory=dict)
    _next: Any = field(default_factory=count)

    def column(self, variable: str) -> str:
        """The column of a variable."""
        return self._columns.setdefault(variable, f"v{len(self._columns)}")

    def alias(self) -> str:
        """A new name for a relation."""
        return f"t{next(self._next)}"


@dataclass(slots=True)
class _Joined:
    """The patterns of a group as they are joined: what stands after FROM, the conditions, the variables so far."""

    sources: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    known: dict[str, Value] = field(default_factory=dict)


class Patterns:
    """Turns a group of triple patterns into one SELECT."""

    def __init__(self, tables: Tables, names: Names) -> None:
        self._tables = tables
        self._names = names

    def group(self, triples: list[Any], seeds: Seeds) -> Relation:
        """The relation of a basic graph pattern; seeds say what its variables will be joined with anyway."""
        made, open_paths = _Joined(), []
        for triple in triples:
            if isinstance(triple[1], MulPath) and triple[1].mod != "+":
                open_paths.append(triple)
            else:
                self._step(made, *triple)
        while open_paths:
            ready = next((t for t in open_paths if any(self._end(made, end) for end in (t[0], t[2]))), None)
            if ready is None:
                ready = self._seed(made, open_paths, seeds)
            open_paths.remove(ready)
            self._open_path(made, *ready)
        for name, seed in seeds.items():
            if isinstance(seed, Value) and name in made.known:
                made.conditions.append(f"{made.known[name].sql} = {seed.sql}")
                made.known[name] = replace(made.known[name], constant=seed.constant, literal=seed.literal)
        return self._selected(made)

    def _selected(self, made: _Joined) -> Relation:
        columns = {name: replace(v, sql=self._names.column(name)) for name, v in made.known.items()}
        shown = ", ".join(f"{v.sql} AS {columns[n].sql}" for n, v in made.known.items()) or "1 AS one"
        sql = f"SELECT {shown}"
        if made.sources:
            sql += f" FROM {' '.join(made.sources)}"
        if made.conditions:
            sql += f" WHERE {' AND '.join(made.conditions)}"
        return Relation(sql, columns)

    def _end(self, made: _Joined, end: Any) -> Value | None:
        """What is known of an end of a pattern: a constant, or a variable that another pattern has bound."""
        if isinstance(end, Variable):
            return made.known.get(str(end))
        if isinstance(end, URIRef | Literal):
            return self._tables.constant(end)
        raise NotCompiled(f"{end!r} in a pattern"[:100])

    def _meet(self, made: _Joined, end: Any, sql: str, families: frozenset[str]) -> None:
        """Let a column be an end of a pattern."""
        known = self._end(made, end)
        if known is None:
            made.known[str(end)] = Value(sql, families=families)
            return
        made.conditions.append(f"{sql} = {known.sql}")
        if isinstance(end, Variable):  # both hold: it can only be of a family that both can have
            made.known[str(end)] = replace(known, families=known.families & families)

    def _step(self, made: _Joined, subject: Any, step: Any, thing: Any) -> None:
        table, families = self._pairs(step)
        alias = self._names.alias()
        made.sources.append(f"{', ' if made.sources else ''}{table} {alias}")
        self._meet(made, subject, f"{alias}.s", frozenset(["iri"]))
        self._meet(made, thing, f"{alias}.o", families)

    def _pairs(self, step: Any) -> tuple[str, frozenset[str]]:
        """A table of pairs for a property, a choice of properties, or one or more steps."""
        if isinstance(step, URIRef):
            return self._tables.pairs(str(step))
        if isinstance(step, AlternativePath):
            parts = [self._tables.pairs(iri) for iri in chain(step) or _unknown(step)]
            tables = " UNION ALL ".join(f"SELECT s, o FROM {table}" for table, _ in parts)
            return f"({tables})", frozenset().union(*(families for _, families in parts))
        if isinstance(step, MulPath):
            links = chain(step.path) or _unknown(step)
            families = frozenset().union(*(self._tables.pairs(iri)[1] for iri in links))
            if step.mod == "?":
                return self._pairs(step.path)[0], families
            if (key := " ".join(links)) in self._tables.chains:
                return self._tables.chains[key], families
        raise NotCompiled(f"the path {step}"[:100])

    def _open_path(self, made: _Joined, subject: Any, step: Any, thing: Any) -> None:
        """A path that may have no step at all: a term without further steps reaches itself and nothing else."""
        table, families = self._pairs(step)
        start, end = self._end(made, subject), self._end(made, thing)
        alias = self._names.alias()
        if start and end:
            met = f"EXISTS (SELECT 1 FROM {table} {alias} WHERE {alias}.s = {start.sql} AND {alias}.o = {end.sql})"
            made.conditions.append(f"({start.sql} = {end.sql} OR {met})")
            return
        here, there, known, new = ("s", "o", start, thing) if start else ("o", "s", end, subject)
        assert known is not None
        reached = f"(SELECT s, o FROM {table} UNION SELECT {here}, {here} FROM {table})"
        if not made.sources:
            made.sources.append("(SELECT 1) one")
        made.sources.append(f" LEFT JOIN {reached} {alias} ON {alias}.{here} = {known.sql}")
        sql = f"COALESCE({alias}.{there}, {known.sql})"
        made.known[str(new)] = Value(sql, families=known.families | families | {"iri"} if start else frozenset(["iri"]))

    def _seed(self, made: _Joined, paths: list[Any], seeds: Seeds) -> Any:
        """Bind an end of one of the paths to what it will be joined with."""
        for triple in paths:
            for end in (triple[0], triple[2]):
                seed = seeds.get(str(end))
                if isinstance(seed, Value):
                    made.known[str(end)] = seed
                    return triple
                if isinstance(seed, Relation):
                    alias = self._names.alias()
                    made.sources.append(f"{', ' if made.sources else ''}({seed.sql}) {alias}")
                    made.known[str(end)] = seed.under(alias)[str(end)]
                    return triple
        raise NeedsSeed("a path of any length between two unknown terms")


def _unknown(step: Any) -> tuple[str, ...]:
    raise NotCompiled(f"the path {step}"[:100])
