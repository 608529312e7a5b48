"""Scores pairs of incidents with splink on DuckDB, and keeps for each incident the best record of every dataset.

Only pairs that can reach the threshold are compared in full: what numbers tell of a pair (days, distance, killed)
bounds its score. All that grows with the number of incidents or pairs lies on the disk.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import combinations
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.matching import model
from kb.matching.engine import engine, needed
from kb.matching.event import Event
from kb.matching.model import COMPARISONS, Level
from kb.matching.name import bones, near
from kb.matching.spool import Spool

if TYPE_CHECKING:
    import duckdb

_COLUMNS = {
    "id": "BIGINT", "iri": "VARCHAR", "day": "INTEGER", "until": "INTEGER", "lat": "DOUBLE", "lon": "DOUBLE",
    "cell": "INTEGER", "named": "BOOLEAN", "telling": "BOOLEAN", "names": "VARCHAR[]", "rare": "VARCHAR[]",
    "bones": "VARCHAR[]", "near": "VARCHAR[]", "killed": "STRUCT(who VARCHAR, low BIGINT, high BIGINT)[]",
    "seen": "BOOLEAN", "objects": "VARCHAR[]",
}  # fmt: skip
# what bounds the score of a pair
_NUMBERS = ("id", "day", "until", "lat", "lon", "named", "telling", "low", "high", "seen")
_EAST = 10_000  # more cells than there are around the Earth
_MOST = 0.9999  # a program is never certain
_FLOOR = 0.01  # pairs less likely than this are never of use
_PART = 500_000  # pairs that are compared at once
_ROWS = 1000  # pairs read at once at the end
_GAMMAS = tuple(", ".join(f"gamma_{c.name}{kind}" for c in COMPARISONS) for kind in (" INTEGER", ""))
_BEST = "QUALIFY score = max(score) OVER (PARTITION BY l) AND score = max(score) OVER (PARTITION BY r)"
_SIDES = ", ".join(f"{side}.{column} AS {column}_{side}" for side in "lr" for column in _NUMBERS)
# Records meet on a day and in a cell, or by a day and a name. Those of one side are spread over the days and cells
# around theirs: they meet exactly when they are at most a day, or a cell, apart.
_MET = f"""
CREATE OR REPLACE TABLE met AS
WITH near AS (SELECT {", ".join(_NUMBERS)}, unnest(range(day - 1, until + 2)) AS d, rare, cell FROM ones),
far AS (SELECT {", ".join(_NUMBERS)}, unnest(range(day, until + 1)) AS d, rare, cell FROM others),
meeting AS (
  SELECT {_SIDES} FROM
    (SELECT n.*, n.cell + y * {_EAST} + x AS c FROM near n, range(-1, 2) a(y), range(-1, 2) b(x)) l
    JOIN far r ON l.d = r.d AND l.c = r.cell
  UNION ALL
  SELECT {_SIDES} FROM (SELECT *, unnest(rare) AS c FROM near) l JOIN (SELECT *, unnest(rare) AS c FROM far) r
    ON l.d = r.d AND l.c = r.c
)
SELECT DISTINCT id_l AS l, id_r AS r FROM meeting WHERE {model.attainable()} >= ? ORDER BY l, r
"""
# the events of one side of a comparison, without the numbers that the other's keeper gave
_SIDE = """
CREATE OR REPLACE TABLE {table} AS
SELECT * EXCLUDE (killed), list_min([k.low for k in killed if k.who <> {keeper}]) AS low,
  list_max([k.high for k in killed if k.who <> {keeper}]) AS high
FROM {events}
"""
# Of records that fit equally well only one can be right, since a dataset tells an event once: the likelihood is shared
# out among all that are likely by themselves. The more records there are of a day and a place, the less one tells.
_TOLD = f"""
WITH weighed AS (SELECT *, pow(2, least(weight, 60)) AS odds, (weight >= {model.weight(model.RIVAL)})::INT AS likely
                 FROM scored),
summed AS (
  SELECT *, sum(odds * likely) OVER one + sum(odds * likely) OVER other AS all_odds,
    sum(likely) OVER one + sum(likely) OVER other - 2 * likely AS rivals
  FROM weighed WINDOW one AS (PARTITION BY l), other AS (PARTITION BY r)
),
shared AS (
  SELECT l, r, least(round(odds / (1 + odds + all_odds - 2 * odds * likely), 4), {_MOST}) AS score, rivals,
    {_GAMMAS[1]} FROM summed
),
chosen AS (SELECT * FROM shared WHERE score >= ? {{which}})
SELECT l, r, score, rivals, {_GAMMAS[1]} FROM chosen JOIN ones ON l = ones.id JOIN others ON r = others.id
ORDER BY least(ones.iri, others.iri), greatest(ones.iri, others.iri)
"""
Progress = Callable[[int, int, str], None]
"""Called with how many pairs of two datasets are scored, of how many, and which datasets of how many that are."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two incidents of different datasets, in the order of their IRIs, with the score and the level of each comparison.

    `levels` has no entry for what could not be compared. `rivals` are the other pairs, likely by themselves, that one
    of the two records is in: they share the likelihood.
    """

    one: Event
    other: Event
    score: float
    levels: dict[str, Level]
    rivals: int = 0


def candidates(
    events: Iterable[Event], threshold: float = model.THRESHOLD, progress: Progress = lambda done, of, unit: None
) -> Iterator[Pair]:  # fmt: skip
    """The pairs worth a person's look: likely enough, and each the best that the other's dataset has.

    A dataset tells an event once, so of several records of one day and place only the best is named: what a dataset
    keeps apart is never joined by way of another's record. Events are read once, and kept on the disk; the pairs of
    two datasets come sorted by IRI, when they are asked for.
    """
    return _found(events, threshold, _BEST, progress)


def scored(events: Iterable[Event], least: float = _FLOOR) -> Iterator[Pair]:
    """The pairs that share a day and a place or a name and score `least` or more, sorted by IRI.

    MatchingMissing without the libraries.
    """
    return _found(events, least, "", lambda done, of, unit: None)


def _found(events: Iterable[Event], least: float, which: str, progress: Progress) -> Iterator[Pair]:
    needed()
    with tempfile.TemporaryDirectory(prefix="mizan-match-") as name, engine(Path(name)) as base:
        spool = Spool(Path(name), events)
        for dataset, table in spool.tables.items():
            _fill(base, spool, dataset, table, Path(name) / "rows.json")
        couples = list(combinations(spool.datasets, 2))
        for number, couple in enumerate(couples, 1):
            unit = f"pairs scored, {number} of {len(couples)} times two datasets"
            yield from _between(base, spool, couple, (least, which), partial(_tell, progress, unit))


def _tell(progress: Progress, unit: str, done: int, of: int) -> None:
    progress(done, of, unit)


def _between(
    base: duckdb.DuckDBPyConnection, spool: Spool, couple: tuple[str, str], asked: tuple[float, str],
    progress: Callable[[int, int], None],
) -> Iterator[Pair]:  # fmt: skip
    """The scored pairs of two datasets; neither is compared by what it took from the other."""
    one, other = sorted(couple, key=lambda name: (spool.sizes[name], name))  # the smaller is spread over days and cells
    least, which = asked
    for table, dataset, beside in (("ones", one, other), ("others", other, one)):
        keeper = "'" + spool.keepers[beside].replace("'", "''") + "'"
        base.execute(_SIDE.format(table=table, keeper=keeper, events=spool.tables[dataset]))
    bound = model.weight(min(max(least, _FLOOR), model.RIVAL))
    base.execute(_MET, [bound])
    base.execute(f"CREATE OR REPLACE TABLE scored (l BIGINT, r BIGINT, weight DOUBLE, {_GAMMAS[0]})")
    ((pairs,),) = base.execute("SELECT count(*) FROM met").fetchall()
    for start in range(0, pairs, _PART):
        _score(base, start, bound)
        progress(min(start + _PART, pairs), pairs)
    rows = base.execute(_TOLD.format(which=which), [least])
    with spool.reading(one) as ones, spool.reading(other) as others:
        while part := rows.fetchmany(_ROWS):
            yield from (_pair(ones.at(row[0]), others.at(row[1]), row[2:]) for row in part)


def _score(base: duckdb.DuckDBPyConnection, start: int, bound: float) -> None:
    """Compare in full the pairs of one part, those numbered from `start`."""
    from splink import DuckDBAPI, Linker

    for table, side in (("ones", "l"), ("others", "r")):
        base.execute(
            f"CREATE OR REPLACE TABLE {table}_now AS SELECT {table}.*, pairs FROM {table} JOIN (SELECT {side} AS id, "
            f"list(rowid) AS pairs FROM met WHERE rowid >= ? AND rowid < ? GROUP BY {side}) USING (id)",
            [start, start + _PART],
        )
    tables = ["ones_now", "others_now"]
    linker = Linker(tables, model.settings(), db_api=DuckDBAPI(connection=base), input_table_aliases=tables,
                    set_up_basic_logging=False)  # fmt: skip
    answer = linker.inference.predict(threshold_match_weight=bound).physical_name
    base.execute(f"INSERT INTO scored SELECT id_l, id_r, match_weight, {_GAMMAS[1]} FROM {answer}")
    made = "SELECT table_name, table_type FROM information_schema.tables WHERE starts_with(table_name, '__splink')"
    for name, kind in base.execute(made).fetchall():
        base.execute(f'DROP {"VIEW" if kind == "VIEW" else "TABLE"} IF EXISTS "{name}"')


def _pair(one: Event, other: Event, row: Sequence[Any]) -> Pair:
    first, second = sorted((one, other), key=lambda e: e.iri)
    told = ((c, model.reached(c, gamma)) for c, gamma in zip(COMPARISONS, row[2:], strict=True))
    levels = {comparison.name: level for comparison, level in told if level is not None}
    return Pair(first, second, float(row[0]), levels, int(row[1]))


def _fill(base: duckdb.DuckDBPyConnection, spool: Spool, dataset: str, table: str, path: Path) -> None:
    """A table of the events of a dataset; by way of a file, because row by row takes a hundred times as long."""
    most = max(model.COMMON, model.COMMON_SHARE * spool.sizes[dataset])
    common = frozenset(name for name, records in spool.borne[dataset].items() if records > most)
    columns = ", ".join(f"{column}: '{kind}'" for column, kind in _COLUMNS.items())
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(_row(place, e, common))}\n" for place, e in spool.events(dataset))
    reading = f"read_json(?, format = 'newline_delimited', columns = {{{columns}}})"
    base.execute(f"CREATE TABLE {table} AS SELECT * FROM {reading}", [str(path)])
    path.unlink()


def _row(place: int, event: Event, common: frozenset[str]) -> dict[str, Any]:
    lat, lon = event.point or (None, None)
    rare, bare, alike = _telling(event.names, common)
    killed = [{"who": who, "low": low, "high": high} for who, (low, high) in event.killed.items()]
    cells = (place, event.iri, event.first.toordinal(), event.last.toordinal(), lat, lon, _cell(event.point),
             bool(event.names), bool(rare), event.names, rare, bare, alike, killed, bool(event.objects),
             sorted(event.objects))  # fmt: skip
    return dict(zip(_COLUMNS, cells, strict=True))


@lru_cache(100_000)
def _telling(called: tuple[str, ...], common: frozenset[str]) -> tuple[list[str], list[str], list[str]]:
    """Of the names of a place those that tell it from others, their skeletons, and what is near to them."""
    rare = [name for name in called if name not in common]
    return rare, bones(rare), near(rare)


def _cell(point: tuple[float, float] | None) -> int | None:
    if point is None:
        return None
    south, west = (floor(v * model.CELL) for v in point)
    return south * _EAST + west
