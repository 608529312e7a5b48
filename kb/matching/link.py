"""Scores pairs of incidents with splink on DuckDB, and keeps for each incident the best record of every dataset."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.errors import MizanError
from kb.matching import model
from kb.matching.event import Event
from kb.matching.model import COMPARISONS, Level
from kb.matching.name import bones, near
from kb.matching.spool import Spool
from kb.process import cores

if TYPE_CHECKING:
    import duckdb

_COLUMNS = {
    "iri": "VARCHAR", "day": "INTEGER", "until": "INTEGER", "lat": "DOUBLE", "lon": "DOUBLE", "names": "VARCHAR[]",
    "rare": "VARCHAR[]", "bones": "VARCHAR[]", "near": "VARCHAR[]", "low": "INTEGER", "high": "INTEGER",
    "objects": "VARCHAR[]", "days": "INTEGER[]", "cells": "VARCHAR[]",
}  # fmt: skip
_MOST = 0.9999  # a program is never certain
_FLOOR = 0.01  # pairs less likely than this are never of use
_MEMORY = "2GB"  # for the engine, which puts the rest on the disk
_MEETINGS = 20_000_000  # days with places, or names, that pairs share, in one part of the work: some million pairs
_GAMMAS = tuple(", ".join(f"gamma_{c.name}{kind}" for c in COMPARISONS) for kind in (" INTEGER", ""))
_BEST = "QUALIFY score = max(score) OVER (PARTITION BY iri_l) AND score = max(score) OVER (PARTITION BY iri_r)"
# each record of the first dataset that meets any of the other, with the part of the work in which it is compared
_PLAN = f"""
CREATE TABLE plan AS
WITH met AS (
  SELECT a.iri, b.n FROM (SELECT iri, d, unnest(cells) c FROM (SELECT iri, cells, unnest(days) d FROM ones)) a
  JOIN (SELECT d, c, count(*) n FROM (SELECT d, unnest(cells) c FROM (SELECT cells, unnest(days) d FROM others))
        GROUP BY ALL) b USING (d, c)
  UNION ALL
  SELECT a.iri, b.n FROM (SELECT iri, d, unnest(rare) c FROM (SELECT iri, rare, unnest(days) d FROM ones)) a
  JOIN (SELECT d, c, count(*) n FROM (SELECT d, unnest(rare) c FROM (SELECT rare, unnest(days) d FROM others))
        GROUP BY ALL) b USING (d, c)
), work AS (SELECT iri, sum(n) AS n FROM met GROUP BY iri)
SELECT iri, CAST(floor((sum(n) OVER (ORDER BY day, iri) - n) / {_MEETINGS}) AS INTEGER) AS batch
FROM work JOIN ones USING (iri)
"""
Progress = Callable[[float], None]
"""Called with the share of the pairs that are scored."""


class MatchingMissing(MizanError):
    """The libraries for matching are not installed."""

    title = "Matching is not installed"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two incidents of different datasets, in the order of their IRIs, with the score and the level of each comparison.

    `levels` has no entry for what could not be compared.
    """

    one: Event
    other: Event
    score: float
    levels: dict[str, Level]


def candidates(
    events: Iterable[Event], threshold: float = model.THRESHOLD, progress: Progress = lambda share: None
) -> list[Pair]:  # fmt: skip
    """The pairs worth a person's look: likely enough, and each the best that the other's dataset has; sorted by IRI.

    A dataset tells an event once, so of several records of one day and place only the best is named: what a dataset
    keeps apart is never joined by way of another's record. Events are read once, and kept on the disk.
    """
    return _found(events, threshold, _BEST, progress)


def scored(events: Iterable[Event], least: float = _FLOOR) -> list[Pair]:
    """The pairs that share a day and a place or a name and score `least` or more, sorted by IRI.

    MatchingMissing without the libraries.
    """
    return _found(events, least, "", lambda share: None)


def _found(events: Iterable[Event], least: float, which: str, progress: Progress) -> list[Pair]:
    _needed()
    with tempfile.TemporaryDirectory(prefix="mizan-match-") as name:
        spool = Spool(Path(name), events)
        couples = list(combinations(spool.datasets, 2))
        pairs: list[Pair] = []
        for done, couple in enumerate(couples):
            pairs += _between(spool, couple, Path(name), (least, which),
                              lambda share, done=done: progress((done + share) / len(couples)))  # type: ignore[misc]
    return sorted(pairs, key=lambda p: (p.one.iri, p.other.iri))


def _needed() -> None:
    try:
        import duckdb  # noqa: F401
        import splink  # noqa: F401
    except ImportError as error:
        raise MatchingMissing(
            "Matching needs splink and DuckDB", str(error), "Install them with: pip install 'mizan-kb[match]'"
        ) from None


def _between(
    spool: Spool, couple: tuple[str, str], folder: Path, asked: tuple[float, str], progress: Progress
) -> Iterator[Pair]:  # fmt: skip
    """The scored pairs of two datasets; neither is compared by what it took from the other."""
    import duckdb

    one, other = couple
    least, which = asked
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": cores(), "memory_limit": _MEMORY, "temp_directory": str(folder / "spilt"),
        "preserve_insertion_order": False,
    }  # fmt: skip
    place = folder / "pairs.duckdb"
    with duckdb.connect(str(place), config=config) as base:
        common = {n for n, records in (spool.borne[one] + spool.borne[other]).items() if records > model.COMMON}
        for table, dataset, keeper in (("ones", one, spool.keepers[other]), ("others", other, spool.keepers[one])):
            _fill(base, folder / f"{table}.json", table, (_row(e, keeper, common) for e in spool.events(dataset)))
        base.execute(_PLAN)
        base.execute(f"CREATE TABLE scored (iri_l VARCHAR, iri_r VARCHAR, score DOUBLE, {_GAMMAS[0]})")
        batches = [row[0] for row in base.execute("SELECT DISTINCT batch FROM plan ORDER BY batch").fetchall()]
        for done, batch in enumerate(batches, 1):
            _score(base, batch, min(max(least, _FLOOR), _MOST))
            progress(done / len(batches))
        rows = base.execute(f"SELECT iri_l, iri_r, score, {_GAMMAS[1]} FROM scored WHERE score >= ? {which}",
                            [least]).fetchall()  # fmt: skip
    place.unlink()
    found = spool.find(couple, {iri for row in rows for iri in row[:2]})
    return (_pair(found, row) for row in rows)


def _score(base: duckdb.DuckDBPyConnection, batch: int, least: float) -> None:
    """Score the pairs of one part of the plan: each pair is in one part, by the record of the first dataset."""
    from splink import DuckDBAPI, Linker

    base.execute("CREATE OR REPLACE TABLE ones_now AS SELECT ones.* FROM ones JOIN plan USING (iri) WHERE batch = ?",
                 [batch])  # fmt: skip
    base.execute("CREATE OR REPLACE TABLE others_now AS SELECT * FROM others WHERE until >= (SELECT min(day) - 1 FROM "
                 "ones_now) AND day <= (SELECT max(until) + 1 FROM ones_now)")  # fmt: skip
    tables = ["ones_now", "others_now"]
    linker = Linker(tables, model.settings(), db_api=DuckDBAPI(connection=base), input_table_aliases=tables,
                    set_up_basic_logging=False)  # fmt: skip
    answer = linker.inference.predict(threshold_match_probability=least).physical_name
    base.execute(f"INSERT INTO scored SELECT iri_l, iri_r, least(round(match_probability, 4), {_MOST}), {_GAMMAS[1]} "
                 f"FROM {answer}")  # fmt: skip
    made = "SELECT table_name, table_type FROM information_schema.tables WHERE starts_with(table_name, '__splink')"
    for name, kind in base.execute(made).fetchall():
        base.execute(f'DROP {"VIEW" if kind == "VIEW" else "TABLE"} IF EXISTS "{name}"')


def _pair(found: dict[str, Event], row: Sequence[Any]) -> Pair:
    one, other = sorted((found[row[0]], found[row[1]]), key=lambda e: e.iri)
    told = ((c, model.reached(c, gamma)) for c, gamma in zip(COMPARISONS, row[3:], strict=True))
    levels = {comparison.name: level for comparison, level in told if level is not None}
    return Pair(one, other, float(row[2]), levels)


def _fill(base: duckdb.DuckDBPyConnection, path: Path, name: str, rows: Iterable[dict[str, Any]]) -> None:
    """A table of events; by way of a file, because row by row takes a hundred times as long."""
    columns = ", ".join(f"{column}: '{kind}'" for column, kind in _COLUMNS.items())
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(row)}\n" for row in rows)
    reading = f"read_json(?, format = 'newline_delimited', columns = {{{columns}}})"
    base.execute(f"CREATE TABLE {name} AS SELECT * FROM {reading}", [str(path)])
    path.unlink()


def _row(event: Event, keeper: str, common: set[str]) -> dict[str, Any]:
    first, last = event.first.toordinal(), event.last.toordinal()
    lat, lon = event.point or (None, None)
    low, high = event.toll(keeper) or (None, None)
    # each record also lists the day after and the cells after: two lists then meet exactly when the records are at
    # most a day, or a cell, apart
    days = list(range(first, last + 2))
    cells = (event.iri, first, last, lat, lon, list(event.names), [n for n in event.names if n not in common],
             bones(event.names), near(event.names), low, high, sorted(event.objects), days,
             _cells(event.point))  # fmt: skip
    return dict(zip(_COLUMNS, cells, strict=True))


def _cells(point: tuple[float, float] | None) -> list[str]:
    if point is None:
        return []
    south, west = (floor(v * model.CELL) for v in point)
    return [f"{south + y}/{west + x}" for y in (0, 1) for x in (0, 1)]
