"""What an incident's record says that can be compared with another: time, place, names, numbers killed, object."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyoxigraph import Literal, NamedNode, Triple

from kb.matching.engine import engine
from kb.matching.name import names
from kb.ns import DCTERMS, GEO, MZ, RDF, SCHEME, SEM, SKOS
from kb.process import cores
from kb.record import subject
from kb.store.local import LocalStore

if TYPE_CHECKING:
    import duckdb

LONGEST = 31  # days: a date less exact than a month tells too little
Progress = Callable[[int, int], None]
"""Called with how many incidents are read, and how many there are."""
_WIDE = frozenset(
    f"{SCHEME}place-precision#{code}" for code in
    ("country", "district", "fuzzy-line-or-area", "governorate", "international")
)  # fmt: skip
_UNTOLD = frozenset(f"{SCHEME}object-hit#{code}" for code in ("unspecified", "town-or-village"))
_POINT = re.compile(r"POINT\((-?[\d.]+) (-?[\d.]+)\)")
_ROWS = 10_000  # taken from the engine at once
_NAMES_KEPT = 100_000  # labels whose names are remembered
_KILLED = f"?c {MZ.harm} <{SCHEME}harm#killed> ;"
# One question for each kind of statement, which the store answers by one walk in the order in which it keeps them: to
# go from each incident to its place, and on to the point, would be a leap through the whole store each time.
_QUESTIONS = {
    "head": ("i dataset first last", f"?i {RDF.type} {MZ.Incident} ; {MZ.inDataset} ?dataset ; "
             f"{SEM.hasEarliestBeginTimeStamp} ?first ; {SEM.hasLatestEndTimeStamp} ?last ."),
    "place": ("i p", f"?i {MZ.place} ?p ."),
    "precision": ("p precision", f"?p {MZ.placePrecision} ?precision ."),
    "geometry": ("p g", f"?p {GEO.hasGeometry} ?g ."),
    "point": ("g wkt", f"?g {GEO.asWKT} ?wkt ."),
    "label": ("p tag label", f"?p {SKOS.prefLabel} ?label . FILTER(CONTAINS(STR(?p), '#')) BIND(LANG(?label) AS ?tag)"),
    "object": ("i object", f"?i {MZ.objectHit} ?object ."),
    "claim": ("c who", f"{_KILLED} {MZ.claimant} ?who . FILTER NOT EXISTS {{ ?c {MZ.subsetOf} ?whole }}"),
    "low": ("c number", f"{_KILLED} {MZ.minimum} ?number ."),
    "best": ("c number", f"{_KILLED} {MZ.best} ?number ."),
    "high": ("c number", f"{_KILLED} {MZ.maximum} ?number ."),
}  # fmt: skip
_JOINED = f"""
WITH heads AS (
  SELECT i, min(dataset) AS dataset, TRY_CAST(min(first)[:10] AS DATE) AS first,
    TRY_CAST(min(last)[:10] AS DATE) AS last
  FROM head WHERE i >= $start AND i < $stop GROUP BY i
),
places AS (SELECT i, min(p) AS p FROM place WHERE i >= $start AND i < $stop GROUP BY i
  HAVING split_part(min(p), '#', 1) = i), -- as the record has it
points AS (SELECT p, min(wkt) AS wkt FROM geometry JOIN point USING (g) SEMI JOIN places USING (p) GROUP BY p),
precisions AS (SELECT p, min(precision) AS precision FROM precision SEMI JOIN places USING (p) GROUP BY p),
labels AS (SELECT p, list({{'tag': tag, 'label': label}} ORDER BY tag, label) AS labels FROM label
  SEMI JOIN places USING (p) GROUP BY p),
objects AS (SELECT i, list(object ORDER BY object) AS objects FROM object
  WHERE i >= $start AND i < $stop GROUP BY i),
claims AS (SELECT c, who, split_part(c, '#', 1) AS i FROM claim WHERE i >= $start AND i < $stop),
tolls AS (
  SELECT i, who, min(n) AS low, max(n) AS high
  FROM claims JOIN (SELECT c, TRY_CAST(number AS BIGINT) AS n FROM (FROM low UNION ALL FROM best UNION ALL FROM high))
  USING (c) WHERE n IS NOT NULL GROUP BY ALL
),
killed AS (SELECT i, list({{'who': who, 'low': low, 'high': high}} ORDER BY who) AS killed FROM tolls GROUP BY i)
SELECT heads.*, precision, wkt, labels, objects, killed FROM heads LEFT JOIN places USING (i)
LEFT JOIN points USING (p) LEFT JOIN precisions USING (p) LEFT JOIN labels USING (p)
LEFT JOIN objects USING (i) LEFT JOIN killed USING (i)
WHERE last - first >= 0 AND last - first < {LONGEST} ORDER BY i
"""


_STARTS = """
SELECT i FROM (SELECT i, row_number() OVER (ORDER BY i) AS number FROM (SELECT DISTINCT i FROM head))
WHERE (number - 1) % ? = 0 ORDER BY i
"""
_PART = 100_000  # incidents that are joined at once: the engine puts no lists on the disk
_END = "\U0010ffff"  # sorts behind every IRI


@dataclass(frozen=True, slots=True)
class Event:
    """One incident, comparable. Days are local; the point is missing where only a wide area is known.

    `killed` has, by claimant, the lowest and the highest number given for all who were killed; parts of a whole
    (children, one side's dead) are left aside. `keeper` is who publishes the dataset.
    """

    iri: str
    dataset: str
    first: date
    last: date
    point: tuple[float, float] | None
    labels: dict[str, str]
    names: tuple[str, ...]
    killed: dict[str, tuple[int, int]]
    objects: frozenset[str]
    keeper: str = ""

    def toll(self, apart_from: str) -> tuple[int, int] | None:
        """The span of the numbers killed, without those that it took from the keeper of the other dataset.

        A record that repeats the other's number agrees with it, but that says nothing of the event.
        """
        numbers = [n for claimant, span in self.killed.items() if claimant != apart_from for n in span]
        return (min(numbers), max(numbers)) if numbers else None


def read(store: LocalStore, progress: Progress = lambda done, of: None) -> Iterator[Event]:
    """The incidents of a store that have a dataset and a date exact enough, sorted by IRI, in bounded memory.

    MatchingMissing without the libraries.
    """
    broader, keepers = _broader(store), _keepers(store)
    with tempfile.TemporaryDirectory(prefix="mizan-events-") as name, engine(Path(name)) as base:
        _gather(store, base, Path(name))
        ((of,),) = base.execute("SELECT count(DISTINCT i) FROM head").fetchall()
        starts, done = [start for (start,) in base.execute(_STARTS, [_PART]).fetchall()], 0
        for start, stop in pairwise([*starts, _END]):
            rows = base.execute(_JOINED, {"start": start, "stop": stop})
            while part := rows.fetchmany(_ROWS):
                for row in part:
                    yield _event(row, broader, keepers)
                done += len(part)
                progress(done, of)
        progress(of, of)


def _gather(store: LocalStore, base: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The answers of the store as tables."""
    def ask(table: str) -> str:
        columns, where = _QUESTIONS[table]
        store.spill(f"SELECT {' '.join(f'?{c}' for c in columns.split())} WHERE {{ {where} }}", folder / table)
        return table

    with ThreadPoolExecutor(cores()) as pool:
        for table in pool.map(ask, _QUESTIONS):
            columns = ", ".join(f"'{column}': 'VARCHAR'" for column in _QUESTIONS[table][0].split())
            base.execute(f"CREATE TABLE {table} AS FROM read_csv(?, header = true, delim = ',', quote = '\"', "
                         f"escape = '\"', columns = {{{columns}}}, auto_detect = false, null_padding = false, "
                         f"parallel = false)", [str(folder / table)])  # fmt: skip
            (folder / table).unlink()


def _event(row: tuple[Any, ...], broader: dict[str, str], keepers: dict[str, str]) -> Event:
    iri, dataset, first, last, precision, wkt, told, hit, killed = row
    labels = {label["tag"] or "en": label["label"] or "" for label in told or ()}
    called = tuple(dict.fromkeys(name for tag in sorted(labels) for name in _names(labels[tag])))
    objects = {o for concept in hit or () for o in _up(concept, broader)} - _UNTOLD
    found = _POINT.match(wkt) if wkt and precision not in _WIDE else None
    point = (float(found[2]), float(found[1])) if found else None
    tolls = {toll["who"]: (toll["low"], toll["high"]) for toll in killed or ()}
    return Event(iri, dataset, first, last, point, labels, called, tolls, frozenset(objects),
                 keepers.get(dataset, ""))  # fmt: skip


_names = lru_cache(_NAMES_KEPT)(names)


def _keepers(store: LocalStore) -> dict[str, str]:
    nodes = store.subjects(RDF.type, MZ.Dataset)
    return {node.value: v.value for node in nodes for v in store.objects(node, DCTERMS.publisher)}


def _broader(store: LocalStore) -> dict[str, str]:
    start = f"{SCHEME}object-hit#"
    return {subject(t): _value(t) for t in store.triples(SKOS.broader) if subject(t).startswith(start)}


def _up(concept: str, broader: dict[str, str]) -> Iterator[str]:
    """A concept and those above it."""
    seen: set[str] = set()
    while concept and concept not in seen:
        seen.add(concept)
        yield concept
        concept = broader.get(concept, "")


def _value(triple: Triple) -> str:
    assert isinstance(triple.object, NamedNode | Literal)
    return triple.object.value
