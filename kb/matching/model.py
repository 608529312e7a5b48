"""The model that scores a pair of incidents: comparisons with their levels, as plain data with a digest.

Fellegi and Sunter: each level has m, how often pairs of one event reach it, and u, how often two other records do.
Both are judged, not learnt and not counted: labelled pairs are too few to learn from, and the few there are serve to
measure. Names depend on distances; their u is set high, so that one agreement does not count twice.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

THRESHOLD = 0.9  # nine to one: from here on a pair is written as a candidate for a person to look at
PRIOR = 1e-4  # of two records of different datasets, drawn blindly
COMMON = 500  # a name that more records of two datasets bear brings no pair up by itself: it is that of a region
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
    """What is compared, when it cannot be, and its levels from the closest to the rest."""

    name: str
    missing: str
    levels: tuple[Level, ...]


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
    Comparison("name", "len(names_l) = 0 OR len(names_r) = 0", (
        Level("same-name", "list_has_any(names_l, names_r) OR list_has_any(bones_l, bones_r)", 0.65, 0.04),
        Level("alike", "list_has_any(near_l, near_r)", 0.15, 0.03),
        Level("other-name", "ELSE", 0.2, 0.93),
    )),
    Comparison("killed", "low_l IS NULL OR low_r IS NULL", (
        Level("same-many", f"{_GAP} <= 0 AND least(high_l, high_r) >= 15", 0.25, 0.02),
        Level("same-few", f"{_GAP} <= 0", 0.4, 0.25),
        Level("near", f"{_GAP} <= 2 OR {_GAP} * 3 <= least(high_l, high_r)", 0.28, 0.27),
        Level("far", "ELSE", 0.07, 0.46),
    )),
    Comparison("object", "len(objects_l) = 0 OR len(objects_r) = 0", (
        Level("same-object", "list_has_any(objects_l, objects_r)", 0.75, 0.25),
        Level("other-object", "ELSE", 0.25, 0.75),
    )),
)  # fmt: skip
BLOCKS = (
    {"blocking_rule": "l.days = r.days AND l.cells = r.cells", "arrays_to_explode": ["days", "cells"]},
    {"blocking_rule": "l.days = r.days AND l.rare = r.rare", "arrays_to_explode": ["days", "rare"]},
)
LEVELS = {c.name: {level.name: level for level in c.levels} for c in COMPARISONS}


def settings() -> dict[str, Any]:
    """The model as splink reads it."""
    return {
        "link_type": "link_only", "unique_id_column_name": "iri", "probability_two_random_records_match": PRIOR,
        "comparisons": [_comparison(c) for c in COMPARISONS],
        "blocking_rules_to_generate_predictions": [dict(b) for b in BLOCKS],
        "retain_matching_columns": True, "retain_intermediate_calculation_columns": False,
    }  # fmt: skip


def digest() -> str:
    """The SHA-256 of the model, which every claim made with it names."""
    text = json.dumps([settings(), CELL, COMMON, THRESHOLD], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def reached(comparison: Comparison, gamma: int) -> Level | None:
    """The level that splink's number stands for; None where nothing was compared."""
    return None if gamma < 0 else comparison.levels[len(comparison.levels) - 1 - gamma]


def _comparison(comparison: Comparison) -> dict[str, Any]:
    missing = {"sql_condition": comparison.missing, "is_null_level": True, "label_for_charts": "missing"}
    levels = [
        {"sql_condition": level.condition, "label_for_charts": level.name, "m_probability": level.same,
         "u_probability": level.other} for level in comparison.levels
    ]  # fmt: skip
    return {"output_column_name": comparison.name, "comparison_levels": [missing, *levels]}
