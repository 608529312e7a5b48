"""Stretches of time as bars in per cent, one row for each thing, for pictures that the server draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from web.chronicle import Bond, Chronicle, Dated


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch: what it means (a style), from and until (None: it goes on), and where its bar stands in per cent."""

    kind: str
    start: date
    end: date | None
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Line:
    """The stretches of one thing, and where one of them has no end: then it goes on beyond the picture."""

    iri: str
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A picture: its lines, its first and last day, the years marked below it, and the place of the day looked at."""

    lines: tuple[Line, ...]
    first: date
    last: date
    ticks: tuple[tuple[int, float], ...]
    mark: float | None


Spans = Sequence[tuple[str, date, date | None]]


def of_bonds(bonds: Iterable[Bond], chronicle: Chronicle, on: date | None) -> Timeline | None:
    """Who had signed and who was bound when; States of which no day is recorded are left to the table."""
    return _drawn([(bond.state, _bond_spans(bond)) for bond in bonds], chronicle, on)


def of_instruments(dated: Iterable[Dated], chronicle: Chronicle, on: date | None) -> Timeline | None:
    """What had been adopted and what was in force when."""
    return _drawn([(one.iri, _spans(one)) for one in dated if not one.rejected], chronicle, on)


def _bond_spans(bond: Bond) -> Spans:
    ends = bond.bound if bond.form == "party" else bond.withdrew
    spans: list[tuple[str, date, date | None]] = []
    if bond.signed is not None and (ends is None or bond.signed < ends):
        spans.append(("signed", bond.signed, ends))
    if bond.form == "party" and bond.bound is not None:
        spans.append(("bound", bond.bound, bond.ceased))
    return spans


def _spans(one: Dated) -> Spans:
    spans: list[tuple[str, date, date | None]] = []
    if one.adopted is not None and (one.began is None or one.adopted < one.began):
        spans.append(("signed", one.adopted, one.began))
    if one.began is not None:
        spans.append(("bound", one.began, one.ended))
    return spans


def _drawn(rows: list[tuple[str, Spans]], chronicle: Chronicle, on: date | None) -> Timeline | None:
    rows = [(iri, spans) for iri, spans in rows if spans]
    if not rows:
        return None
    days = [day for _, spans in rows for _, *ends in spans for day in ends if day is not None]
    first = min(*days, on or days[0])
    last = max(*days, on or days[0], *(event.day for event in chronicle.events))
    whole = max((last - first).days, 1)

    def at(day: date) -> float:
        return round(100 * (day - first).days / whole, 2)

    lines = tuple(
        Line(iri, tuple(
            Stretch(kind, start, end, at(start), round(max(at(end or last) - at(start), 0.4), 2))
            for kind, start, end in spans
        ))
        for iri, spans in rows
    )  # fmt: skip
    step = next((s for s in (1, 2, 5, 10, 20, 50) if (last.year - first.year) / s <= 6), 100)
    years = range(first.year + (-first.year % step), last.year + 1, step)
    ticks = tuple((year, at(date(year, 1, 1))) for year in years if first <= date(year, 1, 1))
    return Timeline(lines, first, last, ticks, at(on) if on else None)
