"""The model that scores a pair of incidents: comparisons with their levels, as plain data with a digest.

Fellegi and Sunter: each level has m, how often pairs of one event reach it, and u, how often two other records do.
Both are judged, not learnt and not counted: labelled pairs are too few to learn from, and the few there are serve to
measure. Names depend on distances; their u is set high, so that one agreement does not count twice.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from math import log2
from typing import Any

THRESHOLD = 0.9  # nine to one: from here on a pair is written as a candidate for a person to look at
PRIOR = 1e-4  # of two records of different datasets, drawn blindly
COMMON = 500  # a name that more records of a dataset bear tells an area, not a place
COMMON_SHARE = 0.05  # of the records, where that is more
RIVAL = 0.5  # from here on, by itself, a pair takes away from the others that its records are in
CELL = 4  # cells a degree, about 28 km from south to north: records further apart are not compared by place
_APART = (
    "6371 * 2 * asin(sqrt(pow(sin(radians(lat_r - lat_l) / 2), 2)"
    " + cos(radians(lat_l)) * cos(radians(lat_r)) * pow(sin(radians(lon_r - lon_l) / 2), 2)))"
)
_GAP = "greatest(low_l - high_r, low_r - high_l)"


@dataclass(frozen=True, slots=True)
class Level:
    """One outcome of a comparison: its name, the SQL condition, and how often each kind of pair reaches it."""

    name: str
    condition: str
    same: float
    other: float

    @property
    def agrees(self) -> bool:
        """Whether it speaks for one event."""
        return self.same > self.other


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, when it cannot be, its levels from the closest to the rest, and what agreement needs."""

    name: str
    missing: str
    levels: tuple[Level, ...]
    needs: str = "TRUE"


COMPARISONS = (
    Comparison("date", "day_l IS NULL", (
        Level("same-day", "day_l = until_l AND day_r = until_r AND day_l = day_r", 0.75, 0.004),
        Level("overlap", "day_l <= until_r AND day_r <= until_l", 0.12, 0.008),
        Level("next-day", "day_l <= until_r + 1 AND day_r <= until_l + 1", 0.1, 0.008),
        Level("apart", "ELSE", 0.03, 0.98),
    )),
    Comparison("distance", "lat_l IS NULL OR lat_r IS NULL", (
        Level("within-1-km", f"{_APART} < 1", 0.45, 0.012),
        Level("within-5-km", f"{_APART} < 5", 0.3, 0.02),
        Level("within-15-km", f"{_APART} < 15", 0.15, 0.05),
        Level("within-30-km", f"{_APART} < 30", 0.06, 0.1),
        Level("further", "ELSE", 0.04, 0.818),
    )),
    Comparison("name", "NOT named_l OR NOT named_r", (
        Level("same-name", "list_has_any(rare_l, rare_r) OR list_has_any(bones_l, bones_r)", 0.6, 0.037),
        Level("alike", "list_has_any(near_l, near_r)", 0.15, 0.03),
        Level("same-area", "(len(rare_l) = 0 OR len(rare_r) = 0) AND list_has_any(names_l, names_r)", 0.08, 0.08),
        Level("other-name", "ELSE", 0.17, 0.853),
    ), needs="telling_l AND telling_r"),
    Comparison("killed", "low_l IS NULL OR low_r IS NULL", (
        Level("same-many", f"{_GAP} <= 0 AND least(high_l, high_r) >= 15", 0.25, 0.02),
        Level("same-few", f"{_GAP} <= 0", 0.4, 0.25),
        Level("near", f"{_GAP} <= 2 OR {_GAP} * 3 <= least(high_l, high_r)", 0.28, 0.27),
        Level("far", "ELSE", 0.07, 0.46),
    )),
    Comparison("object", "NOT seen_l OR NOT seen_r", (
        Level("same-object", "list_has_any(objects_l, objects_r)", 0.75, 0.25),
        Level("other-object", "ELSE", 0.25, 0.75),
    )),
)  # fmt: skip
_CHEAP = frozenset(("date", "distance", "killed"))  # told from numbers alone
BLOCK = {"blocking_rule": "l.pairs = r.pairs", "arrays_to_explode": ["pairs"]}  # exactly the pairs that were listed
LEVELS = {c.name: {level.name: level for level in c.levels} for c in COMPARISONS}


def settings() -> dict[str, Any]:
    """The model as splink reads it."""
    return {
        "link_type": "link_only", "unique_id_column_name": "id", "probability_two_random_records_match": PRIOR,
        "comparisons": [_comparison(c) for c in COMPARISONS],
        "blocking_rules_to_generate_predictions": [dict(BLOCK)],
        "retain_matching_columns": True, "retain_intermediate_calculation_columns": False,
    }  # fmt: skip


def attainable() -> str:
    """SQL: the most that a pair's weight, as splink gives it, can be, when only numbers have been compared.

    Names and objects, which take longer, are supposed to agree as well as they can.
    """
    return " + ".join([str(weight(PRIOR)), *map(_most, COMPARISONS)])


def weight(probability: float) -> float:
    """A probability as splink's match weight: the binary logarithm of its odds."""
    return log2(probability / (1 - probability))


def digest() -> str:
    """The SHA-256 of the model, which every claim made with it names."""
    text = json.dumps([settings(), CELL, COMMON, COMMON_SHARE, RIVAL, THRESHOLD], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def reached(comparison: Comparison, gamma: int) -> Level | None:
    """The level that splink's number stands for; None where nothing was compared."""
    return None if gamma < 0 else comparison.levels[len(comparison.levels) - 1 - gamma]


def _most(comparison: Comparison) -> str:
    weights = [log2(level.same / level.other) for level in comparison.levels]
    if comparison.name in _CHEAP:
        cases = [(level.condition, w) for level, w in zip(comparison.levels, weights, strict=True)][:-1]
        rest = weights[-1]
    else:
        cases = [(comparison.needs, max(weights))]
        rest = max(w for level, w in zip(comparison.levels, weights, strict=True) if not level.agrees)
    said = " ".join(f"WHEN {condition} THEN {w}" for condition, w in cases)
    return f"CASE WHEN {comparison.missing} THEN 0 {said} ELSE {rest} END"


def _comparison(comparison: Comparison) -> dict[str, Any]:
    missing = {"sql_condition": comparison.missing, "is_null_level": True, "label_for_charts": "missing"}
    levels = [
        {"sql_condition": level.condition, "label_for_charts": level.name, "m_probability": level.same,
         "u_probability": level.other} for level in comparison.levels
    ]  # fmt: skip
    return {"output_column_name": comparison.name, "comparison_levels": [missing, *levels]}
