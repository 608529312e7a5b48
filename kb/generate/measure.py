"""Writes columns.json: frequencies and ranges of real columns; no row, name or sentence of a source is in it.

Run by a maintainer: `python -m kb.generate.measure UCDP.csv AIRWARS.csv kb/generate/columns.json`. Values that fewer
than `FEWEST` rows share are joined with their neighbours, so that no figure tells of a single event.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from kb import document, paths
from kb.ns import ID, MZ, SKOS
from kb.record import subject

FEWEST = 5
EDGES = (0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 75, 100, 200)
_CELL = dict[str, str]

SOURCES = {
    "ucdp-ged": {
        "codes": ("type_of_violence", "number_of_sources", "where_prec", "date_prec", "event_clarity"),
        "numbers": ("deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown"),
        "spreads": (("low", "best"), ("best", "high")),
        "filled": ("adm_1", "adm_2"),
        "governorate": "adm_1",
        "date": "date_start",
        "point": ("latitude", "longitude"),
    },
    "airwars": {
        "codes": ("geo_accuracy", "evidence_grade"),
        "numbers": ("civ_killed_min", "civ_injured_min", "children_killed_min", "women_killed_min", "men_killed_min"),
        "spreads": (("civ_killed_min", "civ_killed_max"), ("civ_injured_min", "civ_injured_max")),
        "filled": (
            "location_ar", "strike_type", "cause_of_harm", "infrastructure", "tags", "local_time", "mod_statement",
            "civ_killed_min", "civ_injured_min", "children_killed_min", "women_killed_min", "men_killed_min",
            "belligerents_detail",
        ),
        "governorate": "governorate",
        "date": "date",
        "point": ("lat", "lon"),
    },
}  # fmt: skip


def measure(files: dict[str, Path]) -> dict[str, Any]:
    """The statistics of the files, by the name of the mapping that reads them."""
    codes = _governorates()
    return {name: _table(list(_rows(path)), SOURCES[name], codes) for name, path in files.items()}


def _rows(path: Path) -> Iterable[_CELL]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        yield from csv.DictReader(handle)


def _table(rows: list[_CELL], spec: dict[str, Any], governorates: dict[str, str]) -> dict[str, Any]:
    return {
        "codes": {c: _common(r[c] for r in rows if r[c]) for c in spec["codes"]},
        "numbers": {c: _bins(int(r[c]) for r in rows if r[c]) for c in spec["numbers"]},
        "spreads": {f"{a}/{b}": _bins(_spread(rows, a, b)) for a, b in spec["spreads"]},
        "filled": {c: _per_mille(rows, lambda r, c=c: bool(r[c])) for c in spec["filled"]},  # type: ignore[misc]
        "governorates": _common(governorates[g] for r in rows if (g := r[spec["governorate"]]) in governorates),
        "months": _common(r[spec["date"]][:7] for r in rows),
        "areas": _areas(rows, spec, governorates),
    }


def _spread(rows: list[_CELL], low: str, high: str) -> Iterable[int]:
    return (gap for r in rows if r[low] and r[high] and (gap := int(r[high]) - int(r[low])) >= 0)


def _per_mille(rows: list[_CELL], test: Callable[[_CELL], bool]) -> int:
    return round(1000 * sum(map(test, rows)) / len(rows))


def _common(values: Iterable[str]) -> dict[str, int]:
    return {value: n for value, n in sorted(Counter(values).items()) if n >= FEWEST}


def _bins(values: Iterable[int]) -> list[list[int]]:
    """[lowest, highest, rows]; bins are joined until each has rows enough, and the last ends at a round number."""
    given = sorted(values)
    top = -(-given[-1] // 10) * 10
    bins: list[list[int]] = []
    for low, after in zip(EDGES, [*EDGES[1:], 2 * EDGES[-1]], strict=True):
        count = sum(low <= v < after for v in given)
        if bins and bins[-1][2] < FEWEST:
            bins[-1][1:] = [after - 1, bins[-1][2] + count]
        else:
            bins.append([low, after - 1, count])
    while len(bins) > 1 and bins[-1][2] < FEWEST:
        last = bins.pop()
        bins[-1][1:] = [last[1], bins[-1][2] + last[2]]
    bins[-1][1] = max(bins[-1][0], min(bins[-1][1], top))
    return bins


def _areas(rows: list[_CELL], spec: dict[str, Any], governorates: dict[str, str]) -> dict[str, list[int]]:
    """The box of the coordinates in each governorate, in hundredths of a degree: south, north, west, east.

    The outermost twentieth on each side is left out: coordinates that lie in another governorate are known.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        code = governorates.get(row[spec["governorate"]])
        if code:
            points.setdefault(code, []).append((float(row[spec["point"][0]]), float(row[spec["point"][1]])))
    areas = {}
    for code, found in sorted(points.items()):
        if len(found) >= 4 * FEWEST:
            cut = len(found) // 20
            box = [sorted(p[axis] for p in found)[end] for axis in (0, 1) for end in (cut, -1 - cut)]
            areas[code] = [round(100 * v) for v in box]
    return areas


def _governorates() -> dict[str, str]:
    """P-codes by every name that the gazetteer has, as sources write them."""
    triples = list(document.read(paths.shipped("ontology") / "reference" / "places.ttl"))
    level = {subject(t) for t in triples if t.predicate == MZ.adminLevel and getattr(t.object, "value", "") == "1"}
    names = {}
    for t in triples:
        if subject(t) in level and t.predicate in (SKOS.prefLabel, SKOS.altLabel):
            names[getattr(t.object, "value", "")] = subject(t).removeprefix(f"{ID}place/")
    return names


if __name__ == "__main__":
    ucdp, airwars, out = map(Path, sys.argv[1:])
    told = {
        "about": "Frequencies and ranges of columns of the UCDP GED (Sundberg and Melander 2013, CC BY 4.0; Syria, "
        "January to July 2016) and of Airwars (Russian military in Syria, October to December 2015).",
        **measure({"ucdp-ged": ucdp, "airwars": airwars}),
    }
    out.write_text(json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
