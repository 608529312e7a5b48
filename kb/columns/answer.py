"""Answers a query from a columnar copy, as the store would: the same columns, rows, order and bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyoxigraph import Literal, QueryResultsFormat, QuerySolutions, parse_query_results

from kb.columns.compile import compiled
from kb.columns.relation import NotCompiled, Value
from kb.columns.table import Tables
from kb.process import cores
from kb.store.base import TABLE_FORMATS, Answer, Limits, media_type, too_large

_FORMATS = {
    "json": QueryResultsFormat.JSON, "xml": QueryResultsFormat.XML,
    "csv": QueryResultsFormat.CSV, "tsv": QueryResultsFormat.TSV,
}  # fmt: skip


class Columns:
    """A columnar copy opened for reading: it can reach no other file, no network, and no more than its memory."""

    def __init__(self, path: Path, memory: int) -> None:
        import duckdb

        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": cores(), "memory_limit": f"{memory // 2**20}MiB", "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        }  # fmt: skip
        try:
            self._base = duckdb.connect(str(path), read_only=True, config=config)
            # in this order: what is locked cannot be set, and without a place on the disk nothing is left there
            for setting in ("temp_directory = ''", "enable_external_access = false", "lock_configuration = true"):
                self._base.execute(f"SET {setting}")
            self._tables = Tables(self._base).read()
        except (duckdb.Error, LookupError, ValueError, TypeError) as error:
            raise NotCompiled(f"{path} cannot be read: {error}") from None

    def ask(self, query: str, name: str, limits: Limits) -> Answer:
        """The answer of a SELECT as format `name`; NotCompiled where the store has to answer, AnswerTooLarge."""
        import duckdb

        if name not in TABLE_FORMATS:
            raise NotCompiled(f"the format {name}")
        self._tables.brought.clear()
        sql, columns = compiled(query, self._tables)
        shown = ", ".join(value.sql for _, value in columns)
        try:
            rows = self._base.execute(f"SELECT {shown} FROM ({sql}) LIMIT {limits.rows + 1}").fetchall()
            if len(rows) > limits.rows:
                raise too_large("rows", limits.rows)
            texts = self._texts(rows, columns)
        except duckdb.OutOfMemoryException:
            raise MemoryError from None
        except duckdb.Error as error:
            raise NotCompiled(" ".join(str(error).split())[:300]) from None
        body = _written(rows, columns, texts, name)
        if len(body) > limits.bytes:
            raise too_large("bytes", limits.bytes)
        return Answer(media_type("SELECT", name), body, len(rows))

    def _texts(self, rows: list[tuple[Any, ...]], columns: list[tuple[str, Value]]) -> dict[int, str]:
        """The N-Triples of the terms that the rows name by number."""
        places = [place for place, (_, value) in enumerate(columns) if value.kind == "term"]
        numbers = sorted({row[place] for row in rows for place in places} - {None})
        found = self._base.execute("SELECT id, text FROM terms WHERE id IN (SELECT unnest(?))", [numbers]).fetchall()
        return {**dict(found), **self._tables.brought}


def _written(rows: list[tuple[Any, ...]], columns: list[tuple[str, Value]], texts: dict[int, str], name: str) -> bytes:
    """Rows as the store writes them: spelt as N-Triples between tabs, which its own parser reads."""
    spell = [texts.__getitem__ if value.kind == "term" else _spelt for _, value in columns]
    lines = ["\t".join(f"?{name}" for name, _ in columns)]
    lines += ["\t".join("" if v is None else s(v) for s, v in zip(spell, row, strict=True)) for row in rows]
    table = "".join(f"{line}\n" for line in lines).encode()
    solutions = parse_query_results(table, format=QueryResultsFormat.TSV)
    assert isinstance(solutions, QuerySolutions)
    body = solutions.serialize(format=_FORMATS[name])
    assert body is not None
    return body


def _spelt(value: str | int | bool) -> str:
    return str(Literal(value))
