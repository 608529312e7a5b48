"""What each source reports of casualties: its own lowest and highest figures by month, place or object.

Figures of two sources are never added together. Within one source they are, over different incidents, and each sum
says over how many: it is what that source reports of them, not how many people were harmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kb.knowledgebase import Row

BY = ("month", "place", "object")
MANY = 2_000  # incidents whose claims are read for one picture
UNKNOWN = ""  # the group of incidents of which no month, place or object is recorded


@dataclass(frozen=True, slots=True)
class Reported:
    """What one claimant reports of some incidents: from `low` to `high` in all; `open` where one has no upper end."""

    group: str
    claimant: str
    low: int
    high: int
    open: bool
    incidents: int


@dataclass(frozen=True, slots=True)
class _Figure:
    """The widest range that one claimant gives for one incident."""

    low: int
    high: int
    open: bool

    def wider(self, other: _Figure) -> _Figure:
        return _Figure(min(self.low, other.low), max(self.high, other.high), self.open or other.open)


def reported(figures: Iterable[Row], facts: Iterable[Row], by: str) -> list[Reported]:
    """The rows of `selection_figures` and `selection_facts` as one line for each group and claimant.

    Several figures of one claimant for one incident (such as civilians, and all persons) are not added either: they
    become the range from the lowest to the highest. An incident counts in each of its groups.
    """
    ranges: dict[tuple[str, str], _Figure] = {}
    for row in figures:
        figure = _figure(row)
        if figure is not None:
            key = (row["incident"].value, row["claimant"].value)
            ranges[key] = ranges[key].wider(figure) if key in ranges else figure
    groups: dict[str, set[str]] = {}
    for row in facts:
        groups.setdefault(row["incident"].value, set()).add(row[by].value if by in row else UNKNOWN)
    lines: dict[tuple[str, str], Reported] = {}
    for (incident, claimant), figure in ranges.items():
        for group in groups.get(incident, {UNKNOWN}):
            line = lines.get((group, claimant), Reported(group, claimant, 0, 0, False, 0))
            lines[group, claimant] = replace(
                line, low=line.low + figure.low, high=line.high + figure.high, open=line.open or figure.open,
                incidents=line.incidents + 1,
            )  # fmt: skip
    return [lines[key] for key in sorted(lines)]


def _figure(row: Mapping[str, object]) -> _Figure | None:
    numbers = {name: _whole(row.get(name)) for name in ("minimum", "best", "maximum")}
    known = [number for number in numbers.values() if number is not None]
    if not known:
        return None
    return _Figure(min(known), max(known), numbers["maximum"] is None and numbers["best"] is None)


def _whole(term: object) -> int | None:
    text = str(getattr(term, "value", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
