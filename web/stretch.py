"""Incidents over time as bars, with the dates when the law changed beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from markupsafe import Markup

from kb.knowledgebase import Row
from web.language import marked
from web.listing import State
from web.panel import Panel
from web.reading import Text
from web.site import reader, show, tongue

_BY_DAY, _BY_MONTH = 62, 120  # the longest stretch of time shown by days (days) and by months (months)
_MOST = 400  # bars
_KINDS = {
    "document": marked("Date of the document"), "force": marked("In force from"), "end": marked("In force until"),
    "state": marked("In force for a State from"),
    "classification": marked("Classification of the conflict said to hold from"),
    "classification-end": marked("Classification of the conflict said to hold until"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of time: its words, first and last day, the incidents that begin in it, its height in per cent.

    `address` leads to the list narrowed to it; empty: none.
    """

    words: Markup
    first: date
    last: date
    incidents: int
    height: float
    address: str


@dataclass(frozen=True, slots=True)
class Change:
    """Something that changed in the law: its number in the picture, where it stands in per cent, what and when."""

    number: int
    x: float
    when: Markup
    kind: str
    label: Text
    address: str
    verification: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The bars, and the changes of the law between the first and the last; how many incidents lie before the bars.

    `kept` are the parameters of an address that has no days yet, for a form that asks for them.
    """

    bars: Sequence[Bar]
    changes: Sequence[Change]
    kept: Sequence[tuple[str, str]]
    left_out: int

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Where marks stand, with the numbers of the changes there: those of one day share a mark."""
        found: dict[float, list[int]] = {}
        for change in self.changes:
            found.setdefault(change.x, []).append(change.number)
        return [(x, str(n[0]) if len(n) == 1 else f"{n[0]}–{n[-1]}") for x, n in found.items()]


def bars(days: Sequence[tuple[date, int]], state: State, path: str) -> list[Bar]:
    """The incidents over time by months; by days where they fit, by years where there are too many months."""
    if not days:
        return []
    unit, chosen = _unit(days), state.filters
    stretches = _filled(_folded(days, unit), unit)[-_MOST:]
    most = max(number for _, number in stretches)
    found = []
    for start, number in stretches:
        last = last_day(start, unit)
        within = replace(chosen, since=max(chosen.since or start, start), until=min(chosen.until or last, last))
        # an incident that may have begun before the chosen days stands in a bar outside them
        empty = not number or (within.since or start) > (within.until or last) or within == chosen
        height = round(max(100 * number / most, 1.5 if number else 0), 2)
        address = "" if empty else state.narrowed(within).address(path)
        found.append(Bar(stretch_words(start, unit), start, last, number, height, address))
    return found


def timeline(days: Sequence[tuple[date, int]], rows: Panel, state: State, path: str) -> Timeline | None:
    """The picture over all incidents of a list; None where none has a date."""
    drawn = bars(days, state, path)
    if not drawn:
        return None
    left_out = sum(number for _, number in days) - sum(bar.incidents for bar in drawn)
    undated = replace(state.filters, since=None, until=None)
    return Timeline(drawn, _changes(rows, drawn), state.narrowed(undated).pairs(), left_out)


def _changes(rows: Panel, drawn: Sequence[Bar]) -> list[Change]:
    """The changes within the bars, oldest first; a date not known to the day is left out of the picture."""
    dated = [(day, row) for row in rows if (day := _date(row)) and drawn[0].first <= day <= drawn[-1].last]
    return [
        Change(
            number, _place(day, drawn), show()(row["date"]), _kind(row),
            reader().label(row["thing"].value), show().address(row["thing"].value),
            row["verification"].value if "verification" in row else "",
        )
        for number, (day, row) in enumerate(sorted(dated, key=lambda d: d[0]), 1)
    ]  # fmt: skip


def _kind(row: Row) -> str:
    words = _KINDS[row["kind"].value]
    return tongue().gettext(words)


def _place(day: date, drawn: Sequence[Bar]) -> float:
    """Where a day stands along bars of equal width, in per cent."""
    at = next(i for i, bar in enumerate(drawn) if day <= bar.last)
    bar = drawn[at]
    share = (day - bar.first).days / ((bar.last - bar.first).days + 1)
    return round(100 * (at + share) / len(drawn), 2)


def _date(row: Row) -> date | None:
    try:
        return date.fromisoformat(row["date"].value[:10])
    except ValueError:
        return None


def _unit(days: Sequence[tuple[date, int]]) -> str:
    length = (days[-1][0] - days[0][0]).days
    return "day" if length <= _BY_DAY else "month" if length <= _BY_MONTH * 31 else "year"


def _folded(days: Sequence[tuple[date, int]], unit: str) -> dict[date, int]:
    found: dict[date, int] = {}
    for day, number in days:
        start = day if unit == "day" else day.replace(day=1, month=1 if unit == "year" else day.month)
        found[start] = found.get(start, 0) + number
    return found


def _filled(bins: dict[date, int], unit: str) -> list[tuple[date, int]]:
    """The stretches without a gap between the first and the last."""
    at, last = min(bins), max(bins)
    found: list[tuple[date, int]] = []
    while at <= last and len(found) < 2000:
        found.append((at, bins.get(at, 0)))
        if last_day(at, unit) == date.max:
            break
        at = last_day(at, unit) + timedelta(days=1)
    return found


def last_day(start: date, unit: str) -> date:
    """The last day of a stretch."""
    if unit == "day":
        return start
    if unit == "year" or start.month == 12:
        return start.replace(month=12, day=31)
    return start.replace(month=start.month + 1) - timedelta(days=1)


def stretch_words(start: date, unit: str) -> Markup:
    """A stretch of time by its first day, in words."""
    here_in = tongue()
    if unit == "day":
        return Markup("{}").format(here_in.day(start))
    return Markup("{}").format(here_in.month(start.year, start.month) if unit == "month" else str(start.year))
