"""Scores pairs of incidents with splink on DuckDB, and keeps for each incident the best record of every dataset."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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

if TYPE_CHECKING:
    import duckdb

_COLUMNS = {
    "iri": "VARCHAR", "day": "INTEGER", "until": "INTEGER", "lat": "DOUBLE", "lon": "DOUBLE", "names": "VARCHAR[]",
    "rare": "VARCHAR[]", "bones": "VARCHAR[]", "near": "VARCHAR[]", "low": "INTEGER", "high": "INTEGER",
    "objects": "VARCHAR[]", "days": "INTEGER[]", "cells": "VARCHAR[]",
}  # fmt: skip
_MOST = 0.9999  # a program is never certain
_FLOOR = 0.01  # pairs less likely than this are never of use


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


def candidates(events: Iterable[Event], threshold: float = model.THRESHOLD) -> list[Pair]:
    """The pairs worth a person's look: likely enough, and each the best that the other's dataset has; sorted by IRI.

    A dataset tells an event once, so of several records of one day and place only the best is named: what a dataset
    keeps apart is never joined by way of another's record.
    """
    pairs = scored(events, min(max(threshold, _FLOOR), _MOST))
    best: dict[tuple[str, str], float] = {}
    for pair in pairs:
        for here, there in ((pair.one, pair.other), (pair.other, pair.one)):
            key = here.iri, there.dataset
            best[key] = max(best.get(key, 0.0), pair.score)
    return [
        p for p in pairs
        if p.score >= threshold and p.score == best[p.one.iri, p.other.dataset] == best[p.other.iri, p.one.dataset]
    ]  # fmt: skip


def scored(events: Iterable[Event], least: float = _FLOOR) -> list[Pair]:
    """The pairs that share a day and a place or a name and score `least` or more, sorted by IRI.

    MatchingMissing without the libraries.
    """
    by_dataset: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda e: e.iri):
        by_dataset.setdefault(event.dataset, []).append(event)
    pairs = [pair for one, other in combinations(sorted(by_dataset), 2)
             for pair in _between(by_dataset[one], by_dataset[other], least)]  # fmt: skip
    return sorted(pairs, key=lambda p: (p.one.iri, p.other.iri))


def _between(ones: list[Event], others: list[Event], least: float) -> Iterator[Pair]:
    """The scored pairs of two datasets; neither is compared by what it took from the other."""
    try:
        import duckdb
        from splink import DuckDBAPI, Linker
    except ImportError as error:
        raise MatchingMissing(
            "Matching needs splink and DuckDB", str(error), "Install them with: pip install 'mizan-kb[match]'"
        ) from None
    with duckdb.connect(config={"threads": "2"}) as base:
        borne = Counter(name for event in (*ones, *others) for name in event.names)
        common = {name for name, records in borne.items() if records > model.COMMON}
        tables = [_fill(base, "ones", ones, others[0].keeper, common),
                  _fill(base, "others", others, ones[0].keeper, common)]  # fmt: skip
        linker = Linker(tables, model.settings(), db_api=DuckDBAPI(connection=base), input_table_aliases=tables,
                        set_up_basic_logging=False)  # fmt: skip
        answer = linker.inference.predict(threshold_match_probability=least)
        columns = ", ".join(["iri_l", "iri_r", "match_probability", *(f"gamma_{c.name}" for c in COMPARISONS)])
        rows = base.execute(f"SELECT {columns} FROM {answer.physical_name}").fetchall()
    found = {event.iri: event for event in (*ones, *others)}
    for row in rows:
        yield _pair(found, row)


def _pair(found: dict[str, Event], row: Sequence[Any]) -> Pair:
    one, other = sorted((found[row[0]], found[row[1]]), key=lambda e: e.iri)
    told = ((c, model.reached(c, gamma)) for c, gamma in zip(COMPARISONS, row[3:], strict=True))
    levels = {comparison.name: level for comparison, level in told if level is not None}
    return Pair(one, other, min(round(float(row[2]), 4), _MOST), levels)


def _fill(
    base: duckdb.DuckDBPyConnection, name: str, events: list[Event], keeper: str, common: set[str]
) -> str:
    """A table of events; by way of a file, because row by row takes a hundred times as long."""
    columns = ", ".join(f"{column}: '{kind}'" for column, kind in _COLUMNS.items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.json"
        with path.open("w", encoding="utf-8") as lines:
            lines.writelines(f"{json.dumps(_row(event, keeper, common))}\n" for event in events)
        reading = f"read_json(?, format = 'newline_delimited', columns = {{{columns}}})"
        base.execute(f"CREATE TABLE {name} AS SELECT * FROM {reading}", [str(path)])
    return name


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
